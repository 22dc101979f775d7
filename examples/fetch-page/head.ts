// The words of HTTP/1.1, as RFC 9112 has them. Pure functions: a line goes in, what it says comes out.

import { err, ok, type Result } from "tankard";

/** By their names in lower case. The values of a name that stands twice are one, with commas between them. */
export type Headers = ReadonlyMap<string, string>;

export interface Status {
  readonly status: number;
  readonly reason: string;
}

/** How the body ends. */
export type BodyLength = { readonly type: "None" | "Chunked" | "ToTheEnd" } | { readonly type: "Exact"; bytes: number };

export function parseStatus(line: string): Result<Status, string> {
  const [, status, reason = ""] = /^HTTP\/1\.\d ([1-5]\d\d)(?: ([\t -~\x80-\xff]*))?$/.exec(line) ?? [];
  return status === undefined ? err(`${quote(line)} is no status line`) : ok({ status: Number(status), reason });
}

export function parseHeader(line: string): Result<readonly [name: string, value: string], string> {
  const [, name, value = ""] = /^([\w!#$%&'*+.^`|~-]+):([\t -~\x80-\xff]*)$/.exec(line) ?? [];
  return name === undefined ? err(`${quote(line)} is no header`) : ok([name.toLowerCase(), value.trim()]);
}

/** What stands behind a semicolon is an extension, and nobody has ever agreed on one. */
export function parseChunkSize(line: string): Result<number, string> {
  const [, size] = /^([\da-f]+)[\t ]*(?:;.*)?$/i.exec(line) ?? [];
  return size === undefined ? err(`${quote(line)} is no size of a chunk`) : ok(Number.parseInt(size, 16));
}

/** RFC 9112, section 6.3. Where the headers contradict each other, nobody can tell where the body ends. */
export function bodyLength(method: string, { status }: Status, headers: Headers): Result<BodyLength, string> {
  if (method === "HEAD" || status === 204 || status === 304) return ok({ type: "None" });
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined && length !== undefined) return err("the body has both a content-length and an encoding");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() === "chunked") return ok({ type: "Chunked" });
    return err(`the transfer-encoding ${quote(encoding)} is not one that was asked for`);
  }
  if (length === undefined) return ok({ type: "ToTheEnd" });
  if (!/^\d+$/.test(length)) return err(`the content-length ${quote(length)} is no number of bytes`);
  return ok({ type: "Exact", bytes: Number(length) });
}

/** A server's words on somebody's terminal: no control characters. */
export function printable(text: string): string {
  return text.replace(/[^ -~\xa0-\xff]/g, "?");
}

function quote(text: string): string {
  return `"${printable(text.length > 60 ? `${text.slice(0, 57)}...` : text)}"`;
}
