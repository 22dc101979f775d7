// The body of an answer: lines say how long its chunks are, and what is in them is cut by its size.

import { err, ok, type Result } from "tankard";
import { type BodyLength, type Headers, parseChunkSize } from "./head.ts";
import { type Incoming, readHeaders } from "./incoming.ts";

const NONE: Headers = new Map();

/** Gives the trailers, where there are any. */
export async function readBody(incoming: Incoming, length: BodyLength, body: Body): Promise<Result<Headers, string>> {
  switch (length.type) {
    case "None":
      return ok(NONE);
    case "Exact":
      return await readPart(incoming, length.bytes, body);
    case "ToTheEnd":
      for (;;) {
        const bytes = await incoming.some("the end of the body");
        if (!bytes.ok) return bytes;
        if (bytes.value === undefined) return ok(NONE);
        if (!body.hasRoomFor(bytes.value.length)) return body.tooLarge;
        body.add(bytes.value);
      }
    case "Chunked":
      for (;;) {
        const line = await incoming.line("the size of a chunk");
        if (!line.ok) return line;
        const size = parseChunkSize(line.value);
        if (!size.ok) return size;
        if (size.value === 0) return await readHeaders(incoming, "the end of the trailers");
        const part = await readPart(incoming, size.value, body);
        if (!part.ok) return part;
        const end = await incoming.line("the end of a chunk");
        if (!end.ok) return end;
        if (end.value !== "") return err("a chunk is longer than its size");
      }
  }
}

async function readPart(incoming: Incoming, byteSize: number, body: Body): Promise<Result<Headers, string>> {
  if (!body.hasRoomFor(byteSize)) return body.tooLarge; // before the server sends it
  const bytes = await incoming.bytes(byteSize, "all of the body");
  if (!bytes.ok) return bytes;
  body.add(bytes.value);
  return ok(NONE);
}

/** Copies what it gets: a server that sends byte by byte would make us keep a buffer for each of them. */
export class Body {
  readonly #maxBytes: number;
  #room = Buffer.alloc(0);
  #byteSize = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#byteSize);
  }

  get tooLarge(): Result<never, string> {
    return err(`the body is larger than ${this.#maxBytes} bytes`);
  }

  hasRoomFor(byteSize: number): boolean {
    return this.#byteSize + byteSize <= this.#maxBytes;
  }

  add(bytes: Buffer): void {
    const byteSize = this.#byteSize + bytes.length;
    if (byteSize > this.#room.length) {
      const room = Buffer.alloc(Math.max(byteSize, 2 * this.#room.length));
      this.bytes.copy(room);
      this.#room = room;
    }
    bytes.copy(this.#room, this.#byteSize);
    this.#byteSize = byteSize;
  }
}
