import { type Framing, sizeOf } from "./framing.ts";

type State =
  | { readonly isWhole: false; readonly seen: number; readonly value: number }
  | { readonly isWhole: true; readonly headerSize: number; readonly left: number };

const mostBytes = 5;
const mostValue = 2 ** 32 - 1;

/**
 * A body behind its length as a varint (LEB128) of at most 5 bytes and 32 bits, as protobuf's delimited messages have
 * it. A length that takes more bytes than it needs is read too, and sending writes the shortest.
 */
export function varint(): Framing {
  return delimitedByVarint;
}

const delimitedByVarint: Framing<State> = {
  start: { isWhole: false, seen: 0, value: 0 },
  read(state, bytes) {
    let at = 0;
    let left: number;
    let headerSize: number;
    if (state.isWhole) ({ left, headerSize } = state);
    else {
      let { seen, value } = state;
      let isLast = false;
      for (; !isLast && seen < mostBytes && at < bytes.length; at++, seen++) {
        const byte = bytes[at] ?? 0;
        value += (byte & 127) * 128 ** seen;
        isLast = byte < 128;
      }
      if (value > mostValue || (seen === mostBytes && !isLast))
        return { type: "Malformed", reason: "varint: a length of more than 32 bits" };
      if (!isLast) return { type: "More", state: { isWhole: false, seen, value }, head: seen, tail: 0, left: 0 };
      left = value;
      headerSize = seen;
    }
    const end = at + left;
    if (end <= bytes.length) return { type: "Frame", end, head: headerSize, tail: 0 };
    left = end - bytes.length;
    return { type: "More", state: { isWhole: true, headerSize, left }, head: headerSize, tail: 0, left };
  },
  encode(body) {
    let rest = sizeOf(body);
    if (rest > mostValue) return undefined;
    const header: number[] = [];
    for (; rest > 127; rest = Math.floor(rest / 128)) header.push((rest % 128) + 128);
    header.push(rest);
    return [Buffer.from(header), ...body];
  },
};
