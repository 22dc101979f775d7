// The lines that a NATS server sends: each is an operation, and a message's says how many bytes of payload follow.

import { err, ok, type Result } from "tankard";

export type ControlLine =
  { readonly type: "INFO" | "-ERR"; readonly text: string } | { readonly type: "PING" | "PONG" | "+OK" } | MessageLine;

/** Of MSG, and of HMSG, whose payload begins with headers. */
export interface MessageLine {
  readonly type: "MSG";
  readonly subject: string;
  readonly sid: string;
  readonly replyTo: string | undefined;
  /** 0 where there are none. */
  readonly headerSize: number;
  /** Bytes behind the line, the headers among them and the CRLF behind it all not. */
  readonly payloadSize: number;
}

/** As many digits as any length of a Buffer has. */
const SIZE = /^\d{1,10}$/;

/** What a line says, without its CRLF. Names of operations are in any case, and blanks or tabs stand between arguments. */
export function parseControlLine(line: string): Result<ControlLine, string> {
  const [, operation = "", text = ""] = /^([^ \t]*)(.*)$/s.exec(line) ?? [];
  const type = operation.toUpperCase();
  switch (type) {
    case "INFO":
    case "-ERR":
      return ok({ type, text: text.trim() });
    case "PING":
    case "PONG":
    case "+OK":
      return ok({ type });
    case "MSG":
    case "HMSG":
      return parseMessageLine(wordsOf(text), type === "HMSG");
    default:
      return err(`no operation is called ${JSON.stringify(operation.slice(0, 20))}`);
  }
}

function parseMessageLine(words: readonly string[], hasHeaders: boolean): Result<ControlLine, string> {
  const sizes = words.slice(hasHeaders ? -2 : -1);
  const [subject, sid, replyTo, ...more] = words.slice(0, -sizes.length);
  if (subject === undefined || sid === undefined || more.length > 0) return err("a message without its arguments");
  if (!sizes.every((size) => SIZE.test(size))) return err("a size that is no number");
  const [headerSize = 0, payloadSize = 0] = hasHeaders ? sizes.map(Number) : [0, Number(sizes[0])];
  if (headerSize > payloadSize) return err("headers that are larger than all of the message");
  return ok({ type: "MSG", subject, sid, replyTo, headerSize, payloadSize });
}

function wordsOf(text: string): readonly string[] {
  return text.split(/[ \t]/).filter((word) => word !== "");
}
