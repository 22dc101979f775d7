// NATS's protocol as a framing: where each operation of a server ends.

import { type Framing, newFraming, type Reading } from "tankard/framing";
import { parseControlLine } from "./control-line.ts";

const CR = 13;
const LF = 10;
const CRLF_SIZE = 2;

/** A line that never ends must not fill the memory. */
export const MOST_LINE_BYTES = 4_096;

type State =
  /** What has come of the control line, a character for each byte. */
  | { readonly at: "Line"; readonly line: string; readonly hasCr: boolean }
  /** So many bytes of the payload, and of the CRLF behind it, are still to come. */
  | { readonly at: "Payload"; readonly left: number };

/**
 * A frame is an operation of the server as it came, without its last CRLF: a control line, and behind that of a message
 * its CRLF and the payload. `packetSize` bounds all of it, a control line is of 4096 bytes at most with its CRLF. Sending
 * adds nothing: `commands.ts` writes the operations of a client.
 *
 * Source: https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
export function natsOperations(): Framing {
  return operations;
}

const operations = newFraming<State>({
  start: { at: "Line", line: "", hasCr: false },
  read: (state, bytes) =>
    state.at === "Line" ? readLine(bytes, state.line, state.hasCr) : readPayload(bytes, 0, state.left),
});

function readLine(bytes: Buffer, before: string, hadCr: boolean): Reading<State> {
  const lf = bytes.indexOf(LF);
  const end = lf === -1 ? bytes.length : lf + 1;
  if (before.length + end > MOST_LINE_BYTES) return malformed(`a control line of more than ${MOST_LINE_BYTES} bytes`);
  const line = before + bytes.toString("latin1", 0, end);
  if (lf === -1) {
    const hasCr = bytes[end - 1] === CR;
    return { type: "More", state: { at: "Line", line, hasCr }, tail: hasCr ? 1 : 0 };
  }
  if (!(lf === 0 ? hadCr : bytes[lf - 1] === CR)) return malformed("a LF without its CR");
  const control = parseControlLine(line.slice(0, -CRLF_SIZE));
  if (!control.ok) return malformed(control.error);
  if (control.value.type !== "MSG") return { type: "Frame", end, tail: CRLF_SIZE };
  return readPayload(bytes, end, control.value.payloadSize + CRLF_SIZE);
}

/** `left` bytes are still to come, from index `at` on: the last two of them are the CRLF, whichever of them are here. */
function readPayload(bytes: Buffer, at: number, left: number): Reading<State> {
  const size = Math.min(left, bytes.length - at);
  const missing = left - size;
  for (let fromEnd = Math.min(CRLF_SIZE, left); fromEnd > missing; fromEnd--) {
    if (bytes[at + left - fromEnd] !== (fromEnd === CRLF_SIZE ? CR : LF)) return malformed("no CRLF behind a payload");
  }
  if (missing === 0) return { type: "Frame", end: at + left, tail: CRLF_SIZE };
  const tail = Math.max(0, CRLF_SIZE - missing);
  return { type: "More", state: { at: "Payload", left: missing }, tail, left: Math.max(0, missing - CRLF_SIZE) };
}

function malformed(what: string): Reading<State> {
  return { type: "Malformed", reason: `NATS: ${what}` };
}
