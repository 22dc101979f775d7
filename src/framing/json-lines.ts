import { err, ok, type Result } from "../result.ts";
import type { Framing } from "./framing.ts";
import { line } from "./line.ts";

const LF = 10;
const CR = 13;

/** What JSON can say. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Why a frame, or a value, is no JSON. */
export interface JsonError {
  readonly type: "JsonError";
  readonly reason: string;
}

/**
 * JSON texts, a line each: what `line` cuts, without the blank lines. A frame is the text; `parseJson` says what it
 * means, and `encodeJson` writes one. Source: https://jsonlines.org, https://github.com/ndjson/ndjson-spec.
 */
export function jsonLines(): Framing {
  return texts;
}

const lines = line();

type State =
  | { readonly at: "beginning" }
  /** A CR has come: the line is blank if a LF is next. */
  | { readonly at: "CR"; readonly line: unknown }
  | { readonly at: "text"; readonly line: unknown };

const texts: Framing<State> = {
  start: { at: "beginning" },
  read(state, bytes) {
    const end = endOfBlanks(bytes, state.at);
    if (end > 0) return { type: "Skip", end };
    const reading = lines.read(state.at === "beginning" ? lines.start : state.line, bytes);
    if (reading.type !== "More") return reading;
    const isCr = state.at === "beginning" && bytes.length === 1 && bytes[0] === CR;
    return { ...reading, state: { at: isCr ? "CR" : "text", line: reading.state } };
  },
};

/** Where the blank lines end that the bytes begin with. */
function endOfBlanks(bytes: Buffer, at: State["at"]): number {
  if (at === "text") return 0;
  if (at === "CR") return bytes[0] === LF ? 1 : 0;
  let end = 0;
  for (;;) {
    if (bytes[end] === LF) end++;
    else if (bytes[end] === CR && bytes[end + 1] === LF) end += 2;
    else return end;
  }
}

/** What a frame says. Bytes that are no UTF-8 are an error, like text that is no JSON. */
export function parseJson(frame: Uint8Array): Result<JsonValue, JsonError> {
  try {
    return ok(JSON.parse(utf8.decode(frame)) as JsonValue); // JSON.parse gives nothing else
  } catch (error) {
    return err({ type: "JsonError", reason: reasonOf(error) });
  }
}

/** A value's JSON text and the end of its line, to be sent. An error is a value that JSON does not have: a function, a cycle, a bigint. */
export function encodeJson(value: unknown): Result<string, JsonError> {
  try {
    const text = JSON.stringify(value) as string | undefined; // so it is for a function and the like
    return text === undefined ? err({ type: "JsonError", reason: "JSON has no such value" }) : ok(`${text}\n`);
  } catch (error) {
    return err({ type: "JsonError", reason: reasonOf(error) });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
