import type { Framing, Pieces } from "../framing/framing.ts";
import { lengthPrefix } from "../framing/length.ts";
import { line } from "../framing/line.ts";
import { valueText } from "../process/value-text.ts";
import type { SocketError } from "./error.ts";
import type { PacketType } from "./options.ts";
import type { Stash } from "./stash.ts";

/** Why a stream can be cut no further. */
export interface FramingFailure {
  readonly error: Extract<SocketError, "Emsgsize" | "Eproto">;
  /** What is wrong, in words. */
  readonly reason: string;
}

/**
 * What stands around a body, at most, or as many bytes as the largest body may have: a header that never ends must not
 * fill the memory.
 */
const mostAround = 65_536;

const framings = { line: line(), 1: lengthPrefix(1), 2: lengthPrefix(2), 4: lengthPrefix(4) };

/** A stream in frames: takes them out of the stash, and has seen each byte of it once. */
export class Frames {
  readonly #framing: Framing;
  /** Bytes of a body at most. */
  readonly #packetSize: number;
  readonly #stash: Stash;
  #state: unknown;
  #failure: FramingFailure | undefined;

  constructor(packet: Exclude<PacketType, "raw">, packetSize: number, stash: Stash) {
    this.#framing = typeof packet === "object" ? packet : framings[packet];
    this.#packetSize = packetSize;
    this.#stash = stash;
    this.#state = this.#framing.start;
    stash.forgetSeen();
  }

  /** Why `take` gives nothing, and never will. */
  get failure(): FramingFailure | undefined {
    return this.#failure;
  }

  /** The body of the next frame; nothing where that is not all here, or cannot be cut. */
  take(): Buffer | undefined {
    if (this.#failure !== undefined) return undefined;
    try {
      return this.#take();
    } catch (error) {
      // Whoever has written the framing has to hear of it, but what a peer sends must not end the program.
      this.#fail("Eproto", `the framing threw ${error instanceof Error ? String(error) : valueText(error)}`);
      return undefined;
    }
  }

  #take(): Buffer | undefined {
    const stash = this.#stash;
    for (let bytes = stash.unseen(); bytes !== undefined; bytes = stash.unseen()) {
      const reading = this.#framing.read(this.#state, bytes);
      switch (reading.type) {
        case "More": {
          stash.see(bytes.length);
          this.#state = reading.state;
          const { head = 0, tail = 0, left = 0 } = reading;
          if (this.#isTooLarge(stash.seenSize - head - tail + left, head + tail)) return undefined;
          break;
        }
        case "Frame": {
          const { head = 0, tail = 0 } = reading;
          const size = this.#finish(reading.end, bytes) - head - tail;
          if (!(head >= 0 && tail >= 0 && size >= 0)) throw new RangeError(`a frame of ${size} bytes`);
          if (this.#isTooLarge(size, head + tail)) return undefined;
          stash.drop(head);
          const body = stash.take(size);
          stash.drop(tail);
          return body;
        }
        case "Skip":
          stash.drop(this.#finish(reading.end, bytes));
          break;
        case "Malformed":
          this.#fail("Eproto", reading.reason);
          return undefined;
        default:
          throw new TypeError(`a reading of no type: ${valueText(reading satisfies never)}`);
      }
    }
    return undefined;
  }

  /** The next byte begins a frame; gives the size of the one before. */
  #finish(end: number, bytes: Buffer): number {
    const size = this.#stash.seenSize + end;
    if (!(Number.isInteger(end) && end >= 0 && end <= bytes.length && size > 0)) {
      throw new RangeError(`an end at ${valueText(end)} of ${bytes.length} bytes`);
    }
    this.#stash.forgetSeen();
    this.#state = this.#framing.start;
    return size;
  }

  #isTooLarge(size: number, around: number): boolean {
    const most = this.#packetSize;
    if (size > most) this.#fail("Emsgsize", `a body of ${size} bytes or more, where packetSize is ${most}`);
    else if (around > Math.max(most, mostAround)) this.#fail("Emsgsize", `${around} bytes around a body`);
    return this.#failure !== undefined;
  }

  #fail(error: FramingFailure["error"], reason: string): void {
    this.#failure = { error, reason };
  }

  /** What is sent for a body; nothing where no frame can hold it. */
  encode(body: Pieces): Pieces | undefined {
    return this.#framing.encode === undefined ? body : this.#framing.encode(body);
  }
}
