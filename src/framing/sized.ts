import { type Framing, type Pieces, type Reading, sizeOf } from "./framing.ts";

/** How the header before a body is read and written. */
export interface Header<H> {
  /** The state at its first byte. */
  readonly start: H;
  read(state: H, bytes: Buffer): HeaderReading<H>;
  /** The header of a body of `size` bytes; nothing where it cannot say so many. */
  write(size: number): Uint8Array | undefined;
}

/** What a header comes to, so far. */
export type HeaderReading<H> =
  /** `headerSize` bytes of it have come. */
  | { readonly type: "More"; readonly state: H; readonly headerSize: number }
  /** It ends before index `end` of these bytes, has `headerSize` in all, and a body of `bodySize` stands behind it. */
  | { readonly type: "Whole"; readonly end: number; readonly headerSize: number; readonly bodySize: number }
  | { readonly type: "Malformed"; readonly reason: string };

type State<H> =
  | { readonly isWhole: false; readonly header: H }
  | { readonly isWhole: true; readonly headerSize: number; readonly left: number };

/** Bodies behind a header that says how long they are, with `trailer` behind each where there is one. */
export function sized<H>(
  header: Header<H>,
  trailer?: { readonly byte: number; readonly otherwise: string },
): Framing<State<H>> {
  const tail = trailer === undefined ? 0 : 1;
  const trailing: Pieces = trailer === undefined ? [] : [Buffer.of(trailer.byte)];

  /** `left` bytes of the body are still to come, from index `at` on. */
  const readBody = (bytes: Buffer, at: number, headerSize: number, left: number): Reading<State<H>> => {
    const end = at + left;
    if (end + tail > bytes.length) {
      const missing = Math.max(0, end - bytes.length);
      return {
        type: "More",
        state: { isWhole: true, headerSize, left: missing },
        head: headerSize,
        tail: 0,
        left: missing,
      };
    }
    if (trailer !== undefined && bytes[end] !== trailer.byte) return { type: "Malformed", reason: trailer.otherwise };
    return { type: "Frame", end: end + tail, head: headerSize, tail };
  };

  return {
    start: { isWhole: false, header: header.start },
    read(state, bytes) {
      if (state.isWhole) return readBody(bytes, 0, state.headerSize, state.left);
      const reading = header.read(state.header, bytes);
      switch (reading.type) {
        case "More":
          return {
            type: "More",
            state: { isWhole: false, header: reading.state },
            head: reading.headerSize,
            tail: 0,
            left: 0,
          };
        case "Whole":
          return readBody(bytes, reading.end, reading.headerSize, reading.bodySize);
        case "Malformed":
          return reading;
      }
    },
    encode(body) {
      const written = header.write(sizeOf(body));
      return written === undefined ? undefined : [written, ...body, ...trailing];
    },
  };
}
