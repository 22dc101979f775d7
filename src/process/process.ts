import { inspect } from "node:util";
import type { TcpMessage } from "../tcp/message.ts";
import { err, ok, type Result } from "../result.ts";
import { Deadline } from "./alarm.ts";
import { Abnormal, type ExitReason, ExitSignal, Killed, noproc, Normal } from "./exit.ts";
import { Mailbox } from "./mailbox.ts";
import { MailboxSubject } from "./mailbox-subject.ts";
import type { Monitor } from "./monitor.ts";
import type { NameEngine } from "./name.ts";
import { type Owner, watch } from "./owner.ts";
import type { RuntimeEngine } from "./runtime.ts";
import type { Runnable } from "./scheduler.ts";
import { type Lane, mapperFor, type Selector } from "./selector.ts";
import type { Subject } from "./subject.ts";
import type { TimerEngine } from "./timer.ts";

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
  /** Asks it to end normally: heard only if it traps exits. `self.exit` ends oneself. Source: `process.send_exit`. */
  sendExit(): void;
  /** Ends it with this reason, unless it traps exits. Source: `process.send_abnormal_exit`. */
  sendAbnormalExit(reason: unknown): void;
  /** Ends it; this cannot be trapped. Source: `process.kill`. */
  kill(): void;
}

/** A promise with its two ends. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** How far its function is. */
type Body =
  | { readonly phase: "waiting"; readonly start: () => unknown }
  | { readonly phase: "running" }
  | { readonly phase: "returned"; readonly value: unknown }
  | { readonly phase: "threw" };

interface ExitListener {
  readonly listener: (reason: ExitReason) => void;
}

const running: Body = { phase: "running" };
const threw: Body = { phase: "threw" };
const noTime = -1;

/**
 * The life of one process: its mailbox, who waits for it, and whom its end concerns. `Process` and `Self` are the two
 * views of it. What few processes use is made on first use, so that an idle one stays small.
 */
export class ProcessEngine implements Process, Runnable {
  readonly id: number;
  readonly runtime: RuntimeEngine;
  readonly mailbox = new Mailbox();
  readonly inbox = new MailboxSubject(this);
  isTrappingExits = false;

  #body: Body;
  #ended: ExitReason | undefined;

  // The one receive that may be pending.
  #from: Selector<unknown> | undefined;
  #resolve: ((value: unknown) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  /** The time it may take, or none, which also says what shape its answer has. */
  #withinMs = noTime;
  #deadline: Deadline | undefined;
  /** Stands in the run queue: to start, or because its message came when no reductions were left. */
  #isQueued = true;

  #links: Map<Owner, (() => void) | undefined> | undefined;
  #monitors: Map<Monitor, () => void> | undefined;
  #resources: Set<ExitListener> | undefined;
  #observers: Set<ExitListener> | undefined;
  #interrupts: Set<(signal: ExitSignal) => void> | undefined;
  #timers: Set<TimerEngine> | undefined;
  #names: Map<NameEngine, MailboxSubject> | undefined;
  #controller: AbortController | undefined;
  #result: Deferred<unknown> | undefined;
  #exited: Deferred<ExitReason> | undefined;
  #settled: Deferred<void> | undefined;

  constructor(runtime: RuntimeEngine, start: (process: ProcessEngine) => unknown) {
    this.id = runtime.nextId();
    this.runtime = runtime;
    this.#body = { phase: "waiting", start: () => start(this) };
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
    if (this.#result === undefined) {
      this.#result = deferred();
      if (this.#body.phase === "returned") this.#result.resolve(this.#body.value);
      else if (this.#ended !== undefined) this.#result.reject(errorOf(this.#ended));
    }
    return this.#result.promise;
  }

  get exited(): Promise<ExitReason> {
    if (this.#exited === undefined) {
      this.#exited = deferred();
      if (this.#ended !== undefined) this.#exited.resolve(this.#ended);
    }
    return this.#exited.promise;
  }

  get settled(): Promise<void> {
    if (this.#settled === undefined) {
      this.#settled = deferred();
      if (this.#body.phase === "returned" || this.#body.phase === "threw") this.#settled.resolve();
    }
    return this.#settled.promise;
  }

  tell(message: unknown): void {
    this.arrive("raw", undefined, message);
  }

  deliver(message: TcpMessage): void {
    this.arrive("socket", message.socket, message);
  }

  takeBack(socket: object): TcpMessage[] {
    return this.mailbox.takeAll(socket) as TcpMessage[];
  }

  onExit(listener: (reason: ExitReason) => void, role: "resource" | "observer" = "observer"): () => void {
    if (this.#ended !== undefined) {
      listener(this.#ended);
      return () => undefined;
    }
    const listeners = role === "resource" ? (this.#resources ??= new Set()) : (this.#observers ??= new Set());
    const entry: ExitListener = { listener };
    listeners.add(entry);
    return () => listeners.delete(entry);
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

  sendExit(): void {
    if (this.isTrappingExits) this.hearExit(this, Normal);
  }

  sendAbnormalExit(reason: unknown): void {
    if (this.isTrappingExits) this.hearExit(this, Abnormal(reason));
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

  // ── messages ──

  /**
   * Takes a message in: it goes to the receive that waits for it, or last into the mailbox. `key` is the subject,
   * socket or monitor that it comes from. Says false after the end.
   */
  arrive(lane: Lane, key: object | undefined, message: unknown): boolean {
    if (this.#ended !== undefined) {
      this.runtime.deadLetter({ message, to: `process ${String(this.id)}`, why: "Exited" });
      return false;
    }
    const hasReductions = this.runtime.scheduler.charge();
    if (this.#from !== undefined && !this.#isQueued) {
      const mapper = mapperFor(this.#from, lane, key, message);
      if (mapper !== undefined) {
        if (hasReductions) {
          this.#answer(mapper, message);
          return true;
        }
        this.#queueUp();
      }
    }
    this.mailbox.append(lane, key, message);
    return true;
  }

  /** Waits for what `from` asks for; without `withinMs` for ever, and then the message comes as it is. */
  receive(from: Selector<unknown> | MailboxSubject, withinMs?: number): Promise<unknown> {
    this.checkAlive();
    if (this.#from !== undefined) throw new Error("Cannot receive while another receive of this process is pending");
    const selector = this.#selectorOf(from);
    const hasReductions = this.runtime.scheduler.charge();
    if (hasReductions) {
      const taken = this.mailbox.take(selector);
      if (taken !== undefined) {
        const value = taken.mapper(taken.message);
        return Promise.resolve(withinMs === undefined ? value : ok(value));
      }
      if (withinMs === 0) return Promise.resolve(err("Timeout"));
    }
    return new Promise((resolve, reject) => {
      this.#from = selector;
      this.#resolve = resolve;
      this.#reject = reject;
      this.#withinMs = withinMs ?? noTime;
      this.runtime.activity.end();
      if (!hasReductions) this.#queueUp();
      if (withinMs !== undefined) this.#startDeadline(withinMs);
    });
  }

  /** Its turn in the run queue: to start, or to take the message for which there were no reductions. */
  run(): void {
    this.#isQueued = false;
    if (this.#body.phase === "waiting") {
      this.#start(this.#body.start);
      return;
    }
    if (this.#from === undefined) return;
    const taken = this.mailbox.take(this.#from);
    if (taken !== undefined) this.#answer(taken.mapper, taken.message);
    else if (this.#withinMs === 0) this.#passDeadline();
  }

  #selectorOf(from: Selector<unknown> | MailboxSubject): Selector<unknown> {
    if (!(from instanceof MailboxSubject)) return from;
    if (from.holder !== this) throw new Error("Cannot receive with a subject owned by another process");
    return from.selector;
  }

  /** The mapper runs here, on the sender's stack, but what it throws belongs to the receiver. */
  #answer(mapper: (message: unknown) => unknown, message: unknown): void {
    const resolve = this.#resolve;
    const reject = this.#reject;
    const isTimed = this.#withinMs !== noTime;
    this.#stopReceiving();
    try {
      const value = mapper(message);
      resolve?.(isTimed ? ok(value) : value);
    } catch (error) {
      reject?.(error);
    }
  }

  #stopReceiving(): void {
    this.#from = undefined;
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#deadline?.stop();
    this.runtime.activity.begin();
  }

  #startDeadline(withinMs: number): void {
    this.#deadline ??= new Deadline(this.runtime.alarms, () => {
      this.#passDeadline();
    });
    this.#deadline.start(withinMs);
  }

  #passDeadline(): void {
    // A message that waits for its turn in the run queue came in time.
    const taken = this.#from === undefined ? undefined : this.mailbox.take(this.#from);
    if (taken !== undefined) {
      this.#answer(taken.mapper, taken.message);
      return;
    }
    const resolve = this.#resolve;
    this.#stopReceiving();
    resolve?.(err("Timeout"));
  }

  #queueUp(): void {
    this.#isQueued = true;
    this.runtime.scheduler.enqueue(this);
  }

  // ── from inside ──

  /** @throws ExitSignal after the end */
  checkAlive(): void {
    if (this.#ended !== undefined) throw new ExitSignal(this.#ended);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(new ExitSignal(this.#ended));
    }
    return this.#controller.signal;
  }

  /** Calls `listener` at the end, before anybody else hears of it, to wake what the process itself waits for. */
  onInterrupt(listener: (signal: ExitSignal) => void): () => void {
    const interrupts = (this.#interrupts ??= new Set());
    interrupts.add(listener);
    return () => interrupts.delete(listener);
  }

  register(name: NameEngine, inbox?: MailboxSubject): Result<MailboxSubject, "NameTaken"> {
    this.#names ??= new Map();
    // What was sent by this name before is received by it again.
    const subject = inbox ?? this.#names.get(name) ?? new MailboxSubject(this);
    if (!name.claim(subject)) return err("NameTaken");
    this.#names.set(name, subject);
    return ok(subject);
  }

  unregister(name: NameEngine): Result<undefined, "NotRegistered"> {
    if (name.inbox?.holder !== this) return err("NotRegistered");
    name.release();
    return ok();
  }

  keepTimer(timer: TimerEngine): void {
    (this.#timers ??= new Set()).add(timer);
  }

  forgetTimer(timer: TimerEngine): void {
    this.#timers?.delete(timer);
  }

  // ── links and monitors ──

  /** Says false where `target` has ended, unless this process traps exits and so hears of it. */
  link(target: Owner): boolean {
    if (target === this || this.#links?.has(target) === true) return true;
    const isThere = target instanceof ProcessEngine ? target.#linkBack(this) : this.#linkOneWay(target);
    if (isThere) return true;
    if (this.isTrappingExits) this.hearExit(target, noproc);
    return this.isTrappingExits;
  }

  #linkBack(other: ProcessEngine): boolean {
    if (this.#ended !== undefined) return false;
    (this.#links ??= new Map()).set(other, undefined);
    (other.#links ??= new Map()).set(this, undefined);
    return true;
  }

  #linkOneWay(target: Owner): boolean {
    const leave = watch(target, "observer", (reason) => {
      if (this.#links?.delete(target) === true) this.#linkedEnded(target, reason);
    });
    if (leave !== undefined) (this.#links ??= new Map()).set(target, leave);
    return leave !== undefined;
  }

  unlink(target: Owner): void {
    const detach = this.#links?.get(target);
    this.#links?.delete(target);
    detach?.();
    if (target instanceof ProcessEngine) target.#links?.delete(this);
  }

  monitor(target: Owner): Monitor {
    const monitor: Monitor = { id: this.runtime.nextId() };
    const leave = watch(target, "observer", (reason) => {
      this.#monitors?.delete(monitor);
      this.#hearDown(monitor, target, reason);
    });
    if (leave === undefined) this.#hearDown(monitor, target, noproc);
    else (this.#monitors ??= new Map()).set(monitor, leave);
    return monitor;
  }

  #hearDown(monitor: Monitor, owner: Owner, reason: ExitReason): void {
    this.arrive("monitor", monitor, { type: "ProcessDown", monitor, owner, reason });
  }

  /** Takes the `ProcessDown` that may be waiting back as well. */
  demonitor(monitor: Monitor): void {
    this.#monitors?.get(monitor)?.();
    this.#monitors?.delete(monitor);
    this.mailbox.takeAll(monitor);
  }

  /** An exit as a message, for a process that traps them. */
  hearExit(from: Owner, reason: ExitReason): void {
    if (this.isAlive) this.arrive("exit", undefined, { type: "ExitMessage", owner: from, reason });
  }

  /** Says whether anybody heard. */
  #linkedEnded(other: Owner, reason: ExitReason): boolean {
    if (this.isTrappingExits) {
      this.hearExit(other, reason);
      return true;
    }
    return reason.type !== "Normal" && this.end(reason);
  }

  // ── start and end ──

  #start(start: () => unknown): void {
    this.#body = running;
    try {
      const returned = start();
      if (returned instanceof Promise) {
        returned.then(
          (value) => {
            this.#return(value);
          },
          (error: unknown) => {
            this.#throw(error);
          },
        );
      } else if (isThenable(returned)) this.#start(() => Promise.resolve(returned));
      else this.#return(returned);
    } catch (error) {
      this.#throw(error);
    }
  }

  #return(value: unknown): void {
    const isInTime = this.isAlive;
    this.#settle(isInTime ? { phase: "returned", value } : threw);
    if (isInTime) this.end(Normal);
  }

  #throw(error: unknown): void {
    this.#settle(threw);
    // What a function throws after its process has ended is how it found out: nobody has to hear of it.
    if (this.isAlive) this.crash(error);
  }

  #settle(body: Body): void {
    this.#body = body;
    this.#settled?.resolve();
    this.runtime.forget(this);
    this.runtime.activity.end();
  }

  /** Ends with this reason and reports it: the process is where it comes from. */
  crash(reason: unknown): void {
    if (this.#ended !== undefined) return;
    const isHandled = this.end(Abnormal(reason));
    this.runtime.reportCrash(this, reason, isHandled);
  }

  /**
   * Ends the process, once; later calls do nothing. Whoever it concerns hears of it in a fixed order: the process's
   * own waits, timers and names, its resources, its links, its monitors and other observers.
   *
   * @returns whether anybody heard: an observer, a reader of `result` or `exited`, or somebody through a link
   */
  end(reason: ExitReason): boolean {
    if (this.#ended !== undefined) return true;
    this.#ended = reason;
    this.#freeOwn();
    this.#interrupt(new ExitSignal(reason));
    this.#tell(this.#resources, reason);
    this.#resources = undefined;

    let isHeard = this.#exited !== undefined || this.#result !== undefined || (this.#observers?.size ?? 0) > 0;
    for (const [other, detach] of this.#links ?? []) {
      if (other instanceof ProcessEngine) {
        other.#links?.delete(this);
        if (other.#linkedEnded(this, reason)) isHeard = true;
      } else {
        detach?.();
        if (reason.type !== "Normal" && other.exit !== undefined) {
          other.exit(reason);
          isHeard = true;
        }
      }
    }
    this.#links = undefined;
    this.#tell(this.#observers, reason);
    this.#observers = undefined;

    if (this.#body.phase === "returned") this.#result?.resolve(this.#body.value);
    else this.#result?.reject(errorOf(reason));
    this.#exited?.resolve(reason);
    if (this.#body.phase === "waiting") this.#settle(threw);
    return isHeard;
  }

  #freeOwn(): void {
    for (const name of this.#names?.keys() ?? []) if (name.inbox?.holder === this) name.release();
    this.#names = undefined;
    for (const timer of this.#timers ?? []) timer.cancel();
    this.#timers = undefined;
    for (const detach of this.#monitors?.values() ?? []) detach();
    this.#monitors = undefined;
    this.mailbox.clear();
  }

  #interrupt(signal: ExitSignal): void {
    const reject = this.#reject;
    if (reject !== undefined) {
      this.#stopReceiving();
      reject(signal);
    }
    this.#deadline?.dispose();
    for (const interrupt of this.#interrupts ?? []) interrupt(signal);
    this.#interrupts = undefined;
    this.#controller?.abort(signal);
  }

  /** One listener that throws keeps no other from hearing. */
  #tell(listeners: Set<ExitListener> | undefined, reason: ExitReason): void {
    for (const { listener } of listeners ?? []) {
      try {
        listener(reason);
      } catch (error) {
        this.runtime.rethrow(error);
      }
    }
  }
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  promise.catch(() => undefined); // who only asks for the promise has not asked to be crashed by it
  return { promise, resolve, reject };
}

function errorOf(reason: ExitReason): unknown {
  return reason.type === "Abnormal" ? reason.reason : new ExitSignal(reason);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
