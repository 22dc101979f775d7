import type { Clock } from "../process/clock.ts";
import type { Pieces } from "../framing/framing.ts";
import type { Address } from "../tcp/address.ts";
import type { Transport, TransportEvents } from "../tcp/transport.ts";
import { nobody } from "../tcp/transport.ts";

/** What lies between two ends. */
export interface Wire {
  readonly clock: Clock;
  /** How long everything takes to the other end. */
  readonly latencyMs: number;
  /** Bytes that an end's kernel holds for its program; whoever sends more waits. */
  readonly capacity: number;
}

/** As much as Node reads at once. */
const mostPerRead = 65_536;

let ports = 0;

/**
 * One end of a connection in memory: what the kernel and Node are to a real one. As there, an end reads when Node's
 * loop comes round, and not before; what nobody reads fills the kernel's buffer, and then the other end's queue.
 */
export class MemoryTransport implements Transport {
  events: TransportEvents = nobody;
  readonly isOurs = true;
  isReading = false;
  isClosed = false;
  hasEnded = false;
  isFinished = false;
  failure: string | undefined;
  writtenBytes = 0;

  readonly #wire: Wire;
  readonly #port = ++ports;
  #other!: MemoryTransport;

  // ── what the program has written ──
  #queue: Uint8Array[] = [];
  queuedBytes = 0;
  #corks = 0;
  #isEnding = false;

  // ── what the kernel has for the program ──
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #hasFinArrived = false;
  #hasResetArrived = false;
  /** What is under way to here, and what has been read here: both take room. */
  #promisedBytes = 0;

  #isPollComing = false;
  isDestroyed = false;

  static pair(wire: Wire): readonly [MemoryTransport, MemoryTransport] {
    const one = new MemoryTransport(wire);
    const other = new MemoryTransport(wire);
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  get hasFailed(): boolean {
    return this.failure !== undefined || this.isDestroyed;
  }

  /** An end reads only what it tells. */
  get untoldBytes(): number {
    return 0;
  }

  get peername(): Address | undefined {
    return this.isDestroyed ? undefined : { address: "memory", port: this.#other.#port };
  }

  get sockname(): Address | undefined {
    return this.isDestroyed ? undefined : { address: "memory", port: this.#port };
  }

  // ── reading ──

  read(): void {
    if (this.isReading || this.hasEnded || this.isDestroyed) return;
    this.isReading = true;
    this.#pollSoon();
  }

  stopReading(): void {
    this.isReading = false;
  }

  #pollSoon(): void {
    const hasNews = this.#arrivedBytes > 0 || this.#hasFinArrived || this.#hasResetArrived;
    if (!this.isReading || !hasNews || this.#isPollComing) return;
    this.#isPollComing = true;
    setImmediate(() => {
      this.#isPollComing = false;
      if (this.isReading && !this.isDestroyed) this.#poll();
    });
  }

  /** What came before an end is read before it, also before a reset. */
  #poll(): void {
    if (this.#arrivedBytes > 0) {
      this.isReading = this.events.bytes(this.#takeArrived());
      this.#other.#leaveSoon(); // there is room again
      this.#pollSoon();
    } else if (this.#hasResetArrived && !this.#hasFinArrived) {
      this.#fail("ECONNRESET", "reading");
    } else {
      this.isReading = false;
      this.hasEnded = true;
      this.events.end();
      this.#closeOnceOver();
    }
  }

  #takeArrived(): Buffer {
    const all = Buffer.concat(this.#arrived);
    const rest = all.subarray(mostPerRead);
    this.#arrived = rest.length === 0 ? [] : [rest];
    this.#arrivedBytes = rest.length;
    this.#promisedBytes -= all.length - rest.length;
    return all.subarray(0, mostPerRead);
  }

  // ── writing ──

  write(pieces: Pieces): void {
    this.probe();
    if (this.hasFailed || this.#isEnding) return;
    for (const piece of pieces) {
      this.#queue.push(Uint8Array.from(piece));
      this.queuedBytes += piece.length;
    }
    if (this.#corks === 0) this.#leave();
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (this.#corks > 0 && --this.#corks === 0) this.#leave();
  }

  probe(): boolean {
    if (this.#hasResetArrived && this.failure === undefined) this.#fail(this.#codeOfReset, "writing");
    return true;
  }

  /** As the kernel says it to who writes: of a reset behind the peer's end, only that the pipe is broken. */
  get #codeOfReset(): string {
    return this.#hasFinArrived ? "EPIPE" : "ECONNRESET";
  }

  end(): void {
    if (this.#isEnding || this.hasFailed) return;
    this.#isEnding = true;
    if (this.#corks === 0) this.#leave();
  }

  /** Lets as much leave as the other end has room for, and the end of our side behind the last of it. */
  #leave(): void {
    let hasLeft = false;
    for (let first = this.#queue[0]; first !== undefined && this.#room > 0; first = this.#queue[0]) {
      const part = first.subarray(0, this.#room);
      if (part.length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(part.length);
      this.queuedBytes -= part.length;
      this.writtenBytes += part.length;
      this.#send(part);
      hasLeft = true;
    }
    if (hasLeft) this.#later(() => this.events.written());
    if (this.#isEnding && this.#queue.length === 0 && !this.isFinished) this.#finish();
  }

  #leaveSoon(): void {
    this.#later(() => {
      if (!this.hasFailed) this.#leave();
    });
  }

  get #room(): number {
    return this.#other.isDestroyed ? Infinity : this.#wire.capacity - this.#other.#promisedBytes;
  }

  #send(part: Uint8Array): void {
    this.#other.#promisedBytes += part.length;
    this.#across(() => {
      this.#other.#arrive(part);
    });
  }

  #finish(): void {
    this.isFinished = true;
    this.#across(() => {
      this.#other.#hasFinArrived = true;
      this.#other.#pollSoon();
    });
    this.#later(() => {
      this.events.finished();
      this.#closeOnceOver();
    });
  }

  // ── what comes from the other end ──

  #arrive(data: Uint8Array): void {
    if (this.isDestroyed) {
      this.#answerByReset(); // nobody will ever read this, and the sender has to know
      return;
    }
    this.#arrived.push(data);
    this.#arrivedBytes += data.length;
    this.#pollSoon();
  }

  #answerByReset(): void {
    this.#across(() => {
      this.#other.#reset();
    });
  }

  #reset(): void {
    if (this.isDestroyed || this.#hasResetArrived) return;
    this.#hasResetArrived = true;
    this.#pollSoon();
    if (this.queuedBytes > 0) this.#fail(this.#codeOfReset, "writing");
  }

  // ── the end ──

  destroy(): void {
    if (this.isDestroyed) return;
    const hasUnread = this.#arrivedBytes > 0;
    this.#discard();
    if (hasUnread) this.#answerByReset();
    else if (!this.isFinished) this.#finish();
  }

  reset(): void {
    if (this.isDestroyed) return;
    this.#discard();
    this.#answerByReset();
  }

  /** As Node does once both sides have ended. */
  #closeOnceOver(): void {
    if (this.hasEnded && this.isFinished && !this.isDestroyed) this.#discard();
  }

  #discard(): void {
    this.isDestroyed = true;
    this.isReading = false;
    this.#queue = [];
    this.queuedBytes = 0;
    this.#arrived = [];
    this.#arrivedBytes = 0;
    setImmediate(() => {
      this.isClosed = true;
      this.events.closed();
    });
  }

  #fail(code: string, while_: "reading" | "writing"): void {
    this.failure = code;
    this.#discard();
    process.nextTick(() => {
      this.events.failed(code, while_);
    });
  }

  /** Node tells of what it has done when its loop comes round. */
  #later(tell: () => void): void {
    setImmediate(() => {
      if (!this.isDestroyed) tell();
    });
  }

  #across(arrive: () => void): void {
    if (this.#wire.latencyMs === 0) arrive();
    else this.#wire.clock.setTimeout(arrive, this.#wire.latencyMs);
  }

  // Nothing in memory keeps a program running.
  ref(): void {
    return;
  }

  unref(): void {
    return;
  }

  readonly mustEnd = false;
  readonly awaitsEnd = false;
  readonly canLend = false;

  lend(): never {
    throw new Error("Cannot lend a stream in memory: there is no socket of Node's");
  }
}
