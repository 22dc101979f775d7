// One request over HTTP/1.1 and its answer. The socket is passive: what nobody asks for waits in the kernel.

import { abort, connect, describeError, err, ok, type Result, send } from "tankard";
import { Body, readBody } from "./body.ts";
import { bodyLength, type Headers, parseStatus, type Status } from "./head.ts";
import { Incoming, type Limits, readHeaders } from "./incoming.ts";

export interface Page extends Status {
  readonly headers: Headers;
  readonly body: Buffer;
  /** Headers that came behind a body in chunks. */
  readonly trailers: Headers;
}

const LIMITS: Limits = {
  deadlineMs: 30_000,
  lineBytes: 8_192,
  headBytes: 65_536,
  headLines: 128,
  bodyBytes: 16 * 1024 * 1024,
};

/** The page, or why there is none, in words for the end of a sentence. */
export async function fetchPage(
  url: URL,
  method: "GET" | "HEAD" = "GET",
  limits: Partial<Limits> = {},
): Promise<Result<Page, string>> {
  const all = { ...LIMITS, ...limits };
  const deadline = performance.now() + all.deadlineMs;
  const connected = await connect({
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"), // an IPv6 address
    port: Number(url.port || "80"),
    timeout: all.deadlineMs,
    deadline: all.deadlineMs,
    packet: "line",
    packetSize: all.lineBytes,
    showEconnreset: true, // a body that ends with the stream must not end with a reset
  });
  if (!connected.ok) return err(describeError(connected.error));
  await using socket = connected.value;
  const sent = await send(socket, requestOf(url, method));
  if (!sent.ok) return err(`the request could not be sent (${describeError(sent.error)})`);
  const page = await readPage(new Incoming(socket, all, deadline), method, all.bodyBytes);
  if (!page.ok) abort(socket);
  return page;
}

function requestOf(url: URL, method: string): string {
  const target = `${url.pathname}${url.search}`; // in ASCII, as URL has made it
  return `${method} ${target} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

async function readPage(incoming: Incoming, method: string, maxBytes: number): Promise<Result<Page, string>> {
  for (;;) {
    const line = await incoming.headLine("a status line");
    if (!line.ok) return line;
    const status = parseStatus(line.value);
    if (!status.ok) return status;
    const headers = await readHeaders(incoming, "the end of the headers");
    if (!headers.ok) return headers;
    if (status.value.status === 101) return err("the server goes on in another protocol");
    if (status.value.status < 200) continue; // an interim answer: the real one follows
    const length = bodyLength(method, status.value, headers.value);
    if (!length.ok) return length;
    const body = new Body(maxBytes);
    const trailers = await readBody(incoming, length.value, body);
    if (!trailers.ok) return trailers;
    return ok({ ...status.value, headers: headers.value, body: body.bytes, trailers: trailers.value });
  }
}
