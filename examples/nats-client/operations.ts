// What the frames of a server mean.

import { unwrap } from "tankard";
import { parseJson } from "tankard/framing";
import { parseControlLine } from "./control-line.ts";
import { parseHeaders } from "./headers.ts";
import type { NatsMessage, ServerError } from "./messages.ts";

export type Operation =
  | { readonly type: "Info"; readonly info: ServerInfo }
  | { readonly type: "Message"; readonly sid: string; readonly message: NatsMessage }
  | { readonly type: "Ping" | "Pong" | "Ok" }
  | ServerError;

/** What we want to know of a server. */
export interface ServerInfo {
  readonly maxPayload: number;
  readonly hasHeaders: boolean;
  readonly isTlsRequired: boolean;
}

/** Of every server that is not told otherwise. */
export const DEFAULT_MAX_PAYLOAD = 1_048_576;

/** What an operation says that `natsOperations` has cut. */
export function parseOperation(frame: Buffer): Operation {
  const crlf = frame.indexOf("\r\n");
  const line = unwrap(parseControlLine(frame.toString("utf8", 0, crlf === -1 ? frame.length : crlf))); // it was read before
  switch (line.type) {
    case "INFO":
      return { type: "Info", info: parseInfo(line.text) };
    case "-ERR":
      return { type: "ServerError", text: line.text.replace(/^'(.*)'$/, "$1") };
    case "PING":
      return { type: "Ping" };
    case "PONG":
      return { type: "Pong" };
    case "+OK":
      return { type: "Ok" };
    case "MSG": {
      const { subject, sid, replyTo, headerSize } = line;
      const payloadAt = crlf + 2 + headerSize;
      const { status, headers } = parseHeaders(frame.toString("utf8", crlf + 2, payloadAt));
      const payload = frame.subarray(payloadAt);
      return { type: "Message", sid, message: { type: "NatsMessage", subject, payload, headers, status, replyTo } };
    }
  }
}

/** For who asks of many frames whether they are one: a PONG has no arguments. */
export function isPong(frame: Buffer): boolean {
  return frame.length < 8 && parseOperation(frame).type === "Pong";
}

/** What a server leaves out, or says in a way that nobody knows, is as if it had not said it. */
function parseInfo(text: string): ServerInfo {
  const parsed = parseJson(Buffer.from(text));
  const members = parsed.ok && typeof parsed.value === "object" ? Object.entries(parsed.value ?? {}) : [];
  const said = new Map<string, unknown>(members);
  const maxPayload = said.get("max_payload");
  return {
    maxPayload: typeof maxPayload === "number" && maxPayload > 0 ? maxPayload : DEFAULT_MAX_PAYLOAD,
    hasHeaders: said.get("headers") === true,
    isTlsRequired: said.get("tls_required") === true,
  };
}
