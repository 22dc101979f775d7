import { type Pieces, sizeOf } from "../framing/framing.ts";
import { Alarm, type Alarms } from "../process/alarm.ts";
import { err, ok, type Result } from "../result.ts";
import { keepUnsent } from "../tcp/lending.ts";
import type { RequestFailure } from "./messages.ts";

/** Something that is to be sent, once, and what is owed for it: that it was accepted, or the answer to it. */
export class Request {
  readonly pieces: Pieces;
  readonly byteSize: number;
  readonly isCall: boolean;
  readonly #settle: (result: Result<never, RequestFailure>) => void;
  readonly #alarms: Alarms;
  readonly #alarm: Alarm;
  #isSettled = false;
  /** Told once, when nobody waits for it any more. */
  whenSettled: (() => void) | undefined;

  constructor(
    pieces: Pieces,
    withinMs: number | undefined,
    alarms: Alarms,
    settle: (result: Result<never, RequestFailure>) => void,
  ) {
    this.pieces = pieces;
    this.byteSize = Math.max(1, sizeOf(pieces)); // so that empty ones are bounded too
    this.isCall = withinMs !== undefined;
    this.#settle = settle;
    this.#alarms = alarms;
    this.#alarm = new Alarm(() => {
      this.fail({ type: "CallTimeout", withinMs: withinMs ?? Infinity });
    });
    if (withinMs !== undefined && withinMs !== Infinity) alarms.set(this.#alarm, alarms.clock.now() + withinMs);
  }

  fulfil(value?: Buffer): void {
    this.#finish(ok(value) as Result<never, never>);
  }

  fail(failure: RequestFailure): void {
    this.#finish(err(failure));
  }

  #finish(result: Result<never, RequestFailure>): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#alarms.clear(this.#alarm);
    this.whenSettled?.();
    this.#settle(result);
  }
}

/** Requests that wait for a connection, oldest first, and no more bytes of them than `limit`. */
export class Backlog {
  readonly #limit: number;
  readonly #overflow: "dropNewest" | "dropOldest";
  /** In order; a call whose time is over leaves it, as nobody waits for the answer. */
  readonly #waiting = new Set<Request>();
  #byteSize = 0;

  constructor(limit: number, overflow: "dropNewest" | "dropOldest") {
    this.#limit = limit;
    this.#overflow = overflow;
  }

  add(request: Request): void {
    if (this.#overflow === "dropOldest" && request.byteSize <= this.#limit) this.#makeRoom(request.byteSize);
    if (this.#byteSize + request.byteSize > this.#limit) {
      request.fail({ type: "QueueFull" });
      return;
    }
    keepUnsent(request.pieces);
    this.#waiting.add(request);
    this.#byteSize += request.byteSize;
    request.whenSettled = () => {
      this.#remove(request);
    };
  }

  #makeRoom(byteSize: number): void {
    for (const oldest of this.#waiting) {
      if (this.#byteSize + byteSize <= this.#limit) return;
      oldest.fail({ type: "QueueFull" });
    }
  }

  #remove(request: Request): void {
    this.#waiting.delete(request);
    this.#byteSize -= request.byteSize;
    request.whenSettled = undefined;
  }

  takeFirst(): Request | undefined {
    const [first] = this.#waiting;
    if (first !== undefined) this.#remove(first);
    return first;
  }

  failAll(failure: RequestFailure): void {
    for (const request of this.#waiting) request.fail(failure);
  }
}

/** Calls that were sent, in the order in which they will be answered: also those whose time is over. */
export class InFlight {
  readonly #calls = new Set<Request>();

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  add(call: Request): void {
    this.#calls.add(call);
  }

  /** The answer of the oldest; nobody hears of it where that took too long. */
  answer(data: Buffer): void {
    const [oldest] = this.#calls;
    if (oldest === undefined) return;
    this.#calls.delete(oldest);
    oldest.fulfil(data);
  }

  /** It could not be sent after all. */
  remove(call: Request): void {
    this.#calls.delete(call);
  }

  failAll(failure: RequestFailure): void {
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const call of calls) call.fail(failure);
  }
}
