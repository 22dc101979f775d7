import fc from "fast-check";
import { describe, expect, test } from "@jest/globals";
import { encodeCommand } from "tankard/framing";
import { CommandDecoder, encode } from "../../examples/key-value/resp.ts";
import {
  MAX_DEPTH,
  MAX_ITEMS,
  MAX_LINE_BYTES,
  MAX_STRING_BYTES,
  nothingUnread,
  readReplies,
  type Reply,
} from "../../examples/redis-client/resp.ts";

/** The replies that come of the packets, and what is wrong behind them. */
function read(...packets: readonly Buffer[]): { readonly replies: readonly Reply[]; readonly error?: string } {
  const all: Reply[] = [];
  let unread = nothingUnread;
  for (const packet of packets) {
    const { replies, unread: rest, error } = readReplies(unread, packet);
    all.push(...replies);
    if (error !== undefined) return { replies: all, error };
    unread = rest;
  }
  return { replies: all };
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function byteByByte(data: Buffer): Buffer[] {
  return Array.from(data, (byte) => Buffer.of(byte));
}

/** The packets that `data` makes, cut at those places. */
function cut(data: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (data.length + 1)), data.length].sort((a, b) => a - b);
  return ends.map((end, index) => data.subarray(ends[index - 1] ?? 0, end));
}

/** The bytes of a reply, said in another way than the reader reads them. */
function bytesOf(reply: Reply): Buffer {
  if (reply === null) return latin1("$-1\r\n");
  if (typeof reply === "string") return Buffer.from(`+${reply}\r\n`);
  if (typeof reply !== "object") return latin1(`:${reply}\r\n`);
  if (Buffer.isBuffer(reply)) return Buffer.concat([latin1(`$${reply.length}\r\n`), reply, latin1("\r\n")]);
  if ("type" in reply) return Buffer.from(`-${reply.text}\r\n`);
  return Buffer.concat([latin1(`*${reply.length}\r\n`), ...reply.map(bytesOf)]);
}

const line = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !/[\r\n]/.test(text));
const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4 },
    line,
    line.map((text) => ({ type: "ErrorReply" as const, text })),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(null),
    fc.array(tie("reply"), { maxLength: 4 }),
  ),
}));
const stream = fc.array(reply, { maxLength: 8 });
const nonsense = fc.constantFrom("hello\r\n", "+OK\n", ":x\r\n", ":\r\n", "$-2\r\n", "$1\r\nabc", "*x\r\n", "\r\n");
const places = fc.array(fc.nat(), { maxLength: 10 });

describe("readReplies", () => {
  test("gives the same replies whole, byte by byte, and cut anywhere", () => {
    fc.assert(
      fc.property(stream, places, (replies, where) => {
        const data = Buffer.concat(replies.map(bytesOf));
        expect(read(data)).toEqual({ replies });
        expect(read(...byteByByte(data))).toEqual({ replies });
        expect(read(...cut(data, where))).toEqual({ replies });
      }),
    );
  });

  test("gives the same error behind the same replies, however the bytes are cut", () => {
    fc.assert(
      fc.property(stream, nonsense, places, (replies, end, where) => {
        const data = Buffer.concat([...replies.map(bytesOf), latin1(end)]);
        const whole = read(data);
        expect(whole).toEqual({ replies, error: expect.any(String) });
        expect(read(...byteByByte(data))).toEqual(whole);
        expect(read(...cut(data, where))).toEqual(whole);
      }),
    );
  });

  test("changes nothing of what it is given: the same packet read again gives the same", () => {
    fc.assert(
      fc.property(reply, fc.nat(), (one, place) => {
        const [first = Buffer.of(), second = Buffer.of()] = cut(bytesOf(one), [place]);
        const { unread } = readReplies(nothingUnread, first);
        const before = structuredClone(unread);
        expect(readReplies(unread, second)).toEqual(readReplies(unread, second));
        expect(structuredClone(unread)).toEqual(before);
      }),
    );
  });

  test("never throws, whatever comes", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.stringMatching(/^[+:*$\-0-9\r\n a]{0,60}$/).map(latin1),
    );
    fc.assert(fc.property(noise, places, (data, where) => void read(...cut(Buffer.from(data), where))));
  });

  test.each([
    ['a reply begins with "H"', "HTTP/1.1 400 Bad Request\r\n"],
    ['a reply begins with "?"', "\xff"],
    ["a line ends without a carriage return", "+OK\n"],
    ["a line is too long", `+${"x".repeat(MAX_LINE_BYTES)}`],
    ['"1.5" is no integer', ":1.5\r\n"],
    ['"-2" is no size', "$-2\r\n"],
    [`"${MAX_STRING_BYTES + 1}" is no size`, `$${MAX_STRING_BYTES + 1}\r\n`],
    [`"${MAX_ITEMS + 1}" is no size`, `*${MAX_ITEMS + 1}\r\n`],
    ["a string is longer than it says", "$1\r\nabc"],
    ["lists are nested too deep", "*1\r\n".repeat(MAX_DEPTH + 1)],
  ])("says when %s", (error, text) => {
    expect(read(latin1(text))).toEqual({ replies: [], error });
  });

  test("takes a large string in many packets, and in time", () => {
    const value = Buffer.alloc(32 * 1024 * 1024, "v");
    const data = bytesOf([value, 1]);
    const packets = Array.from({ length: Math.ceil(data.length / 65_536) }, (_, index) =>
      data.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const [list] = read(...packets).replies as [[Buffer, number]];
    expect(list[0].equals(value)).toBe(true);
  });
});

describe("encodeCommand", () => {
  test("writes what the key-value server reads, text as UTF-8", () => {
    const bytes = encodeCommand("SET", "caf\u00e9", 5, -7n, Buffer.from([0, 255, 13, 10]), "");
    const { commands } = new CommandDecoder().decode(bytes);
    expect(commands).toEqual([["SET", "caf\xc3\xa9", "5", "-7", "\0\xff\r\n", ""]]);
    expect(bytes.toString("latin1")).toBe(encode(commands[0] ?? []));
  });

  test("keeps the bytes of an argument that changes afterwards", () => {
    const value = Buffer.from("before");
    const bytes = encodeCommand("SET", "k", value);
    value.write("behind");
    expect(bytes.toString()).toContain("before");
  });
});
