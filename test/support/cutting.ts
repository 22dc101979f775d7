// A stream cut into frames without a socket, and streams to cut.

import type { Framing } from "tankard/framing";
import { encodeCommand, jsonLines, lengthPrefix, line, netstring, resp, varint } from "tankard/framing";
import { type FramingFailure, Frames } from "../../src/tcp/frames.ts";
import { Stash } from "../../src/tcp/stash.ts";

export interface Cut {
  readonly frames: readonly string[];
  readonly error: FramingFailure["error"] | undefined;
  /** Bytes behind the last frame. */
  readonly rest: number;
}

/** What a framing makes of these pieces; each character is a byte. */
export function cut(framing: Framing, pieces: readonly (string | Buffer)[], packetSize = 2 ** 20): Cut {
  const { frames, failure, rest } = cutBytes(
    framing,
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)),
    packetSize,
  );
  return { frames: frames.map((frame) => frame.toString("latin1")), error: failure?.error, rest };
}

export function cutBytes(
  framing: Framing,
  pieces: Iterable<Buffer>,
  packetSize = 2 ** 20,
): { readonly frames: readonly Buffer[]; readonly failure: FramingFailure | undefined; readonly rest: number } {
  const stash = new Stash();
  const cutter = new Frames(framing, packetSize, stash);
  const frames: Buffer[] = [];
  for (const piece of pieces) {
    if (cutter.failure !== undefined) break;
    if (piece.length > 0) stash.push(piece);
    for (let frame = cutter.take(); frame !== undefined; frame = cutter.take()) frames.push(frame);
  }
  return { frames, failure: cutter.failure, rest: stash.size };
}

/** The same bytes, one at a time. */
export function* byteByByte(bytes: Buffer): Generator<Buffer> {
  for (let index = 0; index < bytes.length; index++) yield bytes.subarray(index, index + 1);
}

/** Whole numbers below the one that is asked for, always the same ones for a seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** A framing, and how a frame is made for it. */
export interface Decoder {
  readonly framing: Framing;
  /** A frame as it comes, and what is delivered of it. */
  readonly make: (random: (below: number) => number) => readonly [bytes: Buffer, body: Buffer];
}

/** Every decoder of `tankard/framing`. */
export const decoders: Readonly<Record<string, Decoder>> = {
  line: { framing: line(), make: (random) => textLine(random, random(2) === 0 ? "\n" : "\r\n") },
  "line, its own delimiter": {
    framing: line({ delimiter: "\r\n--\r\n" }),
    make: (random) => textLine(random, "\r\n--\r\n"),
  },
  "length of 1 byte": encoding(lengthPrefix(1), 255),
  "length of 2 bytes": encoding(lengthPrefix(2), 600),
  "length of 4 bytes, little endian": encoding(lengthPrefix(4, { endian: "little" }), 600),
  varint: encoding(varint(), 600),
  netstring: encoding(netstring(), 600),
  jsonLines: {
    framing: jsonLines(),
    make: (random) => {
      const text = JSON.stringify({ id: random(1_000), text: anyBytes(random, 30).toString("latin1") });
      return [Buffer.from(`${"\r\n".repeat(random(2))}${"\n".repeat(random(2))}${text}\n`), Buffer.from(text)];
    },
  },
  resp: {
    framing: resp(),
    make: (random) => {
      const reply = anyReply(random, 4);
      return [reply, reply];
    },
  },
};

function encoding(framing: Framing, most: number): Decoder {
  return {
    framing,
    make: (random) => {
      const body = anyBytes(random, most);
      return [Buffer.concat(framing.encode?.([body]) ?? []), body];
    },
  };
}

function textLine(random: (below: number) => number, end: string): readonly [Buffer, Buffer] {
  const body = Buffer.from(
    Array.from({ length: random(40) }, () => "ab-\r"[random(4)] ?? "")
      .join("")
      .replace(/\r+$/, ""),
  );
  return [Buffer.concat([body, Buffer.from(end)]), body];
}

export function anyBytes(random: (below: number) => number, most: number): Buffer {
  return Buffer.from(Array.from({ length: random(most + 1) }, () => random(256)));
}

function anyReply(random: (below: number) => number, depth: number): Buffer {
  const simple = [
    "+OK\r\n",
    "-ERR no\r\n",
    ":-12\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "(123\r\n",
    "*0\r\n",
  ];
  const kind = random(depth > 0 ? 6 : 3);
  if (kind < 2) return Buffer.from(simple[random(simple.length)] ?? "");
  if (kind < 3) {
    const bytes = anyBytes(random, 30);
    return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
  }
  if (kind < 4) return encodeCommand("SET", random(100), anyBytes(random, 10));
  const size = 1 + random(3);
  const type = "*~>%|"[random(5)] ?? "";
  const count = type === "%" ? 2 * size : type === "|" ? 2 * size + 1 : size;
  const values = Array.from({ length: count }, () => anyReply(random, depth - 1));
  return Buffer.concat([Buffer.from(`${type}${size}\r\n`), ...values]);
}
