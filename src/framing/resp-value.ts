import { err, ok, type Result } from "../result.ts";
import { defaultMaxDepth } from "./resp.ts";

/**
 * A reply of Redis: strings are bytes, whole numbers beyond 2^53 are bigints, and what says how it went is a record. An
 * attribute of RESP3 is left out.
 */
export type RespValue =
  | null
  | boolean
  | number
  | bigint
  | Buffer
  | RespStatus
  | RespFailure
  | RespMap
  | RespSet
  | RespPush
  | readonly RespValue[];

/** `+OK`. */
export interface RespStatus {
  readonly type: "Status";
  readonly text: string;
}

/** `-ERR no such key`: an answer like others, not an error of the connection. */
export interface RespFailure {
  readonly type: "Failure";
  readonly text: string;
}

/** A map of RESP3, its pairs in order: a key may be any value. */
export interface RespMap {
  readonly type: "Map";
  readonly pairs: readonly (readonly [RespValue, RespValue])[];
}

/** A set of RESP3. */
export interface RespSet {
  readonly type: "Set";
  readonly values: readonly RespValue[];
}

/** What RESP3 sends unasked: a message of a channel, say. */
export interface RespPush {
  readonly type: "Push";
  readonly values: readonly RespValue[];
}

/** Why a frame is no reply. */
export interface RespError {
  readonly type: "RespError";
  readonly reason: string;
}

/** What a frame that `resp()` has cut says. */
export function parseResp(
  frame: Uint8Array,
  options: { readonly maxDepth?: number | undefined } = {},
): Result<RespValue, RespError> {
  const reader = new Reader(Buffer.from(frame.buffer, frame.byteOffset, frame.length));
  try {
    const value = reader.value(options.maxDepth ?? defaultMaxDepth);
    if (!reader.isAtEnd) throw new NoReply("bytes behind the reply");
    return ok(value);
  } catch (error) {
    if (error instanceof NoReply) return err({ type: "RespError", reason: error.message });
    throw error;
  }
}

/** A command as it is sent: an array of strings. Text is sent as UTF-8. */
export function encodeCommand(...args: readonly (string | number | bigint | Uint8Array)[]): Buffer {
  const pieces: Uint8Array[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, crlf);
  }
  return Buffer.concat(pieces);
}

const crlf = Buffer.from("\r\n");

/** Thrown and caught in this file. */
class NoReply extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): RespValue {
    if (this.isAtEnd) throw new NoReply("it ends too early");
    const type = this.#string(1);
    switch (type) {
      case "+":
        return { type: "Status", text: this.#line() };
      case "-":
        return { type: "Failure", text: this.#line() };
      case ":":
        return this.#integer();
      case "(":
        return BigInt(this.#text(/^[+-]?\d{1,1000}$/).replace("+", ""));
      case "_":
        this.#text(/^$/);
        return null;
      case "#":
        return this.#text(/^[tf]$/) === "t";
      case ",":
        return doubleOf(this.#text(/^([+-]?\d+(\.\d*)?([eE][+-]?\d+)?|[+-]?inf|nan)$/));
      case "$":
      case "*": {
        const size = this.#size(-1);
        if (size === -1) return null;
        return type === "$" ? this.#bulk(size) : this.#values(size, depth);
      }
      case "=":
        return this.#bulk(this.#size(0)).subarray(4); // behind its kind, "txt:"
      case "!":
        return { type: "Failure", text: this.#bulk(this.#size(0)).toString() };
      case "~":
        return { type: "Set", values: this.#values(this.#size(0), depth) };
      case ">":
        return { type: "Push", values: this.#values(this.#size(0), depth) };
      case "%":
        return { type: "Map", pairs: this.#pairs(this.#size(0), depth) };
      case "|":
        checkDepth(depth);
        this.#pairs(this.#size(0), depth);
        return this.value(depth - 1);
      default:
        throw new NoReply(`no type begins with ${JSON.stringify(type)}`);
    }
  }

  #values(count: number, depth: number): RespValue[] {
    if (count > 0) checkDepth(depth);
    const values: RespValue[] = []; // not of `count` at once: that is only what the frame says
    for (let index = 0; index < count; index++) values.push(this.value(depth - 1));
    return values;
  }

  #pairs(count: number, depth: number): (readonly [RespValue, RespValue])[] {
    if (count > 0) checkDepth(depth);
    const pairs: (readonly [RespValue, RespValue])[] = [];
    for (let index = 0; index < count; index++) pairs.push([this.value(depth - 1), this.value(depth - 1)]);
    return pairs;
  }

  #integer(): number | bigint {
    const text = this.#text(/^[+-]?\d{1,19}$/);
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : BigInt(text.replace("+", ""));
  }

  #size(least: -1 | 0): number {
    const size = Number(this.#text(/^-?\d{1,15}$/));
    if (size < least) throw new NoReply("a negative size");
    return size;
  }

  #text(pattern: RegExp): string {
    const text = this.#line();
    if (!pattern.test(text)) throw new NoReply(`unexpected ${JSON.stringify(text.slice(0, 40))}`);
    return text;
  }

  #line(): string {
    const cr = this.#bytes.indexOf(crlf, this.#at);
    if (cr === -1) throw new NoReply("it ends too early");
    const text = this.#bytes.toString("utf8", this.#at, cr);
    this.#at = cr + 2;
    return text;
  }

  #bulk(size: number): Buffer {
    const end = this.#at + size;
    if (end + 2 > this.#bytes.length) throw new NoReply("it ends too early");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    if (this.#string(2) !== "\r\n") throw new NoReply("no CRLF behind a string");
    return bytes;
  }

  #string(size: number): string {
    this.#at += size;
    return this.#bytes.toString("latin1", this.#at - size, this.#at);
  }
}

function checkDepth(depth: number): void {
  if (depth <= 0) throw new NoReply("too many aggregates in each other");
}

function doubleOf(text: string): number {
  if (text.endsWith("inf")) return text.startsWith("-") ? -Infinity : Infinity;
  return text === "nan" ? NaN : Number(text);
}
