import type { Framing, Reading } from "./framing.ts";

const LF = 10;
const CR = 13;

/**
 * Lines, without their ends. By default a line ends with LF or CRLF, and a CR alone is a byte like others; `delimiter`
 * is the one end of a line then, text or bytes. Sending adds nothing. The last line has to have its end too.
 *
 * @throws TypeError for a delimiter without a byte
 *
 * Source: inet's `{packet, line}`, which keeps the ends, and cuts a line that is longer than its buffer.
 */
export function line(options: { readonly delimiter?: string | Uint8Array | undefined } = {}): Framing {
  const { delimiter } = options;
  if (delimiter === undefined) return anyLine;
  const bytes = typeof delimiter === "string" || delimiter instanceof Uint8Array ? Buffer.from(delimiter) : undefined;
  if (bytes === undefined || bytes.length === 0) {
    throw new TypeError("Cannot cut lines: delimiter must be text or bytes, and not empty");
  }
  return delimited(bytes);
}

/** Its state: whether the last byte was a CR. */
const anyLine: Framing<boolean> = {
  start: false,
  read(endsInCr, bytes) {
    const at = bytes.indexOf(LF);
    if (at === -1) {
      const isCr = bytes[bytes.length - 1] === CR;
      return { type: "More", state: isCr, head: 0, tail: isCr ? 1 : 0, left: 0 };
    }
    const isCrlf = at === 0 ? endsInCr : bytes[at - 1] === CR;
    return { type: "Frame", end: at + 1, head: 0, tail: isCrlf ? 2 : 1 };
  },
};

/** Its state: how many bytes of the delimiter have come. Knuth, Morris and Pratt's search, where chunks meet. */
function delimited(delimiter: Buffer): Framing<number> {
  const borders = bordersOf(delimiter);

  const advance = (matched: number, byte: number): number => {
    let next = matched;
    while (next > 0 && delimiter[next] !== byte) next = borders[next - 1] ?? 0;
    return delimiter[next] === byte ? next + 1 : next;
  };

  const frame = (end: number): Reading<number> => ({ type: "Frame", end, head: 0, tail: delimiter.length });

  return {
    start: 0,
    read(state, bytes) {
      let matched = state;
      let at = 0;
      for (; matched > 0 && at < bytes.length; at++) {
        matched = advance(matched, bytes[at] ?? 0);
        if (matched === delimiter.length) return frame(at + 1);
      }
      if (at < bytes.length) {
        const found = bytes.indexOf(delimiter, at);
        if (found !== -1) return frame(found + delimiter.length);
        // What the next bytes may complete stands in the last few.
        for (at = Math.max(at, bytes.length - delimiter.length + 1); at < bytes.length; at++)
          matched = advance(matched, bytes[at] ?? 0);
      }
      return { type: "More", state: matched, head: 0, tail: matched, left: 0 };
    },
  };
}

/** For each beginning of the delimiter, the longest shorter one that it ends with. */
function bordersOf(delimiter: Buffer): readonly number[] {
  const borders = [0];
  for (let at = 1, matched = 0; at < delimiter.length; at++) {
    while (matched > 0 && delimiter[at] !== delimiter[matched]) matched = borders[matched - 1] ?? 0;
    if (delimiter[at] === delimiter[matched]) matched++;
    borders.push(matched);
  }
  return borders;
}
