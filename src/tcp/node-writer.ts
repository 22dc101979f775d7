import type { Pieces } from "../framing/framing.ts";
import type { NodeSocket } from "./transport.ts";
import { areSmall, giveBack, takeWriteBuffer, type WriteBuffer } from "./write-buffer.ts";

const nothing = Buffer.alloc(0);

/** Who is called back when a write has left. */
type Told = (error?: Error | null) => void;

/** Whose writing it is. */
interface Writing {
  readonly isOurs: boolean;
  readonly hasFailed: boolean;
  readonly events: { written(): void };
}

/** Whether it is one of Node's TLS, which has the same methods and refuses to reset. */
export function isEncrypted(raw: NodeSocket): boolean {
  return (raw as { readonly encrypted?: boolean }).encrypted === true;
}

/**
 * Writes to a socket of Node's what leaves together, and what has to wait. Node calls back in a tick of its own, which costs
 * some 4 % of a round trip: it is asked to only where something waits, is corked, or goes over TLS, where everything waits.
 */
export class NodeWriter {
  /** One function for all writes that are told of. Bound, as one that closes over `this` keeps more. */
  readonly told: Told;
  readonly #raw: NodeSocket;
  readonly #writing: Writing;
  #isCorked = false;
  /** From `cork` on, until the kernel has taken all that was gathered in it. */
  #gathered: WriteBuffer | undefined;

  constructor(raw: NodeSocket, writing: Writing) {
    this.#raw = raw;
    this.#writing = writing;
    this.told = this.#tellWritten.bind(this);
  }

  get gatheredBytes(): number {
    return this.#gathered === undefined ? 0 : this.#gathered.size;
  }

  write(pieces: Pieces): void {
    if (this.#isCorked) this.#gather(pieces, this.told);
    else this.#writeNow(pieces);
  }

  #writeNow(pieces: Pieces): void {
    const raw = this.#raw;
    const told = raw.writableLength > 0 || isEncrypted(raw) ? this.told : undefined;
    const only = pieces.length === 1 ? pieces[0] : undefined;
    if (only !== undefined) raw.write(only, told);
    else {
      this.cork(pieces);
      this.#gather(pieces, told);
      this.#uncork(told);
    }
    if (told === undefined && raw.writableLength > 0) this.tellOfRest();
  }

  /** Of a write that the kernel has taken a part of only, and that nobody was to be told of. */
  tellOfRest(): void {
    if (!this.#writing.hasFailed) this.#raw.write(nothing, this.told);
  }

  cork(first: Pieces): void {
    const raw = this.#raw;
    const mayGather = this.#gathered === undefined && raw.writableLength === 0 && this.#writing.isOurs;
    if (mayGather && areSmall(first)) this.#gathered = takeWriteBuffer();
    if (!this.#isGathering) raw.cork();
    this.#isCorked = true;
  }

  uncork(): void {
    this.#uncork(this.told);
  }

  #uncork(told: Told | undefined): void {
    this.#isCorked = false;
    if (this.#isGathering) this.#writeGathered(told);
    else this.#raw.uncork();
    this.#reclaim();
  }

  get #isGathering(): boolean {
    return this.#gathered !== undefined && !this.#gathered.isLeaving;
  }

  /** What is too much to be copied, or comes behind such, is Node's to keep until `uncork`. */
  #gather(pieces: Pieces, told: Told | undefined): void {
    for (const piece of pieces) {
      if (this.#gathered?.add(piece) === true) continue;
      if (this.#isGathering) {
        this.#raw.cork();
        this.#writeGathered(told);
      }
      this.#raw.write(piece, told);
    }
  }

  #writeGathered(told: Told | undefined): void {
    const gathered = this.#gathered?.leave();
    if (gathered !== undefined && gathered.length > 0) this.#raw.write(gathered, told);
  }

  /** What was gathered goes before our end. */
  leave(): void {
    if (this.#isGathering) this.uncork();
  }

  /** Once the kernel has taken what was gathered, others may gather there. */
  #reclaim(): void {
    const gathered = this.#gathered;
    if (gathered?.isLeaving !== true || this.#raw.writableLength > 0) return;
    this.#gathered = undefined;
    giveBack(gathered);
  }

  /** Nothing leaves any more. */
  dispose(): void {
    if (this.#gathered !== undefined) giveBack(this.#gathered);
    this.#gathered = undefined;
  }

  #tellWritten(error?: Error | null): void {
    if (error !== null && error !== undefined) return;
    this.#reclaim();
    this.#writing.events.written();
  }
}
