import type { Framing } from "./framing.ts";
import { sized } from "./sized.ts";

/** Bytes of the header that have come, and what they say. */
interface State {
  readonly seen: number;
  readonly value: number;
}

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

function prefixed(headerSize: number, isBigEndian: boolean): Framing {
  const most = 2 ** (8 * headerSize) - 1;
  return sized<State>({
    start: { seen: 0, value: 0 },
    read(state, bytes) {
      let { seen, value } = state;
      let at = 0;
      for (; seen < headerSize && at < bytes.length; at++, seen++) {
        const byte = bytes[at] ?? 0;
        value = isBigEndian ? value * 256 + byte : value + byte * 256 ** seen;
      }
      if (seen < headerSize) return { type: "More", state: { seen, value }, headerSize: seen };
      return { type: "Whole", end: at, headerSize, bodySize: value };
    },
    write(size) {
      if (size > most) return undefined;
      const header = Buffer.allocUnsafe(headerSize);
      if (isBigEndian) header.writeUIntBE(size, 0, headerSize);
      else header.writeUIntLE(size, 0, headerSize);
      return header;
    },
  });
}
