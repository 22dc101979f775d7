// What comes from the server: in lines or in bytes, as it is asked for, within the time for all of it.

import { describeError, err, ok, receive, receiveExact, setopts } from "tankard";
import type { Result, Socket, SocketError } from "tankard";
import { type Headers, parseHeader } from "./head.ts";

export interface Limits {
  /** Milliseconds for the page, from the lookup of the host to the last byte. */
  readonly deadlineMs: number;
  readonly lineBytes: number;
  /** Of status lines, headers and trailers together, and how many of those there may be. */
  readonly headBytes: number;
  readonly headLines: number;
  /** Not more than the 64 MiB of `receiveExact`. */
  readonly bodyBytes: number;
}

export class Incoming {
  readonly #socket: Socket;
  readonly #deadline: number;
  readonly #lineBytes: number;
  #headBytes: number;
  #headLines: number;

  constructor(socket: Socket, limits: Limits, deadline: number) {
    this.#socket = socket;
    this.#deadline = deadline;
    this.#lineBytes = limits.lineBytes;
    this.#headBytes = limits.headBytes;
    this.#headLines = limits.headLines;
  }

  /** A line, without its end; `lineBytes` is the socket's own `packetSize`. */
  async line(what: string): Promise<Result<string, string>> {
    setopts(this.#socket, { packet: "line" });
    const line = await this.#inTime((ms) => receive(this.#socket, ms));
    return line.ok ? ok(line.value.toString("latin1")) : this.#missing(what, line.error);
  }

  /** A line of those that are kept. */
  async headLine(what: string): Promise<Result<string, string>> {
    const line = await this.line(what);
    if (!line.ok) return line;
    this.#headLines -= 1;
    this.#headBytes -= line.value.length;
    return this.#headLines < 0 || this.#headBytes < 0 ? err("there are too many headers") : line;
  }

  async bytes(byteSize: number, what: string): Promise<Result<Buffer, string>> {
    if (byteSize === 0) return ok(Buffer.alloc(0)); // receiveExact would wait for any
    setopts(this.#socket, { packet: "raw" });
    const bytes = await this.#inTime((ms) => receiveExact(this.#socket, byteSize, ms));
    return bytes.ok ? bytes : this.#missing(what, bytes.error);
  }

  /** What comes next, or nothing where the stream ends. With `showEconnreset`, no reset looks like that end. */
  async some(what: string): Promise<Result<Buffer | undefined, string>> {
    setopts(this.#socket, { packet: "raw" });
    const bytes = await this.#inTime((ms) => receive(this.#socket, ms));
    if (bytes.ok) return bytes;
    return bytes.error === "Closed" ? ok(undefined) : this.#missing(what, bytes.error);
  }

  /** Who sends a byte now and then must not have for ever: a time for each would not do. */
  async #inTime(
    read: (milliseconds: number) => Promise<Result<Buffer, SocketError>>,
  ): Promise<Result<Buffer, SocketError>> {
    const left = this.#deadline - performance.now();
    return left > 0 ? await read(Math.ceil(left)) : err("Timeout");
  }

  #missing(what: string, error: SocketError): Result<never, string> {
    if (error === "Emsgsize") return err(`a line is longer than ${this.#lineBytes} bytes`);
    const why = error === "Ebadmsg" ? "connection closed inside a line" : describeError(error);
    return err(`${what} did not come (${why})`);
  }
}

/** Up to the empty line. */
export async function readHeaders(incoming: Incoming, end: string): Promise<Result<Headers, string>> {
  const headers = new Map<string, string>();
  for (;;) {
    const line = await incoming.headLine(end);
    if (!line.ok) return line;
    if (line.value === "") return ok(headers);
    const header = parseHeader(line.value);
    if (!header.ok) return header;
    const [name, value] = header.value;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
}
