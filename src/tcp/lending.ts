import type { Pieces } from "../framing/framing.ts";

/**
 * Whose the memory is of all that a socket has received: `kept` by whoever has it, `lent` to who has it until more is asked
 * for, or `back`, as more has been asked for.
 */
export type Holding = "kept" | "lent" | "back";

/** What must not be used again, as it was sent and has not left. */
const unsent = new WeakSet<ArrayBufferLike>();
/** Whether any socket lends: a send looks no further where none does. */
export let isLending = false;

/** From now on what is sent may be lent memory. */
export function beginLending(): void {
  isLending = true;
}

/** Whoever sends on what was lent to him need not wait until it has left: what has to wait does not go back. */
export function keepUnsent(pieces: Pieces): void {
  if (isLending) for (const { buffer } of pieces) unsent.add(buffer);
}

/** The memory of one socket that lends what it has received: one buffer, or two by turns. */
export class Lending {
  #lent: Buffer | undefined;

  /** All that was read into `buffer` was handed over. Gives what may be used again. */
  takeBack(buffer: Buffer, holding: "lent" | "back"): Buffer | undefined {
    // Whoever got this had asked for it, and so has given back what came before.
    const back = holding === "back" ? buffer : this.#lent;
    this.#lent = holding === "lent" ? buffer : undefined;
    return back === undefined || unsent.has(back.buffer) ? undefined : back;
  }
}
