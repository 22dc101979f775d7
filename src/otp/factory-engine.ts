import { Abnormal, type ExitReason, Shutdown } from "../process/exit.ts";
import { ExitListener } from "../process/exit-listener.ts";
import { type ExitMessage, selectTrappedExits } from "../process/monitor.ts";
import type { Process } from "../process/process.ts";
import { runtimeEngine } from "../process/runtime.ts";
import { newSelector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import type { FactoryOptions, FactoryRequest } from "./factory-supervisor.ts";
import { isStartedAgain, Restarts } from "./restarts.ts";
import { type End, endAskedFor, endSupervisor, settledWithin, trapExitsUnder } from "./shutdown.ts";
import { exitCause, startChild, startErrorCause, watchChild } from "./start-child.ts";
import type { Started, StartError } from "./start.ts";
import { defaultShutdownTimeoutMs } from "./supervision.ts";

/** One child: being started, running, or ended and about to be started again. */
class Child<A, D> extends ExitListener {
  readonly argument: A;
  /** Present while it is being started. */
  starting: Promise<Result<Started<D>, StartError>> | undefined;
  /** Its process, or its last one. */
  process: Process | undefined;
  readonly #factory: FactoryEngine<A, D>;

  constructor(factory: FactoryEngine<A, D>, argument: A) {
    super();
    this.#factory = factory;
    this.argument = argument;
  }

  hear(reason: ExitReason): void {
    this.#factory.post({ type: "ChildEnded", child: this, reason });
  }
}

/** What happens to children. */
type Event<A, D> =
  | { readonly type: "ChildEnded"; readonly child: Child<A, D>; readonly reason: ExitReason }
  /** The function of the old process has returned, or its time is over. */
  | { readonly type: "OldIsGone"; readonly child: Child<A, D> }
  | { readonly type: "RestartFailed"; readonly child: Child<A, D>; readonly error: StartError };

/** The process of a factory. It waits for nobody's start: any number of children are being started at a time. */
export class FactoryEngine<A, D> {
  /** In the order in which they were asked for. */
  readonly children = new Set<Child<A, D>>();
  readonly #self: Self;
  readonly #requests: OwnSubject<FactoryRequest<A, D>>;
  readonly #events: OwnSubject<Event<A, D>>;
  readonly #options: FactoryOptions<A, D>;
  readonly #parent: Process | undefined;
  readonly #restarts: Restarts;
  readonly #shutdownTimeoutMs: number;

  constructor(
    self: Self,
    requests: OwnSubject<FactoryRequest<A, D>>,
    options: FactoryOptions<A, D>,
    parent: Process | undefined,
  ) {
    this.#self = self;
    this.#requests = requests;
    this.#events = self.newSubject();
    this.#options = options;
    this.#parent = parent;
    this.#restarts = new Restarts(options.restartTolerance);
    this.#shutdownTimeoutMs = options.shutdownTimeoutMs ?? defaultShutdownTimeoutMs;
    trapExitsUnder(self, parent);
  }

  async run(): Promise<void> {
    const selector = selectTrappedExits(newSelector().select(this.#requests).select(this.#events), (exit) => exit);
    let end: End | undefined;
    while (end === undefined) end = this.#handle(await this.#self.receiveForever(selector));
    await this.#stopAll();
    endSupervisor(this.#self, end);
  }

  /** Gives how the supervisor then ends, if it does. */
  #handle(message: FactoryRequest<A, D> | Event<A, D> | ExitMessage): End | undefined {
    switch (message.type) {
      case "StartChild":
        void this.#startFirst(message);
        return undefined;
      case "ChildEnded":
        if (isStartedAgain(this.#options.restart ?? "Transient", message.reason))
          return this.#restart(message.child, exitCause(message.reason));
        this.children.delete(message.child);
        return undefined;
      case "OldIsGone":
        void this.#startAgain(message.child);
        return undefined;
      case "RestartFailed":
        return this.#restart(message.child, startErrorCause(message.error));
      case "ExitMessage":
        // Of its children it hears by `ChildEnded`.
        return endAskedFor(message, this.#self, this.#parent);
    }
  }

  async #startFirst({ argument, reply }: FactoryRequest<A, D>): Promise<void> {
    const child = new Child(this, argument);
    this.children.add(child);
    const result = await this.#start(child);
    if (!result.ok) this.children.delete(child);
    if (this.#self.process.isAlive) reply.send(result); // otherwise the caller has heard of it
  }

  #restart(child: Child<A, D>, cause: unknown): End | undefined {
    const now = runtimeEngine(this.#self.runtime).clock.now();
    if (!this.#restarts.add(now))
      return { reason: Abnormal(this.#restarts.tooMany(`the child of ${valueText(child.argument)}`, cause)) };
    const settled = child.process === undefined ? [] : [child.process.settled];
    void settledWithin(this.#self, settled, this.#shutdownTimeoutMs).then(() => {
      this.post({ type: "OldIsGone", child });
    });
    return undefined;
  }

  async #startAgain(child: Child<A, D>): Promise<void> {
    const result = await this.#start(child);
    if (!result.ok) this.post({ type: "RestartFailed", child, error: result.error });
  }

  async #start(child: Child<A, D>): Promise<Result<Started<D>, StartError>> {
    child.process = undefined;
    child.starting = startChild(this.#self, (host) => this.#options.start(child.argument, host));
    const result = await child.starting;
    child.starting = undefined;
    if (!result.ok) return result;
    child.process = result.value.process;
    watchChild(child.process, child);
    return result;
  }

  /** All at once, each with the same time, those too that are being started. */
  async #stopAll(): Promise<void> {
    const children = [...this.children];
    if (this.#shutdownTimeoutMs > 0) {
      const gone = children.map((child) => this.#askToEnd(child));
      await settledWithin(this.#self, gone, this.#shutdownTimeoutMs);
    }
    for (const { process } of children) process?.kill();
  }

  async #askToEnd(child: Child<A, D>): Promise<void> {
    if (child.starting !== undefined) await child.starting;
    child.process?.sendAbnormalExit(Shutdown.reason, { from: this.#self });
    await child.process?.settled;
  }

  /** What has happened waits for its turn, as long as there is somebody to handle it. */
  post(event: Event<A, D>): void {
    if (this.#self.process.isAlive) this.#events.send(event);
  }
}
