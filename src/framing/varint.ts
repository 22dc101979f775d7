import type { Framing } from "./framing.ts";
import { sized } from "./sized.ts";

/** Bytes of the length that have come, and what they say. */
interface State {
  readonly seen: number;
  readonly value: number;
}

/** What a bit is worth in each byte: the least first. */
const worths = [1, 2 ** 7, 2 ** 14, 2 ** 21, 2 ** 28];
const mostBytes = worths.length;
const mostValue = 2 ** 32 - 1;

/**
 * A body behind its length as a varint (LEB128) of at most 5 bytes and 32 bits, as protobuf's delimited messages have
 * it. A length that takes more bytes than it needs is read too, and sending writes the shortest.
 */
export function varint(): Framing {
  return delimitedByVarint;
}

const delimitedByVarint: Framing = sized<State>({
  start: { seen: 0, value: 0 },
  read(state, bytes) {
    let { seen, value } = state;
    let at = 0;
    let isLast = false;
    for (; !isLast && seen < mostBytes && at < bytes.length; at++, seen++) {
      const byte = bytes[at] ?? 0;
      value += (byte & 127) * (worths[seen] ?? 0);
      isLast = byte < 128;
    }
    if (value > mostValue || (seen === mostBytes && !isLast))
      return { type: "Malformed", reason: "varint: a length of more than 32 bits" };
    if (!isLast) return { type: "More", state: { seen, value }, headerSize: seen };
    return { type: "Whole", end: at, headerSize: seen, bodySize: value };
  },
  write(size) {
    if (size > mostValue) return undefined;
    const header = Buffer.allocUnsafe(sizeOfHeader(size));
    let rest = size;
    let at = 0;
    for (; rest > 127; rest = Math.floor(rest / 128)) header[at++] = (rest % 128) + 128;
    header[at] = rest;
    return header;
  },
});

function sizeOfHeader(size: number): number {
  let bytes = 1;
  for (let rest = size; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
