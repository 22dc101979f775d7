import type { Pieces } from "../framing/framing.ts";

/**
 * Whose the memory is of what was read last, once it was handed over: `kept` by whoever has it, `lent` to who has it until
 * the socket is asked for more, or `returned`, as more was asked for.
 */
export type Holding = "kept" | "lent" | "returned";

/** Memory that was sent and has not left, which must not be read into. */
const unsent = new WeakSet<ArrayBufferLike>();
/** Whether any socket lends: a send looks no further where none does. */
export let isLending = false;

/** From now on what is sent may be lent memory. */
export function beginLending(): void {
  isLending = true;
}

/** Whoever sends on what was lent to him need not wait until it has left: its memory is not used again. */
export function keepUnsent(pieces: Pieces): void {
  if (isLending) for (const { buffer } of pieces) unsent.add(buffer);
}

/** Whether it may be read into again, once it was returned. */
export function isReusable(bytes: Buffer): boolean {
  return !unsent.has(bytes.buffer);
}
