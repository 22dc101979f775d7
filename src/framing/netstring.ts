import type { Framing } from "./framing.ts";
import { type HeaderReading, sized } from "./sized.ts";

const ZERO = 48;
const COLON = 58;
const COMMA = 44;
/** As many as any length of a Buffer has. */
const mostDigits = 10;

/** Digits that have come, and what they say. */
interface State {
  readonly digits: number;
  readonly value: number;
}

/**
 * Netstrings: the length in decimal digits, a colon, the body, a comma. Sending writes all of that.
 *
 * Source: D. J. Bernstein, https://cr.yp.to/proto/netstrings.txt: a length has no leading zeros.
 */
export function netstring(): Framing {
  return netstrings;
}

const netstrings: Framing = sized<State>(
  {
    start: { digits: 0, value: 0 },
    read(state, bytes) {
      let { digits, value } = state;
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] ?? 0;
        if (byte === COLON && digits > 0)
          return { type: "Whole", end: at + 1, headerSize: digits + 1, bodySize: value };
        if (byte < ZERO || byte > ZERO + 9) return malformed("a length that is no number");
        if (digits > 0 && value === 0) return malformed("a length with a leading zero");
        if (digits === mostDigits) return malformed(`more than ${mostDigits} digits`);
        value = value * 10 + byte - ZERO;
        digits++;
      }
      return { type: "More", state: { digits, value }, headerSize: digits };
    },
    write: (size) => (String(size).length > mostDigits ? undefined : Buffer.from(`${size}:`)),
  },
  { byte: COMMA, otherwise: "netstring: no comma behind the body" },
);

function malformed(what: string): HeaderReading<State> {
  return { type: "Malformed", reason: `netstring: ${what}` };
}
