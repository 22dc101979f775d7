import { type Framing, sizeOf } from "./framing.ts";

const ZERO = 48;
const COLON = 58;
const COMMA = 44;
/** As many as any length of a Buffer has. */
const mostDigits = 10;

type State =
  | { readonly isWhole: false; readonly digits: number; readonly value: number }
  | { readonly isWhole: true; readonly headerSize: number; readonly left: number };

/**
 * Netstrings: the length in decimal digits, a colon, the body, a comma. Sending writes all of that.
 *
 * Source: D. J. Bernstein, https://cr.yp.to/proto/netstrings.txt: a length has no leading zeros.
 */
export function netstring(): Framing {
  return netstrings;
}

const netstrings: Framing<State> = {
  start: { isWhole: false, digits: 0, value: 0 },
  read(state, bytes) {
    let at = 0;
    let left: number;
    let headerSize: number;
    if (state.isWhole) ({ left, headerSize } = state);
    else {
      let { digits, value } = state;
      for (;;) {
        const byte = bytes[at];
        if (byte === undefined)
          return { type: "More", state: { isWhole: false, digits, value }, head: digits, tail: 0, left: 0 };
        at++;
        if (byte === COLON && digits > 0) break;
        if (byte < ZERO || byte > ZERO + 9)
          return { type: "Malformed", reason: "netstring: a length that is no number" };
        if (digits > 0 && value === 0) return { type: "Malformed", reason: "netstring: a length with a leading zero" };
        if (digits === mostDigits) return { type: "Malformed", reason: `netstring: more than ${mostDigits} digits` };
        value = value * 10 + byte - ZERO;
        digits++;
      }
      left = value;
      headerSize = digits + 1;
    }
    const end = at + left;
    if (end >= bytes.length) {
      left = end - bytes.length;
      return { type: "More", state: { isWhole: true, headerSize, left }, head: headerSize, tail: 0, left };
    }
    if (bytes[end] !== COMMA) return { type: "Malformed", reason: "netstring: no comma behind the body" };
    return { type: "Frame", end: end + 1, head: headerSize, tail: 1 };
  },
  encode(body) {
    const size = sizeOf(body);
    return String(size).length > mostDigits ? undefined : [Buffer.from(`${size}:`), ...body, comma];
  },
};

const comma = Buffer.of(COMMA);
