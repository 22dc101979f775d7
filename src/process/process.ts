import { inspect } from "node:util";
import type { TcpMessage, TcpPassive } from "../tcp/message.ts";
import { Belongings } from "./belongings.ts";
import { Abnormal, type ExitReason, ExitSignal, Killed, Normal, Shutdown } from "./exit.ts";
import type { ExitListener } from "./exit-listener.ts";
import { MailboxBound, type MailboxOptions } from "./mailbox-bound.ts";
import { MailboxSubject } from "./mailbox-subject.ts";
import { MessageLoop } from "./message-loop.ts";
import { noValue, Outcome, type Returned } from "./outcome.ts";
import { type Owner, ownerItself } from "./owner.ts";
import { Receiver } from "./receiver.ts";
import type { RuntimeEngine } from "./runtime.ts";
import { type Lane, Selector } from "./selector.ts";
import type { Subject } from "./subject.ts";
import { isThenable } from "./thenable.ts";
import { Ties } from "./ties.ts";
import { valueText } from "./value-text.ts";

/** A process as others see it: an address, a life, and the ways to end it. Source: `gleam/erlang/process.Pid`. */
export interface Process<out T = unknown, in M = never> extends Owner {
  readonly id: number;
  /** Its address. */
  readonly subject: Subject<M>;
  /** Whether it has not ended yet. */
  readonly isAlive: boolean;
  /**
   * What its function returned. Rejects when it did not return: with what it threw, or with an `ExitSignal`. Never an
   * unhandled rejection by itself.
   */
  readonly result: Promise<T>;
  /** Resolves at its end: names are free, sockets are closing, links and monitors have been told. */
  readonly exited: Promise<ExitReason>;
  /** Resolves when its function has really returned: JavaScript cannot stop code between two awaits. */
  readonly settled: Promise<void>;
  /** Sends an untyped message, which only `selectOther` and `selectRecord` take. Source: `Pid ! Message`. */
  tell(message: unknown): void;
  /**
   * Asks it to end normally: heard only if it traps exits, as an `ExitMessage` whose `owner` is `from`; sent by a
   * process to itself, it ends it. Source: `process.send_exit`.
   */
  sendExit(options?: ExitOptions): void;
  /** Ends it with this reason, unless it traps exits: then it hears of it from `from`. Source: `process.send_abnormal_exit`. */
  sendAbnormalExit(reason: unknown, options?: ExitOptions): void;
  /** Ends it; this cannot be trapped. Source: `process.kill`. */
  kill(): void;
}

/** @internal The engine of `process`. */
export function processEngine(process: Process): ProcessEngine {
  if (process instanceof ProcessEngine) return process;
  throw new TypeError("Cannot take for a process what no runtime has started");
}

/** Who sends an exit: JavaScript does not know who calls, so the sender may say it. */
export interface ExitOptions {
  /** Default: the receiver itself stands in for a sender that did not say who it is. */
  readonly from?: Owner | undefined;
}

/**
 * The life of one process: its mailbox, who waits for it, and whom its end concerns. `Process` and `Self` are the two
 * views of it. What few processes use is made on first use, so that an idle one stays small.
 */
export class ProcessEngine extends Receiver implements Process {
  readonly id: number;
  readonly inbox = new MailboxSubject(this);
  /** @internal Its neighbours among the processes of the runtime. */
  older: ProcessEngine | undefined;
  newer: ProcessEngine | undefined;

  /** Its function, until it has begun. */
  #start: ((process: ProcessEngine) => unknown) | undefined;
  #ended: ExitReason | undefined;
  #returned: Returned | undefined;
  #outcome: Outcome | undefined;
  #ties: Ties | undefined;
  #belongings: Belongings | undefined;

  constructor(runtime: RuntimeEngine, start: (process: ProcessEngine) => unknown, mailbox?: MailboxOptions) {
    super(runtime);
    this.id = runtime.nextId();
    if (mailbox?.capacity !== undefined) this.bound(new MailboxBound(this, mailbox));
    this.#start = start;
    runtime.activity.begin();
    runtime.scheduler.enqueue(this);
  }

  // ── from outside ──

  get subject(): Subject<never> {
    return this.inbox as unknown as Subject<never>;
  }

  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  get result(): Promise<unknown> {
    return this.#asked.result;
  }

  get exited(): Promise<ExitReason> {
    return this.#asked.exited;
  }

  get settled(): Promise<void> {
    return this.#asked.settled;
  }

  get #asked(): Outcome {
    return (this.#outcome ??= new Outcome(this.#ended, this.#returned));
  }

  tell(message: unknown): void {
    this.offer("raw", undefined, message);
  }

  deliver(message: TcpMessage): void {
    this.arrive("socket", message.socket, message);
  }

  deliverPassive(message: TcpPassive): void {
    this.arrive("passive", message.socket, message);
  }

  takeBack(socket: object): (TcpMessage | TcpPassive)[] {
    return this.takeBackAll(socket) as (TcpMessage | TcpPassive)[];
  }

  dropClosed(socket: object): void {
    this.dropNewest(socket, (message) => (message as TcpMessage).type === "SocketClosed");
  }

  onExit(listener: (reason: ExitReason) => void, role: "resource" | "observer" = "observer"): () => void {
    const ended = this.#ended;
    if (ended === undefined) return this.add(listener, role);
    listener(ended);
    return () => undefined;
  }

  attach(resource: ExitListener): boolean {
    if (this.isAlive) this.addResource(resource);
    return this.isAlive;
  }

  /** As `onExit`, for an observer that leaves by itself. */
  observeExit(observer: ExitListener): void {
    const ended = this.#ended;
    if (ended === undefined) this.addObserver(observer);
    else observer.hear(ended);
  }

  exit(reason: ExitReason): void {
    switch (reason.type) {
      case "Normal":
        this.sendExit();
        break;
      case "Killed":
        this.kill();
        break;
      case "Abnormal":
        this.sendAbnormalExit(reason.reason);
    }
  }

  sendExit(options?: ExitOptions): void {
    if (this.isTrappingExits) this.hearExit(senderOf(options) ?? this, Normal);
    else if (senderOf(options) === this) this.end(Normal);
  }

  sendAbnormalExit(reason: unknown, options?: ExitOptions): void {
    if (this.isTrappingExits) this.hearExit(senderOf(options) ?? this, Abnormal(reason));
    else this.crash(reason);
  }

  kill(): void {
    this.end(Killed);
  }

  toJSON(): object {
    return { type: "Process", id: this.id };
  }

  [inspect.custom](): string {
    return `Process { id: ${String(this.id)}, isAlive: ${String(this.isAlive)} }`;
  }

  /** Takes a message in that anybody may send, if the mailbox has room for it. */
  offer(lane: Lane, key: object | undefined, message: unknown): boolean {
    if (!this.isBounded || !this.isAlive) return this.arrive(lane, key, message);
    return this.takeIn(lane, key, message, true);
  }

  /** Takes a message in. `key` is the subject, socket or monitor that it comes from. Says false after the end. */
  arrive(lane: Lane, key: object | undefined, message: unknown): boolean {
    if (this.isAlive) return this.takeIn(lane, key, message);
    this.runtime.deadLetter({ message, to: `process ${String(this.id)}`, why: "Exited" });
    return false;
  }

  // ── from inside ──

  /** Waits for what `from` asks for; without `withinMs` for ever, and then the message comes as it is. */
  receive(from: Selector<unknown> | MailboxSubject, withinMs?: number): Promise<unknown> {
    this.checkAlive();
    if (from instanceof MailboxSubject) {
      if (from.holder !== this) throw new Error("Cannot receive with a subject owned by another process");
    } else if (!(from instanceof Selector))
      throw new TypeError(
        `Cannot receive: expected a selector or a subject of this process, received ${valueText(from)}`,
      );
    return this.receiveWanted(from, withinMs);
  }

  /** @throws ExitSignal after the end */
  checkAlive(): void {
    if (this.#ended !== undefined) throw new ExitSignal(this.#ended);
  }

  get signal(): AbortSignal {
    return this.belongings.signalOf(this.#ended);
  }

  /** Its names, its timers, and what wakes its waits at its end. */
  get belongings(): Belongings {
    return (this.#belongings ??= new Belongings(this));
  }

  /** Its links and monitors, and whether it traps exits. */
  get ties(): Ties {
    return (this.#ties ??= new Ties(this));
  }

  get isTrappingExits(): boolean {
    return this.#ties?.isTrappingExits === true;
  }

  /** An exit as a message, for a process that traps them. Says whether that was news to anybody who lives on. */
  hearExit(from: Owner, reason: ExitReason): boolean {
    if (this.isAlive) this.arrive("exit", undefined, { type: "ExitMessage", owner: from, reason });
    return this.isAlive && from !== this.#ties?.endsWith;
  }

  // ── start and end ──

  /** Its turn in the run queue: to start, and to receive from then on. */
  override run(): void {
    const start = this.#start;
    this.#start = undefined;
    if (start === undefined) super.run();
    else this.#begin(start);
  }

  #begin(start: (process: ProcessEngine) => unknown): void {
    try {
      const returned = start(this);
      // A foreign thenable may settle twice, or give another promise: a promise of our own does neither.
      if (isThenable(returned)) this.#follow(returned instanceof Promise ? returned : Promise.resolve(returned));
      else this.#goOn(returned);
    } catch (error) {
      this.#throw(error);
    }
  }

  #follow(returned: PromiseLike<unknown>): void {
    returned.then(this.#goOn.bind(this), this.#throw.bind(this)); // closures over `this` keep a third more
  }

  /** Its function has returned, unless it goes on as the loop that it has made. */
  #goOn(returned: unknown): void {
    if (returned instanceof MessageLoop) returned.becomeFunction();
    else this.return(returned);
  }

  /** Its function has returned: the end of the process, unless it has ended before. */
  return(value?: unknown): void {
    // A process that was ended before did not return: its result says so already.
    this.#settle(this.isAlive ? { value } : noValue);
    this.end(Normal);
  }

  #throw(error: unknown): void {
    this.#settle(noValue);
    // What a function throws after its process has ended is how it found out: nobody has to hear of it.
    if (this.isAlive) this.crash(error);
  }

  #settle(returned: Returned): void {
    this.#returned = returned;
    this.#outcome?.settle(returned);
    this.runtime.forget(this);
    this.runtime.activity.end();
  }

  /** Ends with this reason and reports it, unless somebody asked for it: the process is where it comes from. */
  crash(reason: unknown): void {
    if (!this.isAlive) return;
    const isHandled = this.end(Abnormal(reason));
    if (reason !== Shutdown.reason) this.runtime.reportCrash(this, reason, isHandled);
  }

  /**
   * Ends the process, once; later calls do nothing. Whoever it concerns hears of it in a fixed order: the process's
   * own waits, timers and names, its resources, its links, its monitors and other observers. Then the same for those
   * that its links take down; they are no longer alive when its own observers hear.
   *
   * @returns whether anybody heard: an observer, a reader of `result` or `exited`, or somebody through a link
   */
  end(reason: ExitReason): boolean {
    if (!this.isAlive) return true;
    let isHeard = false;
    this.#stop(reason);
    // One after the other and not one within the other: a chain of links may be longer than JavaScript's stack is deep.
    const goingDown: ProcessEngine[] = [this];
    for (const process of goingDown) if (process.#tellEnd(reason, goingDown)) isHeard = true; // it grows meanwhile
    return isHeard;
  }

  #stop(reason: ExitReason): void {
    this.#ended = reason;
    this.#outcome?.end(reason);
    this.#belongings?.free();
    this.#ties?.stopMonitoring();
    this.interrupt(reason);
    this.#belongings?.interrupt(reason, this.runtime.rethrow);
  }

  /** Says whether anybody heard; whoever goes down by a link is stopped and put into `goingDown`. */
  #tellEnd(reason: ExitReason, goingDown: ProcessEngine[]): boolean {
    this.tellResources(reason, this.runtime.rethrow);
    const isSeen = this.#outcome?.isAskedFor === true || this.hasObservers;
    const goesDown = (linked: ProcessEngine): void => {
      if (!linked.isAlive) return;
      linked.#stop(reason);
      goingDown.push(linked);
    };
    const isHeard = this.#ties?.tellLinks(reason, goesDown) === true || isSeen;
    this.tellObservers(reason, this.runtime.rethrow);
    this.#outcome?.tell();
    if (this.#start !== undefined) this.#forgetStart();
    return isHeard;
  }

  /** Ended before its function could begin. */
  #forgetStart(): void {
    this.#start = undefined;
    this.#settle(noValue);
  }
}

function senderOf(options: ExitOptions | undefined): Owner | undefined {
  return options?.from === undefined ? undefined : ownerItself(options.from);
}
