import { nextTick } from "node:process";
import { type Pieces, sizeOf } from "../framing/framing.ts";
import { Alarm } from "../process/alarm.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import { err, ok, type Result } from "../result.ts";
import type { SocketError } from "./error.ts";
import { isLending, keepUnsent } from "./lending.ts";
import type { ResolvedSocketOptions } from "./options.ts";
import type { Transport } from "./transport.ts";

/** How a send ends: accepted, or why not. */
export type SendResult = Result<undefined, SocketError>;

/** Whether a send was refused for what it is or for want of room or time: nothing of it leaves, and the connection stands. */
export function isRefusal(error: SocketError): boolean {
  return error === "Emsgsize" || error === "Enobufs" || error === "Timeout";
}

/** For so long the kernel, which has taken a write, need not be asked again. */
const freshMs = 1;

interface WaitingSend {
  readonly pieces: Pieces;
  readonly size: number;
  readonly settle: (result: SendResult) => void;
  readonly alarm: Alarm;
}

/**
 * Hands `pieces` to the kernel, and what it does not take to the transport's queue.
 *
 * @returns whether the connection still stands
 */
export function writeTo(transport: Transport, pieces: Pieces): boolean {
  transport.write(pieces);
  if (isLending && (transport.queuedBytes > 0 || !transport.isOurs)) keepUnsent(pieces);
  return !transport.hasFailed;
}

/**
 * The writing side of a socket that sends more than once a turn, or so much that a send has to wait. What is accepted stands in
 * the transport's queue; while that is over its mark, sends wait here, whole and in order, so that two senders never
 * interleave.
 */
export class SendQueue {
  readonly #transport: Transport;
  readonly #options: ResolvedSocketOptions;
  readonly #runtime: RuntimeEngine;
  #waiting: WaitingSend[] | undefined;
  #waitingBytes = 0;
  /** The scheduler's turn of the last write. */
  #turn: number;
  /** Writes of that turn: where there was one, further ones are corked. The first was without this queue. */
  #writes = 1;
  #isCorked = false;
  /** When those of the last turn left, where they were many: then so are those of this one, most likely. */
  #manyLeftAt: number | undefined;
  #isEnding = false;

  /** `turn` is that of the last write before. */
  constructor(transport: Transport, options: ResolvedSocketOptions, runtime: RuntimeEngine, turn: number) {
    this.#transport = transport;
    this.#options = options;
    this.#runtime = runtime;
    this.#turn = turn;
  }

  /** Bytes accepted and not gone, and those that wait. */
  get pendingBytes(): number {
    return this.#transport.queuedBytes + this.#waitingBytes;
  }

  get mustWait(): boolean {
    return this.isWaiting || this.#transport.queuedBytes > this.#options.highWatermark;
  }

  /**
   * Writes at once. The first write of a turn goes straight to the kernel, so its failure is known when this returns;
   * further ones leave together at the end of the turn, with one system call. Whoever did that in the last turn is
   * expected to do it again: then the first goes with them, and the kernel is only asked whether the connection stands,
   * unless it has just taken something: a reset since then might as well have come a moment later.
   *
   * @returns whether the connection still stands
   */
  write(pieces: Pieces): boolean {
    if (pieces.length === 0) return !this.#transport.hasFailed;
    if (!this.#isCorked && this.#leavesWithOthers()) {
      if (this.#transport.hasFailed) return false;
      this.#corkThisTurn(pieces);
    }
    this.#writes++;
    return writeTo(this.#transport, pieces);
  }

  /** Whether what is written now is one of several writes of its turn, as far as that can be known. */
  #leavesWithOthers(): boolean {
    const { turn } = this.#runtime.scheduler;
    if (turn === this.#turn && this.#writes > 0) return true;
    this.#turn = turn;
    this.#writes = 0;
    if (this.#manyLeftAt === undefined) return false;
    return performance.now() - this.#manyLeftAt < freshMs || this.#transport.probe();
  }

  /** Lets a send wait until the queue is below its lower mark. */
  wait(pieces: Pieces): Promise<SendResult> | SendResult {
    const size = sizeOf(pieces);
    if (this.#waitingBytes + size > this.#options.sendQueueLimit) return err("Enobufs");
    return new Promise((settle) => {
      const { alarms, clock } = this.#runtime;
      const { sendTimeout } = this.#options;
      const alarm = new Alarm(() => {
        this.#timeOut(waiting);
      });
      const waiting: WaitingSend = { pieces, size, settle, alarm };
      keepUnsent(pieces);
      (this.#waiting ??= []).push(waiting);
      this.#waitingBytes += size;
      if (sendTimeout !== Infinity) alarms.set(alarm, clock.now() + sendTimeout);
    });
  }

  /** Some of the queue has left: whoever may go on does. */
  advance(): void {
    if (!this.isWaiting || this.#transport.queuedBytes >= this.#options.lowWatermark) return;
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) {
      this.write(next.pieces);
      this.#settle(next, ok());
    }
    this.#endIfDone();
  }

  #takeNext(): WaitingSend | undefined {
    return this.#transport.queuedBytes > this.#options.highWatermark ? undefined : this.#waiting?.shift();
  }

  #endIfDone(): void {
    if (this.#isEnding && !this.isWaiting) this.#transport.end();
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined && this.#waiting.length > 0;
  }

  /** Ends our side behind all that is queued and all that waits. */
  end(): void {
    this.#isEnding = true;
    if (!this.isWaiting) this.#transport.end();
  }

  /** Accepts all that waits, whatever the marks say: the socket ends behind it. */
  acceptAll(result: SendResult): void {
    const all = this.#takeAll();
    for (const waiting of all) this.write(waiting.pieces);
    for (const waiting of all) this.#settle(waiting, result);
  }

  /** Drops all that waits. */
  refuseAll(first: SendResult, others = first): void {
    for (const [index, waiting] of this.#takeAll().entries()) this.#settle(waiting, index === 0 ? first : others);
  }

  #takeAll(): WaitingSend[] {
    const all = this.#waiting ?? [];
    this.#waiting = undefined;
    return all;
  }

  #timeOut(waiting: WaitingSend): void {
    this.#waiting = this.#waiting?.filter((other) => other !== waiting);
    this.#settle(waiting, err("Timeout"));
    this.#endIfDone();
  }

  #settle(waiting: WaitingSend, result: SendResult): void {
    this.#waitingBytes -= waiting.size;
    this.#runtime.alarms.clear(waiting.alarm);
    waiting.settle(result);
  }

  #corkThisTurn(first: Pieces): void {
    this.#isCorked = true;
    this.#transport.cork(first);
    nextTick(uncork, this);
  }

  /** The turn is over. */
  uncork(): void {
    this.#isCorked = false;
    this.#manyLeftAt = this.#writes > 1 ? performance.now() : undefined;
    this.#writes = 0;
    this.#transport.uncork();
  }
}

/** One for all queues. */
function uncork(queue: SendQueue): void {
  queue.uncork();
}
