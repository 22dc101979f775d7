import { err, ok } from "../result.ts";
import { Deadline, type Waiter } from "./alarm.ts";
import { type ExitReason, ExitSignal, expectSignal } from "./exit.ts";
import { ExitListeners } from "./exit-listeners.ts";
import { Mailbox, type Taken } from "./mailbox.ts";
import type { MailboxBound } from "./mailbox-bound.ts";
import type { MessageLoop } from "./message-loop.ts";
import type { RuntimeEngine } from "./runtime.ts";
import { afterPoll, type Runnable } from "./scheduler.ts";
import { type Lane, mapperFor, type Wanted } from "./selector.ts";

type Settle = (value: unknown) => void;

/**
 * The receiving end of a process: its mailbox and the one receive that may wait for it. While one waits, no message
 * that it asks for stands in the mailbox, except when that message came after the reductions of a slice were spent:
 * then the receive stands in the run queue and takes it in its turn. A base of the process and no part of it, as that
 * would be one object more of each.
 */
export abstract class Receiver extends ExitListeners implements Runnable, Waiter {
  /** What takes the messages that nobody receives, where there is one. */
  loop: MessageLoop | undefined;
  readonly runtime: RuntimeEngine;
  /** Made by the first message that has to wait in it: most go to a receive that waits for them. */
  #mailbox: Mailbox | undefined;
  /** What the receive that waits asks for; nothing where none does. */
  #waiting: Wanted | undefined;
  /** The milliseconds it may take; without them it waits for ever, and gets its message as it is, not as a Result. */
  #withinMs: number | undefined;
  #promise: Promise<unknown> | undefined;
  #resolve: Settle | undefined;
  #deadline: Deadline | undefined;
  #isQueued = false;
  /** Receives and calls that are pending. */
  #waits = 0;
  /** Whether a message may come with the next poll of Node's: a receive that does not wait lets that pass. */
  #isPollDue = false;

  constructor(runtime: RuntimeEngine) {
    super();
    this.runtime = runtime;
  }

  get mailbox(): Mailbox {
    return (this.#mailbox ??= new Mailbox());
  }

  protected bound(bound: MailboxBound): void {
    this.#mailbox = new Mailbox(bound);
  }

  protected get isBounded(): boolean {
    return this.#mailbox !== undefined && this.#mailbox.bound !== undefined;
  }

  get hasMessages(): boolean {
    return this.#mailbox !== undefined && this.#mailbox.count > 0;
  }

  /** The oldest message in the mailbox that is `wanted`. */
  take(wanted: Wanted): Taken | undefined {
    return this.#mailbox?.take(wanted);
  }

  /** Takes all messages out, oldest first, that came from one socket or monitor. */
  takeBackAll(key: object): unknown[] {
    const first = this.loop?.giveBack(key);
    const others = this.#mailbox?.takeAll(key) ?? [];
    return first === undefined ? others : [first, ...others];
  }

  /** Takes the newest message of one socket or monitor out, where it `isUnwanted`. */
  dropNewest(key: object, isUnwanted: (message: unknown) => boolean): void {
    if (this.loop?.giveBack(key, isUnwanted) === undefined) this.#mailbox?.dropNewest(key, isUnwanted);
  }

  /** Throws all messages in the mailbox away and says how many they were. */
  clear(): number {
    return this.#mailbox?.clear() ?? 0;
  }

  /** The process waits for others; while it does, nothing can happen in it by itself. */
  beginWait(): void {
    if (this.#waits++ === 0) this.runtime.activity.end();
  }

  endWait(): void {
    if (--this.#waits === 0) this.runtime.activity.begin();
  }

  /**
   * Takes a message in: it goes to the receive that waits for it, or last into the mailbox, unless that is bounded, has
   * no room and the message `counts`.
   *
   * @returns whether it was taken
   */
  protected takeIn(lane: Lane, key: object | undefined, message: unknown, counts = false): boolean {
    const hasReductions = this.runtime.scheduler.charge();
    if (this.#waiting !== undefined && !this.#isQueued) {
      const mapper = mapperFor(this.#waiting, lane, key, message);
      if (mapper !== undefined && hasReductions) {
        this.#answer(mapper, message);
        return true;
      }
      if (mapper !== undefined) this.#queueUp();
    }
    if ((lane === "subject" || lane === "socket") && this.loop?.takes(lane, key, message) === true) return true;
    const { mailbox } = this;
    if (counts && mailbox.bound?.admits(mailbox, message) === false) return false;
    mailbox.append(lane, key, message, counts);
    this.loop?.notice();
    return true;
  }

  protected receiveWanted(wanted: Wanted, withinMs: number | undefined): Promise<unknown> {
    if (this.#waiting !== undefined) {
      throw new Error("Cannot receive while another receive of this process is pending");
    }
    const hasReductions = this.runtime.scheduler.charge();
    if (hasReductions) {
      const taken = this.take(wanted);
      if (taken !== undefined) {
        try {
          const value = taken.mapper(taken.message);
          return Promise.resolve(withinMs === undefined ? value : ok(value));
        } catch (error) {
          return rejected(error);
        }
      }
      if (withinMs === 0 && !this.#isPollDue) return Promise.resolve(err("Timeout"));
    }
    return this.#wait(wanted, withinMs, hasReductions);
  }

  #wait(wanted: Wanted, withinMs: number | undefined, hasReductions: boolean): Promise<unknown> {
    const promise = new Promise<unknown>((resolve) => {
      this.#resolve = resolve;
    });
    this.#promise = promise;
    this.#waiting = wanted;
    this.#withinMs = withinMs;
    this.beginWait();
    if (!hasReductions) this.#queueUp();
    else if (withinMs === 0) this.#passPoll();
    if (withinMs !== undefined && withinMs > 0) this.#startDeadline(withinMs);
    return promise;
  }

  /** A socket was asked for a packet, and the kernel may have one. */
  awaitPoll(): void {
    this.#isPollDue = true;
  }

  /** Its turn in the run queue: to take the message for which there were no reductions. */
  run(): void {
    this.#isQueued = false;
    if (this.#waiting !== undefined && !this.#takeFor(this.#waiting) && this.#withinMs === 0) this.#passPoll();
  }

  /** The process has ended: whoever waits is woken by an `ExitSignal`, and nothing more is received. */
  protected interrupt(reason: ExitReason): void {
    if (this.#waiting !== undefined) {
      const resolve = this.#resolve;
      expectSignal(this.#promise);
      this.#stopWaiting();
      resolve?.(rejected(new ExitSignal(reason)));
    }
    this.#deadline?.dispose();
    this.clear();
    this.loop?.stop();
  }

  #takeFor(wanted: Wanted): boolean {
    const taken = this.take(wanted);
    if (taken !== undefined) this.#answer(taken.mapper, taken.message);
    return taken !== undefined;
  }

  /** The mapper runs here, on the sender's stack, but what it throws belongs to the receiver. */
  #answer(mapper: (message: unknown) => unknown, message: unknown): void {
    const resolve = this.#resolve;
    const isForever = this.#withinMs === undefined;
    this.runtime.scheduler.outlast();
    this.#stopWaiting();
    try {
      const value = mapper(message);
      resolve?.(isForever ? value : ok(value));
    } catch (error) {
      resolve?.(rejected(error));
    }
  }

  #stopWaiting(): void {
    this.#waiting = undefined;
    this.#promise = undefined; // and nobody holds by it what was received
    this.#resolve = undefined;
    this.#deadline?.stop();
    this.endWait();
  }

  #startDeadline(withinMs: number): void {
    this.#deadline ??= new Deadline(this.runtime.alarms, this);
    this.#deadline.start(withinMs);
  }

  /** A receive that does not wait has found nothing: it is over, or will be after the poll that is due. */
  #passPoll(): void {
    if (!this.#isPollDue) {
      this.passDeadline();
      return;
    }
    this.#isPollDue = false;
    this.runtime.alarms.hold();
    const promise = this.#promise;
    afterPoll(() => {
      this.runtime.alarms.release();
      if (this.#promise === promise) this.passDeadline();
    });
  }

  passDeadline(): void {
    // A message that waits for its turn in the run queue came in time.
    if (this.#waiting === undefined || this.#takeFor(this.#waiting)) return;
    const resolve = this.#resolve;
    this.#stopWaiting();
    resolve?.(err("Timeout"));
  }

  #queueUp(): void {
    this.#isQueued = true;
    this.runtime.scheduler.enqueue(this);
  }
}

/** What a receive gives that fails. One that waits is resolved with it: it keeps one function so, and not two. */
function rejected(reason: unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever a mapper throws
  return Promise.reject(reason);
}
