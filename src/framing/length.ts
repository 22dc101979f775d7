import { type Framing, sizeOf } from "./framing.ts";

/** Bytes of the header that have come, and what they say; the header is whole where `left` is the rest of the body. */
type State =
  | { readonly isWhole: false; readonly seen: number; readonly value: number }
  | { readonly isWhole: true; readonly left: number };

/**
 * A header of 1, 2 or 4 bytes that says, without a sign, how long the body behind it is. Sending writes it, and a body
 * that it cannot say is `Emsgsize`.
 *
 * @throws TypeError for another header
 *
 * Source: inet's `{packet, 1 | 2 | 4}`, which is big endian.
 */
export function lengthPrefix(
  headerSize: 1 | 2 | 4,
  options: { readonly endian?: "big" | "little" | undefined } = {},
): Framing {
  const { endian = "big" } = options;
  if (![1, 2, 4].includes(headerSize)) {
    throw new TypeError(`Cannot cut by length: the header must have 1, 2 or 4 bytes, received ${String(headerSize)}`);
  }
  if (!["big", "little"].includes(endian)) {
    throw new TypeError(`Cannot cut by length: endian must be "big" or "little", received ${endian as string}`);
  }
  return prefixed(headerSize, endian === "big");
}

function prefixed(headerSize: number, isBigEndian: boolean): Framing<State> {
  const most = 2 ** (8 * headerSize) - 1;
  return {
    start: { isWhole: false, seen: 0, value: 0 },
    read(state, bytes) {
      let at = 0;
      let left: number;
      if (state.isWhole) ({ left } = state);
      else {
        let { seen, value } = state;
        for (; seen < headerSize && at < bytes.length; at++, seen++) {
          const byte = bytes[at] ?? 0;
          value = isBigEndian ? value * 256 + byte : value + byte * 256 ** seen;
        }
        if (seen < headerSize)
          return { type: "More", state: { isWhole: false, seen, value }, head: seen, tail: 0, left: 0 };
        left = value;
      }
      const end = at + left;
      if (end <= bytes.length) return { type: "Frame", end, head: headerSize, tail: 0 };
      left = end - bytes.length;
      return { type: "More", state: { isWhole: true, left }, head: headerSize, tail: 0, left };
    },
    encode(body) {
      const size = sizeOf(body);
      if (size > most) return undefined;
      const header = Buffer.allocUnsafe(headerSize);
      if (isBigEndian) header.writeUIntBE(size, 0, headerSize);
      else header.writeUIntLE(size, 0, headerSize);
      return [header, ...body];
    },
  };
}
