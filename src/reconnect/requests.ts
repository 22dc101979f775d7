import { Alarm, type Alarms } from "../process/alarm.ts";
import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import type { Pieces } from "../tcp/send-queue.ts";
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

  constructor(
    pieces: Pieces,
    withinMs: number | undefined,
    alarms: Alarms,
    settle: (result: Result<never, RequestFailure>) => void,
  ) {
    this.pieces = pieces;
    this.byteSize = pieces.reduce((sum, { length }) => sum + length, 0);
    this.isCall = withinMs !== undefined;
    this.#settle = settle;
    this.#alarms = alarms;
    this.#alarm = new Alarm(() => {
      this.fail({ type: "CallTimeout", withinMs: withinMs ?? Infinity });
    });
    if (withinMs !== undefined && withinMs !== Infinity) alarms.set(this.#alarm, alarms.clock.now() + withinMs);
  }

  /** Whether nobody waits for it any more. */
  get isSettled(): boolean {
    return this.#isSettled;
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
    this.#settle(result);
  }
}

/** Requests that wait for a connection, oldest first, and no more bytes of them than `limit`. */
export class Backlog {
  readonly #limit: number;
  readonly #overflow: "dropNewest" | "dropOldest";
  #waiting: Request[] = [];

  constructor(limit: number, overflow: "dropNewest" | "dropOldest") {
    this.#limit = limit;
    this.#overflow = overflow;
  }

  add(request: Request): void {
    // Calls whose time is over are not sent: nobody waits for the answer.
    this.#waiting = this.#waiting.filter(({ isSettled }) => !isSettled);
    let room = this.#limit - this.#waiting.reduce((sum, { byteSize }) => sum + byteSize, 0);
    if (this.#overflow === "dropOldest" && request.byteSize <= this.#limit) {
      for (; request.byteSize > room; room += this.#dropOldest());
    }
    if (request.byteSize > room) request.fail({ type: "QueueFull" });
    else this.#waiting.push(request);
  }

  #dropOldest(): number {
    const oldest = this.#waiting.shift();
    oldest?.fail({ type: "QueueFull" });
    return oldest?.byteSize ?? Infinity;
  }

  takeAll(): readonly Request[] {
    const all = this.#waiting.filter(({ isSettled }) => !isSettled);
    this.#waiting = [];
    return all;
  }
}

/** Calls that were sent, in the order in which they will be answered. */
export class InFlight {
  #calls: Request[] = [];

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  add(call: Request): void {
    this.#calls.push(call);
  }

  /** The answer of the oldest; nobody hears of it where that took too long. */
  answer(data: Buffer): void {
    this.#calls.shift()?.fulfil(data);
  }

  /** It could not be sent after all. */
  remove(call: Request, error: SocketError): void {
    this.#calls = this.#calls.filter((other) => other !== call);
    call.fail({ type: "SendFailed", error });
  }

  failAll(failure: RequestFailure): void {
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) call.fail(failure);
  }
}
