import type { Pieces } from "../framing/framing.ts";

/** As much as waits in a queue by default before sends have to wait. */
const bufferSize = 65_536;

/** To copy more than this costs more than to hand it over as a piece of its own. */
const mostCopiedBytes = 4096;

/** Whether it is worth to gather them: what comes first tells what most of a turn will be. */
export function areSmall(pieces: Pieces): boolean {
  for (const piece of pieces) if (piece.length > mostCopiedBytes) return false;
  return true;
}

/** So many sockets at a time have one: those whose peers do not read keep theirs. */
const mostBuffers = 64;
let taken = 0;
const free: WriteBuffer[] = [];

/** An empty one for a socket that has small pieces to write, unless too many have one. */
export function takeWriteBuffer(): WriteBuffer | undefined {
  if (taken === mostBuffers) return undefined;
  taken++;
  return free.pop() ?? new WriteBuffer();
}

/** Nobody needs what is in it any more. */
export function giveBack(buffer: WriteBuffer): void {
  taken--;
  buffer.clear();
  free.push(buffer);
}

/** Where small pieces are gathered: the kernel takes 64 KiB in one piece in half the time of 64 pieces. */
export class WriteBuffer {
  readonly #bytes = Buffer.allocUnsafeSlow(bufferSize);
  /** How much is gathered. */
  size = 0;
  /** Whether it was handed over: nothing more is gathered then. */
  isLeaving = false;

  /** Says whether there was room for `piece`, which is copied then. */
  add(piece: Uint8Array): boolean {
    const end = this.size + piece.length;
    if (this.isLeaving || end > bufferSize || piece.length > mostCopiedBytes) return false;
    this.#bytes.set(piece, this.size);
    this.size = end;
    return true;
  }

  /** Hands over all that is gathered. */
  leave(): Buffer {
    const gathered = this.#bytes.subarray(0, this.size);
    this.size = 0;
    this.isLeaving = true;
    return gathered;
  }

  clear(): void {
    this.size = 0;
    this.isLeaving = false;
  }
}
