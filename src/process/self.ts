import type { OwnedSocket, TcpMessage, TcpPassive } from "../tcp/message.ts";
import type { Result } from "../result.ts";
import { Alarm } from "./alarm.ts";
import { FunctionListener } from "./exit-listener.ts";
import { type call, type FromRequest, type ReplySubject, startCall } from "./call.ts";
import { checkDelay } from "./clock.ts";
import { type ExitReason, ExitSignal, expectSignal } from "./exit.ts";
import { type Address, MailboxSubject } from "./mailbox-subject.ts";
import type { Monitor } from "./monitor.ts";
import { type Name, nameEngine } from "./name.ts";
import { type Owner, ownerItself, viewed } from "./owner.ts";
import type { Process, ProcessEngine } from "./process.ts";
import type { Host, Run, Runtime, SpawnOptions } from "./runtime.ts";
import type { Selector } from "./selector.ts";
import type { OwnSubject, Subject } from "./subject.ts";
import { type Timer, TimerEngine } from "./timer.ts";

/**
 * A process as its own function sees it. Only through it can one receive, link and monitor; it is handed to the
 * function and is of no use to anybody else. After the process's end every use throws `ExitSignal`, except what it has
 * as an `Owner` (`deliver`, `onExit`, `exit`) and what only looks (`process`, `signal`, `runtime`).
 */
export interface Self extends Owner, Host {
  /** The process as others see it. */
  readonly process: Process;
  /** Aborted at the process's end: for `fetch`, streams and whatever else takes a signal. */
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
  /** A new address with messages of its own. Source: `process.new_subject`. */
  newSubject<M = never>(): OwnSubject<M>;
  /**
   * Takes the oldest message that `from` asks for, waiting up to `withinMs` milliseconds for one; `Infinity` waits
   * for ever, 0 looks and does not wait, except for what the kernel has of a packet that was just asked for. Other
   * messages stay, in order. One receive at a time.
   *
   * @throws RangeError for a negative time, NaN, or more than 2^32 - 1
   * @throws Error for a subject of another process, or beside a receive that is pending
   * Source: `process.receive`, `process.selector_receive`.
   */
  receive<M>(from: Selector<M> | OwnSubject<M>, withinMs: number): Promise<Result<M, "Timeout">>;
  /** As `receive`, for as long as it takes. Source: `process.receive_forever`, `process.selector_receive_forever`. */
  receiveForever<M>(from: Selector<M> | OwnSubject<M>): Promise<M>;
  /** Starts a process that is linked to this one: an abnormal end of one ends the other. Source: `process.spawn`. */
  spawn<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M>;
  /** Starts a process that may end without this one, and this one without it. Source: `process.spawn_unlinked`. */
  spawnUnlinked<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M>;
  /** Ties the two lives together. False where `target` has ended and this process does not trap exits. Source: `process.link`. */
  link(target: Owner): boolean;
  unlink(target: Owner): void;
  /** Whether exits of linked processes come as `ExitMessage` (`selectTrappedExits`) instead of ending this one. Source: `process.trap_exits`. */
  trapExits(on: boolean): void;
  /** Watches `target`: its end comes as one `ProcessDown` (`selectMonitors`). Source: `process.monitor`. */
  monitor(target: Owner): Monitor;
  /** Watches no longer; a `ProcessDown` that waits in the mailbox is taken out. Source: `process.demonitor_process`. */
  demonitor(monitor: Monitor): void;
  /** Sends `message` after `delayMs` milliseconds, if the receiver is still there. Source: `process.send_after`. */
  sendAfter<M>(subject: Subject<M>, delayMs: number, message: NoInfer<M>): Timer;
  /** Sends `message` every `periodMs` milliseconds (1 at least), without drift; beats that were missed are left out. Source: `timer:send_interval`. */
  sendEvery<M>(subject: Subject<M>, periodMs: number, message: NoInfer<M>): Timer;
  /** Stops a timer, anybody's. Gives the milliseconds that were left. Source: `process.cancel_timer`. */
  cancelTimer(timer: Timer): Result<number, "TimerNotFound">;
  /** Takes a name, until this process ends or gives it back. Source: `process.register`. */
  register<M>(name: Name<M>): Result<OwnSubject<M>, "NameTaken">;
  unregister<M>(name: Name<M>): Result<undefined, "NotRegistered">;
  /** Throws away everything in the mailbox and says how many messages that were. Source: `process.flush_messages`. */
  flushMessages(): number;
  /** Does nothing for `ms` milliseconds, with `Infinity` until its end; messages wait. Source: `process.sleep`. */
  sleep(ms: number): Promise<void>;
  /** Ends this process with `reason`, whether or not it traps exits. */
  exit(reason: ExitReason): void;
  /** As the function `call`, but an exit of this process wakes it. */
  call: typeof call;
}

/** @internal Every member asks first whether the process is still there; the work is the engine's. */
export class SelfEngine implements Self {
  readonly process: ProcessEngine;

  constructor(process: ProcessEngine) {
    this.process = process;
  }

  get [viewed](): Owner {
    return this.process;
  }

  get signal(): AbortSignal {
    return this.process.signal;
  }

  get runtime(): Runtime {
    return this.process.runtime;
  }

  newSubject<M>(): OwnSubject<M> {
    this.process.checkAlive();
    return new MailboxSubject(this.process) as unknown as OwnSubject<M>;
  }

  receive<M>(from: Selector<M> | OwnSubject<M>, withinMs: number): Promise<Result<M, "Timeout">> {
    checkDelay("receive", "withinMs", withinMs);
    return this.process.receive(from as Selector<M>, withinMs) as Promise<Result<M, "Timeout">>;
  }

  receiveForever<M>(from: Selector<M> | OwnSubject<M>): Promise<M> {
    return this.process.receive(from as Selector<M>) as Promise<M>;
  }

  spawn<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M> {
    this.process.checkAlive();
    return this.process.runtime.spawn(run, options, this.process);
  }

  spawnUnlinked<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M> {
    this.process.checkAlive();
    return this.process.runtime.spawn(run, options);
  }

  link(target: Owner): boolean {
    this.process.checkAlive();
    return this.process.ties.link(ownerItself(target));
  }

  unlink(target: Owner): void {
    this.process.checkAlive();
    this.process.ties.unlink(ownerItself(target));
  }

  trapExits(on: boolean): void {
    this.process.checkAlive();
    this.process.ties.isTrappingExits = on;
  }

  monitor(target: Owner): Monitor {
    this.process.checkAlive();
    return this.process.ties.monitor(ownerItself(target));
  }

  demonitor(monitor: Monitor): void {
    this.process.checkAlive();
    this.process.ties.demonitor(monitor);
  }

  sendAfter<M>(subject: Subject<M>, delayMs: number, message: NoInfer<M>): Timer {
    checkDelay("send after a delay", "delayMs", delayMs);
    this.process.checkAlive();
    return new TimerEngine(this.process.runtime, subject as unknown as Address, message, delayMs);
  }

  sendEvery<M>(subject: Subject<M>, periodMs: number, message: NoInfer<M>): Timer {
    checkDelay("send every period", "periodMs", periodMs);
    if (periodMs < 1)
      throw new RangeError(`Cannot send every period: periodMs must be 1 at least, received ${String(periodMs)}`);
    this.process.checkAlive();
    return new TimerEngine(this.process.runtime, subject as unknown as Address, message, periodMs, periodMs);
  }

  cancelTimer(timer: Timer): Result<number, "TimerNotFound"> {
    this.process.checkAlive();
    if (!(timer instanceof TimerEngine))
      throw new TypeError("Cannot cancel: expected a timer that sendAfter or sendEvery made");
    return timer.cancel();
  }

  register<M>(name: Name<M>): Result<OwnSubject<M>, "NameTaken"> {
    this.process.checkAlive();
    const registered = this.process.belongings.register(nameEngine(name));
    return registered as unknown as Result<OwnSubject<M>, "NameTaken">;
  }

  unregister<M>(name: Name<M>): Result<undefined, "NotRegistered"> {
    this.process.checkAlive();
    return this.process.belongings.unregister(nameEngine(name));
  }

  flushMessages(): number {
    this.process.checkAlive();
    return this.process.clear();
  }

  sleep(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Cannot sleep: ms must be 0 or more, received ${String(ms)}`);
    this.process.checkAlive();
    const { process } = this;
    const { alarms, clock } = process.runtime;
    const slept = new Promise<void>((resolve, reject) => {
      const alarm = new Alarm(() => {
        stop();
        resolve();
      });
      const interrupt = new FunctionListener((reason) => {
        stop();
        expectSignal(slept);
        reject(new ExitSignal(reason));
      });
      process.belongings.onInterrupt(interrupt);
      const stop = (): void => {
        interrupt.leave();
        process.endWait();
        alarms.clear(alarm);
      };
      alarms.set(alarm, clock.now() + ms);
      process.beginWait();
    });
    return slept;
  }

  call<M, const Q extends M, R = FromRequest>(
    subject: Subject<M>,
    withinMs: number,
    makeRequest: (reply: ReplySubject & Subject<R>) => Q,
  ): ReturnType<typeof call<M, Q, R>> {
    this.process.checkAlive();
    const request = makeRequest as (reply: unknown) => unknown;
    return startCall(this.process, subject as unknown as Address, withinMs, request) as ReturnType<
      typeof call<M, Q, R>
    >;
  }

  exit(reason: ExitReason): void {
    if (reason.type === "Abnormal") this.process.crash(reason.reason);
    else this.process.end(reason);
  }

  deliver(message: TcpMessage): void {
    this.process.deliver(message);
  }

  deliverPassive(message: TcpPassive): void {
    this.process.deliverPassive(message);
  }

  onExit(listener: (reason: ExitReason) => void, role?: "resource" | "observer"): () => void {
    return this.process.onExit(listener, role);
  }

  takeBack(socket: OwnedSocket): (TcpMessage | TcpPassive)[] {
    return this.process.takeBack(socket);
  }

  toJSON(): object {
    return this.process.toJSON();
  }
}
