import { err, ok, type Result } from "../result.ts";
import { Alarm, type TimedWait } from "./alarm.ts";
import { checkDelay } from "./clock.ts";
import { type ExitReason, ExitSignal, expectSignal, noproc } from "./exit.ts";
import { ExitListener } from "./exit-listener.ts";
import type { Address } from "./mailbox-subject.ts";
import type { ProcessEngine } from "./process.ts";
import type { Subject } from "./subject.ts";

declare const isReply: unique symbol;

/** Why a call has no answer. */
export type CallError =
  | { readonly type: "CallTimeout"; readonly withinMs: number }
  /** The callee ended before it answered; `Abnormal("noproc")` where it was not there to begin with. */
  | { readonly type: "CalleeDown"; readonly reason: ExitReason }
  /** The callee's bounded mailbox refused the request. */
  | { readonly type: "CallRejected" };

/**
 * The address for one answer. `call` reads the answer's type off the member of M that the request is; annotate
 * `(reply: Subject<R>)` where M has no `type`.
 */
// `any`: a subject of any message has to fit here, and contravariance leaves no other type that says so.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export interface ReplySubject extends Subject<any> {
  readonly [isReply]: true;
}

/** Says that nobody annotated the answer: its type is read off the request. */
export interface FromRequest {
  readonly [isReply]: "the request says";
}

type ReplyKey<Q> = { [K in keyof Q]-?: Q[K] extends ReplySubject ? K : never }[keyof Q];
type SubjectMessage<S> = S extends Subject<infer R> ? R : never;

/** The type of the answer to a request `Q` among the messages `M`. */
export type ReplyFrom<M, Q> = Q extends { readonly type: infer K }
  ? Extract<M, { readonly type: K }> extends infer X
    ? X extends unknown
      ? SubjectMessage<X[ReplyKey<Q> & keyof X]>
      : never
    : never
  : unknown;

/**
 * Sends a request and waits for its one answer: `makeRequest` gets the address for it. Fails at once when the callee
 * ends or is not there, and after `withinMs` milliseconds otherwise. An answer that comes too late goes to
 * `onDeadLetter` and leaves nothing behind.
 *
 * @throws RangeError for a negative time, before anything is sent
 * Source: `process.call`, which panics where this gives an error.
 */
export function call<M, const Q extends M, R = FromRequest>(
  subject: Subject<M>,
  withinMs: number,
  makeRequest: (reply: ReplySubject & Subject<R>) => Q,
): Promise<Result<R extends FromRequest ? ReplyFrom<M, Q> : NoInfer<R>, CallError>> {
  const request = makeRequest as (reply: unknown) => unknown;
  return startCall(undefined, subject as unknown as Address, withinMs, request) as Promise<Result<never, CallError>>;
}

/** @internal The same on behalf of `caller`, whose end wakes it. */
export function startCall(
  caller: ProcessEngine | undefined,
  address: Address,
  withinMs: number,
  makeRequest: (reply: unknown) => unknown,
): Promise<Result<unknown, CallError>> {
  checkDelay("call", "withinMs", withinMs);
  const callee = address.holder;
  if (callee?.isAlive !== true) return Promise.resolve(err({ type: "CalleeDown", reason: noproc }));
  return new PendingCall(callee, caller, withinMs).start(address, makeRequest);
}

/** A call that has no answer yet; it is itself the address for it. */
class PendingCall extends ExitListener implements Address, TimedWait {
  readonly #callee: ProcessEngine;
  readonly #caller: ProcessEngine | undefined;
  readonly #withinMs: number;
  /** Absent where the call is over in the turn in which it was made, as most are. */
  #alarm: Alarm | undefined;
  /** Absent once the call is over. */
  #resolve: ((result: Result<unknown, CallError>) => void) | undefined;
  #interrupt: Interrupt | undefined;

  constructor(callee: ProcessEngine, caller: ProcessEngine | undefined, withinMs: number) {
    super();
    this.#callee = callee;
    this.#caller = caller;
    this.#withinMs = withinMs;
  }

  get text(): string {
    return "a call that is over";
  }

  /** Nobody receives from it. */
  get key(): undefined {
    return undefined;
  }

  /** Nobody's process: a call of the answer's address itself finds no callee. */
  get holder(): undefined {
    return undefined;
  }

  start(address: Address, makeRequest: (reply: unknown) => unknown): Promise<Result<unknown, CallError>> {
    let reject!: (error: unknown) => void;
    const answer = new Promise<Result<unknown, CallError>>((resolveAnswer, rejectAnswer) => {
      this.#resolve = resolveAnswer;
      reject = rejectAnswer;
    });
    this.#callee.observeExit(this);
    if (this.#caller !== undefined) {
      this.#caller.beginWait();
      this.#caller.belongings.onInterrupt((this.#interrupt = new Interrupt(this, answer, reject)));
    }
    if (this.#withinMs !== Infinity) this.#callee.runtime.alarms.time(this);
    try {
      if (!address.trySend(makeRequest(this))) this.#finish(err({ type: "CallRejected" }));
    } catch (error) {
      this.clear();
      reject(error);
    }
    return answer;
  }

  /** The callee has ended. */
  hear(reason: ExitReason): void {
    this.#finish(err({ type: "CalleeDown", reason }));
  }

  begin(now: number): void {
    if (this.#resolve === undefined) return;
    this.#alarm = new Alarm(() => {
      this.#finish(err({ type: "CallTimeout", withinMs: this.#withinMs }));
    });
    this.#callee.runtime.alarms.set(this.#alarm, now + this.#withinMs);
  }

  send(message: unknown): void {
    this.put(message);
  }

  trySend(message: unknown): boolean {
    return this.put(message);
  }

  put(message: unknown): boolean {
    if (this.#resolve === undefined) {
      this.#callee.runtime.deadLetter({ message, to: this.text, why: "Dropped" });
      return false;
    }
    this.#finish(ok(message));
    return true;
  }

  #finish(result: Result<unknown, CallError>): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.clear();
    resolve(result);
  }

  clear(): void {
    if (this.#resolve === undefined) return;
    this.#resolve = undefined;
    this.leave();
    this.#interrupt?.leave();
    this.#caller?.endWait();
    if (this.#alarm !== undefined) this.#callee.runtime.alarms.clear(this.#alarm);
  }
}

/** That the caller of a call ends, while it waits. */
class Interrupt extends ExitListener {
  readonly #call: PendingCall;
  readonly #answer: Promise<unknown>;
  readonly #reject: (signal: ExitSignal) => void;

  constructor(call: PendingCall, answer: Promise<unknown>, reject: (signal: ExitSignal) => void) {
    super();
    this.#call = call;
    this.#answer = answer;
    this.#reject = reject;
  }

  hear(reason: ExitReason): void {
    this.#call.clear();
    expectSignal(this.#answer);
    this.#reject(new ExitSignal(reason));
  }
}
