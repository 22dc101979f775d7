/** A body in pieces, which need not be joined to be sent. */
export type Pieces = readonly Uint8Array[];

/**
 * How a stream is cut into frames: a pure function of a state and of the bytes that are new. It is shown every byte of a
 * frame once, so its time is linear however the bytes come; what it has to remember of those it has seen is its state.
 * A state is never changed, only followed by another: sockets share `start`. A frame's bytes are kept, counted and
 * bounded by the socket (`packetSize`).
 *
 * What a `read` throws ends its connection by `Eproto`, and no other.
 */
export interface Framing<S = unknown> {
  /** The state at the first byte of each frame. */
  readonly start: S;
  /** Reads on. `bytes` are those behind the ones already seen, at least one; do not keep them. */
  read(state: S, bytes: Buffer): Reading<S>;
  /**
   * What is sent for a body: `read` cuts that body out of it again. `undefined` where no frame can hold it, which `send`
   * says as `Emsgsize`. Without `encode`, bytes are sent as they are.
   */
  encode?(body: Pieces): Pieces | undefined;
}

/**
 * What a framing makes of new bytes. `head` and `tail` count the bytes at the front and at the back of the whole frame,
 * those that were seen before included, that are no part of its body: default 0.
 */
export type Reading<S> =
  /**
   * All bytes are seen and the frame goes on. `head` and `tail` are what is known so far; `left` is how many bytes of the
   * body are sure to come still (default 0), so that one that is too large is refused before it has come.
   */
  | { readonly type: "More"; readonly state: S; readonly head?: number; readonly tail?: number; readonly left?: number }
  /** The frame ends before index `end` of these bytes; what stands from there on is shown again, from `start`. */
  | { readonly type: "Frame"; readonly end: number; readonly head?: number; readonly tail?: number }
  /** As `Frame`, of bytes that nobody is to get: blank lines, a sign of life. */
  | { readonly type: "Skip"; readonly end: number }
  /** This is no such stream. */
  | { readonly type: "Malformed"; readonly reason: string };

/**
 * A framing of your own, its state typed by `start`. `verifyFraming` of `tankard/testing` checks it.
 *
 * ```ts
 * // A byte that says how many are to follow, bit 7 set for those that are to be ignored.
 * const tagged = newFraming({
 *   start: { left: 0, isIgnored: false, isBegun: false },
 *   read(state, bytes) {
 *     const first = bytes[0] ?? 0;
 *     const { left, isIgnored } = state.isBegun ? state : { left: first & 127, isIgnored: first > 127 };
 *     const end = state.isBegun ? left : left + 1;
 *     const more = end - bytes.length;
 *     if (more > 0) return { type: "More", state: { left: more, isIgnored, isBegun: true }, head: 1, left: more };
 *     return isIgnored ? { type: "Skip", end } : { type: "Frame", end, head: 1 };
 *   },
 * });
 * ```
 */
export function newFraming<S>(framing: {
  readonly start: S;
  read(state: NoInfer<S>, bytes: Buffer): Reading<NoInfer<S>>;
  encode?(body: Pieces): Pieces | undefined;
}): Framing<S> {
  return framing;
}

/** @internal */
export function sizeOf(pieces: Pieces): number {
  let size = 0;
  for (const { length } of pieces) size += length;
  return size;
}
