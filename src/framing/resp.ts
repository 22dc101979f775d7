import type { Framing, Reading } from "./framing.ts";

const CR = 13;
const LF = 10;
const MINUS = 45;
const ZERO = 48;

/** The shortest value, `_` or an empty `+` and the end of its line. */
const leastValueBytes = 3;
/** More is beyond what a number says exactly. */
const mostDigits = 15;

/** An aggregate that has begun, in those around it. */
interface Open {
  /** Its values that are still to come, the one that is being read included. */
  readonly left: number;
  readonly around: Open | undefined;
  readonly depth: number;
}

interface State {
  readonly open: Open | undefined;
  /** Values that are still to come in all that is open, beside the one that is being read. */
  readonly pending: number;
  readonly part: Part;
}

/** What of a value is next. */
type Part =
  | { readonly type: "Begin" }
  /** Text up to its CRLF, of which the CR may have come. */
  | { readonly type: "Text"; readonly hasCr: boolean }
  /** The size of a string or of an aggregate, up to its CRLF. */
  | {
      readonly type: "Size";
      readonly of: number;
      readonly digits: number;
      readonly value: number;
      readonly isNegative: boolean;
      readonly hasCr: boolean;
    }
  /** A string and the CRLF behind it: so many bytes. */
  | { readonly type: "String"; readonly left: number };

const begin: Part = { type: "Begin" };

/** The first bytes of values that are a text in one line, of those with a size in bytes, and of aggregates. */
const texts = new Set(Buffer.from("+-:_#,("));
const strings = new Set(Buffer.from("$!="));
const aggregates = new Set(Buffer.from("*~>%|"));
/** Aggregates whose size counts pairs. */
const pairs = new Set(Buffer.from("%|"));
/** An attribute, which is followed by the value that it is of. */
const ATTRIBUTE = 124;
const BULK = 36;
const ARRAY = 42;

/**
 * Redis's protocol, RESP2 and RESP3: a frame is a whole reply, with all that is nested in it, as it came; `parseResp`
 * says what it means. Commands, which are arrays, are cut as well; inline commands and RESP3's streamed types are not.
 * `packetSize` bounds the reply as a whole. Sending adds nothing: `encodeCommand` writes commands.
 *
 * `maxDepth` aggregates may be nested, default 32.
 *
 * @throws RangeError for a depth that is not a whole number from 0 to 1000
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec
 */
export function resp(options: { readonly maxDepth?: number | undefined } = {}): Framing {
  const { maxDepth = defaultMaxDepth } = options;
  if (!Number.isInteger(maxDepth) || maxDepth < 0 || maxDepth > 1_000) {
    throw new RangeError(
      `Cannot cut RESP: maxDepth must be a whole number from 0 to 1000, received ${String(maxDepth)}`,
    );
  }
  return replies(maxDepth);
}

/** @internal */
export const defaultMaxDepth = 32;

function replies(maxDepth: number): Framing<State> {
  return {
    start: { open: undefined, pending: 0, part: begin },
    read(state, bytes) {
      const cut = new Cut(state, bytes, maxDepth);
      return cut.read();
    },
  };
}

/** One reading: where it is in the bytes, and the state as it changes. */
class Cut {
  readonly #bytes: Buffer;
  readonly #maxDepth: number;
  #at = 0;
  #open: Open | undefined;
  #pending: number;
  #part: Part;

  constructor({ open, pending, part }: State, bytes: Buffer, maxDepth: number) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
    this.#open = open;
    this.#pending = pending;
    this.#part = part;
  }

  read(): Reading<State> {
    while (this.#at < this.#bytes.length) {
      const end = this.#step();
      if (typeof end === "string") return { type: "Malformed", reason: `RESP: ${end}` };
      if (end && this.#close()) return { type: "Frame", end: this.#at, head: 0, tail: 0 };
    }
    const state = { open: this.#open, pending: this.#pending, part: this.#part };
    const left = this.#pending * leastValueBytes + (this.#part.type === "String" ? this.#part.left : 0);
    return { type: "More", state, head: 0, tail: 0, left };
  }

  /** Reads one part; says whether a value ends with it, or what is wrong. */
  #step(): boolean | string {
    const part = this.#part;
    switch (part.type) {
      case "Begin":
        return this.#begin(this.#bytes[this.#at++] ?? 0);
      case "Text":
        return this.#readText(part.hasCr);
      case "Size":
        return this.#readSize(part);
      case "String":
        return this.#readString(part.left);
    }
  }

  #begin(type: number): boolean | string {
    if (texts.has(type)) this.#part = { type: "Text", hasCr: false };
    else if (strings.has(type) || aggregates.has(type))
      this.#part = { type: "Size", of: type, digits: 0, value: 0, isNegative: false, hasCr: false };
    else return `no type begins with the byte ${type}`;
    return false;
  }

  #readText(hadCr: boolean): boolean | string {
    let hasCr = hadCr;
    if (!hasCr) {
      const cr = this.#bytes.indexOf(CR, this.#at);
      this.#at = cr === -1 ? this.#bytes.length : cr + 1;
      hasCr = cr !== -1;
    }
    if (hasCr && this.#at < this.#bytes.length) return this.#bytes[this.#at++] === LF ? true : "a CR without its LF";
    this.#part = { type: "Text", hasCr };
    return false;
  }

  #readSize({ of, ...read }: Extract<Part, { readonly type: "Size" }>): boolean | string {
    let { digits, value, isNegative, hasCr } = read;
    while (this.#at < this.#bytes.length) {
      const byte = this.#bytes[this.#at++] ?? 0;
      if (hasCr) {
        if (byte !== LF) return "a CR without its LF";
        return this.#sized(of, isNegative ? -value : value, isNegative);
      }
      if (byte === CR && digits > 0) hasCr = true;
      else if (byte === MINUS && digits === 0 && !isNegative) isNegative = true;
      else if (byte < ZERO || byte > ZERO + 9) return "a size that is no number";
      else {
        if (++digits > mostDigits) return `a size of more than ${mostDigits} digits`;
        value = value * 10 + byte - ZERO;
      }
    }
    this.#part = { type: "Size", of, digits, value, isNegative, hasCr };
    return false;
  }

  #sized(of: number, size: number, isNegative: boolean): boolean | string {
    if (isNegative) return size === -1 && (of === BULK || of === ARRAY) ? true : "a negative size";
    if (strings.has(of)) {
      this.#part = { type: "String", left: size + 2 };
      return false;
    }
    const values = (pairs.has(of) ? 2 * size : size) + (of === ATTRIBUTE ? 1 : 0);
    if (values === 0) return true;
    const depth = (this.#open?.depth ?? 0) + 1;
    if (depth > this.#maxDepth) return `more than ${this.#maxDepth} aggregates in each other`;
    this.#open = { left: values, around: this.#open, depth };
    this.#pending += values - 1;
    this.#part = begin;
    return false;
  }

  #readString(left: number): boolean | string {
    const size = Math.min(left, this.#bytes.length - this.#at);
    // The CRLF is the last two of those that are left, whichever of them are here.
    for (let fromEnd = Math.min(2, left); fromEnd > left - size; fromEnd--) {
      const byte = this.#bytes[this.#at + left - fromEnd];
      if (byte !== (fromEnd === 2 ? CR : LF)) return "no CRLF behind a string";
    }
    this.#at += size;
    if (size === left) return true;
    this.#part = { type: "String", left: left - size };
    return false;
  }

  /** A value has ended, and with it those of which it was the last; says whether that was all. */
  #close(): boolean {
    this.#part = begin;
    while (this.#open?.left === 1) this.#open = this.#open.around;
    if (this.#open === undefined) return true;
    const { left, around, depth } = this.#open;
    this.#open = { left: left - 1, around, depth };
    this.#pending--;
    return false;
  }
}
