import { Abnormal, type ExitReason, Shutdown } from "../process/exit.ts";
import { type ExitMessage, selectTrappedExits } from "../process/monitor.ts";
import type { Process } from "../process/process.ts";
import { newSelector } from "../process/selector.ts";
import { runtimeEngine } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
import type { Timer } from "../process/timer.ts";
import { valueText } from "../process/value-text.ts";
import { err, ok, type Result } from "../result.ts";
import { backoffMs } from "./backoff.ts";
import type { Operation } from "./operation.ts";
import { isStartedAgain, Restarts } from "./restarts.ts";
import { type End, endAskedFor, endSupervisor, settledWithin, stopProcesses, trapExitsUnder } from "./shutdown.ts";
import { exitCause, startChild, startErrorCause, startFailure } from "./start-child.ts";
import type { Started, StartError } from "./start.ts";
import type { SupervisorOptions } from "./static-supervisor.ts";
import {
  type AlreadyPresent,
  type ChildSpec,
  defaultShutdownTimeoutMs,
  type NotFound,
  type NotStopped,
  type Restart,
} from "./supervision.ts";

/** One child, running or not. */
interface Child {
  readonly spec: ChildSpec;
  readonly restart: Restart;
  readonly shutdownTimeoutMs: number;
  /** Absent where it does not run. */
  process: Process | undefined;
  /** Present while it is to be started again and is not yet. */
  waiting: Waiting | undefined;
  startedAt: number;
  /** Restarts in a row, none of which lasted. */
  attempts: number;
}

interface Waiting {
  /** The process whose function may still be running; none where it did not start. */
  readonly old: Process | undefined;
  /** The back-off, once it has begun. */
  timer?: Timer;
}

/** What the process of a supervisor receives. */
export type SupervisorMessage =
  | { readonly type: "ChildEnded"; readonly child: Child; readonly process: Process; readonly reason: ExitReason }
  /** The function of the old process has returned, or its time is over. */
  | { readonly type: "OldIsGone"; readonly child: Child; readonly waiting: Waiting }
  | { readonly type: "BackoffIsOver"; readonly child: Child; readonly waiting: Waiting }
  | Operation
  | ExitMessage;

/** The process of a supervisor: one thing at a time, children in the order in which they were first started. */
export class SupervisorEngine {
  readonly children: Child[];
  readonly #self: Self;
  readonly #subject: OwnSubject<SupervisorMessage>;
  readonly #options: SupervisorOptions;
  readonly #parent: Process | undefined;
  readonly #restarts: Restarts;

  constructor(
    self: Self,
    subject: OwnSubject<SupervisorMessage>,
    options: SupervisorOptions,
    parent: Process | undefined,
  ) {
    this.#self = self;
    this.#subject = subject;
    this.#options = options;
    this.#parent = parent;
    this.#restarts = new Restarts(options.restartTolerance);
    this.children = options.children.map(newChild);
    trapExitsUnder(self, parent);
  }

  /** @throws Error naming the first child that does not start; those before it have been stopped */
  async startAll(): Promise<void> {
    for (const child of this.children) {
      const result = await this.#start(child);
      if (result.ok) continue;
      await this.#stopAll(this.children);
      throw startFailure(child.spec.id, result.error);
    }
  }

  async run(): Promise<void> {
    const selector = selectTrappedExits(newSelector().select(this.#subject), (exit) => exit);
    let end: End | undefined;
    while (end === undefined) end = await this.#handle(await this.#self.receiveForever(selector));
    await this.#stopAll(this.children);
    endSupervisor(this.#self, end);
  }

  // ── operations ──

  async startChild(spec: ChildSpec): Promise<Result<Started<unknown>, StartError | AlreadyPresent>> {
    if (this.#find(spec.id) !== undefined) return err({ type: "AlreadyPresent" });
    const child = newChild(spec);
    const result = await this.#start(child);
    if (result.ok) this.children.push(child);
    return result;
  }

  async restartChild(id: string): Promise<Result<Started<unknown>, StartError | NotStopped>> {
    const child = this.#findStopped(id);
    return child.ok ? this.#start(child.value) : child;
  }

  async terminateChild(id: string): Promise<Result<undefined, NotFound>> {
    const child = this.#find(id);
    if (child === undefined) return err({ type: "NotFound" });
    await this.#stop(child);
    return ok();
  }

  deleteChild(id: string): Result<undefined, NotStopped> {
    const child = this.#findStopped(id);
    if (!child.ok) return child;
    this.#remove(child.value);
    return ok();
  }

  #find(id: string): Child | undefined {
    return this.children.find(({ spec }) => spec.id === id);
  }

  #findStopped(id: string): Result<Child, NotStopped> {
    const child = this.#find(id);
    if (child === undefined) return err({ type: "NotFound" });
    if (child.waiting !== undefined) return err({ type: "Restarting" });
    return child.process === undefined ? ok(child) : err({ type: "Running" });
  }

  #remove(child: Child): void {
    this.children.splice(this.children.indexOf(child), 1);
  }

  // ── what happens: each gives how the supervisor then ends, if it does ──

  async #handle(message: SupervisorMessage): Promise<End | undefined> {
    switch (message.type) {
      case "ChildEnded":
        // Otherwise the supervisor has stopped it meanwhile, or started another.
        return message.child.process === message.process ? this.#childEnded(message.child, message.reason) : undefined;
      case "OldIsGone":
        return message.child.waiting === message.waiting ? this.#backOff(message.child, message.waiting) : undefined;
      case "BackoffIsOver":
        return message.child.waiting === message.waiting ? this.#startAgain(message.child) : undefined;
      case "Operation":
        return this.#operate(message);
      case "ExitMessage":
        // Of its children it hears by `ChildEnded`.
        return endAskedFor(message, this.#self, this.#parent);
    }
  }

  async #operate(operation: Operation): Promise<undefined> {
    const tell = await operation.run();
    if (this.#self.process.isAlive) tell();
  }

  async #childEnded(child: Child, reason: ExitReason): Promise<End | undefined> {
    const old = child.process;
    child.process = undefined;
    if (isStartedAgain(child.restart, reason)) {
      if (this.#now - child.startedAt >= this.#restarts.tolerance.periodMs) child.attempts = 0;
      return this.#restart(child, old, exitCause(reason));
    }
    if (child.restart === "Temporary") this.#remove(child);
    return child.spec.significant === true && this.#endsWithIt ? { reason: Shutdown } : undefined;
  }

  /** Whether the supervisor ends now that a significant child has. */
  get #endsWithIt(): boolean {
    const { autoShutdown = "Never" } = this.#options;
    if (autoShutdown !== "AllSignificant") return autoShutdown === "AnySignificant";
    return !this.children.some(
      ({ spec, process, waiting }) => spec.significant === true && (process !== undefined || waiting !== undefined),
    );
  }

  async #restart(child: Child, old: Process | undefined, cause: unknown): Promise<End | undefined> {
    const waiting: Waiting = { old };
    child.waiting = waiting;
    if (!this.#restarts.add(this.#now))
      return { reason: Abnormal(this.#restarts.tooMany(`child ${valueText(child.spec.id)}`, cause)) };
    await this.#stopAll(this.#affectedBy(child).filter((affected) => affected !== child));
    const settled = old === undefined ? [] : [old.settled];
    // Not awaited: a function that hangs holds up no other child.
    void settledWithin(this.#self, settled, child.shutdownTimeoutMs).then(() => {
      this.#post({ type: "OldIsGone", child, waiting });
    });
    return undefined;
  }

  async #backOff(child: Child, waiting: Waiting): Promise<End | undefined> {
    const { backoff } = this.#options;
    if (backoff === undefined) return this.#startAgain(child);
    const delayMs = backoffMs(backoff, ++child.attempts);
    waiting.timer = this.#self.sendAfter(this.#subject, delayMs, { type: "BackoffIsOver", child, waiting });
    return undefined;
  }

  async #startAgain(child: Child): Promise<End | undefined> {
    child.waiting = undefined;
    const affected = this.#affectedBy(child);
    await this.#stopAll(affected); // what was started meanwhile
    for (const one of affected) {
      if (!this.children.includes(one)) continue;
      const result = await this.#start(one);
      if (!result.ok) return this.#restart(one, undefined, startErrorCause(result.error));
    }
    return undefined;
  }

  /** Who is started again where `child` is, in order. */
  #affectedBy(child: Child): readonly Child[] {
    switch (this.#options.strategy) {
      case "OneForOne":
        return [child];
      case "OneForAll":
        return [...this.children];
      case "RestForOne":
        return this.children.slice(this.children.indexOf(child));
    }
  }

  // ── starting and stopping one ──

  async #start(child: Child): Promise<Result<Started<unknown>, StartError>> {
    const result = await startChild(this.#self, (host) => child.spec.start(host));
    if (!result.ok) return result;
    const { process } = result.value;
    child.process = process;
    child.startedAt = this.#now;
    process.onExit((reason) => {
      this.#post({ type: "ChildEnded", child, process, reason });
    });
    return result;
  }

  /** One after the other, the last first. */
  async #stopAll(children: readonly Child[]): Promise<void> {
    for (const child of children.toReversed()) await this.#stop(child);
  }

  /** Temporary children are not known any more after that. */
  async #stop(child: Child): Promise<void> {
    const process = child.process ?? child.waiting?.old;
    if (child.waiting?.timer !== undefined) this.#self.cancelTimer(child.waiting.timer);
    child.process = undefined;
    child.waiting = undefined;
    if (child.restart === "Temporary" && this.children.includes(child)) this.#remove(child);
    if (process !== undefined) await stopProcesses(this.#self, [process], child.shutdownTimeoutMs);
  }

  #post(message: SupervisorMessage): void {
    if (this.#self.process.isAlive) this.#subject.send(message);
  }

  get #now(): number {
    return runtimeEngine(this.#self.runtime).clock.now();
  }
}

function newChild(spec: ChildSpec): Child {
  return {
    spec,
    restart: spec.restart ?? "Permanent",
    shutdownTimeoutMs: spec.shutdownTimeoutMs ?? defaultShutdownTimeoutMs,
    process: undefined,
    waiting: undefined,
    startedAt: 0,
    attempts: 0,
  };
}
