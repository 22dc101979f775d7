import { describe, expect, test } from "@jest/globals";
import { type Framing, lengthPrefix, line, netstring, newFraming, resp, varint } from "tankard/framing";
import { verifyFraming } from "tankard/testing";
import { byteByByte, cut, cutBytes, decoders, randomNumbers } from "../support/cutting.ts";

const oneMegabyte = 2 ** 20;

/** Times that only something worse than linear exceeds, on a machine however slow. */
const soonMs = 8_000;

function areEqual(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.length === others.length && some.every((frame, index) => others[index]?.equals(frame));
}

function timed<T>(run: () => T): T {
  const began = performance.now();
  const value = run();
  expect(performance.now() - began).toBeLessThan(soonMs);
  return value;
}

describe.each(Object.entries(decoders))("the framing %s", (_, { framing, make }) => {
  const random = randomNumbers(7);
  const some = (count: number) => Array.from({ length: count }, () => make(random));

  test("cuts the same frames however the bytes come", () => {
    for (let round = 0; round < 5; round++) {
      const made = some(6);
      verifyFraming(
        framing,
        Buffer.concat(made.map(([bytes]) => bytes)),
        made.map(([, body]) => body),
        { seed: round },
      );
    }
  });

  test("cuts 11,200 times at random without a difference", () => {
    // All nine together make 100,000.
    const different: Buffer[][] = [];
    for (let round = 0; round < 112; round++) {
      const made = some(3);
      const bytes = Buffer.concat(made.map(([whole]) => whole));
      const bodies = made.map(([, body]) => body);
      for (let cuts = 0; cuts < 100; cuts++) {
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = 1 + random(random(2) === 0 ? 4 : bytes.length);
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        const { frames, failure, rest } = cutBytes(framing, pieces);
        if (failure !== undefined || rest > 0 || !areEqual(frames, bodies)) different.push(pieces);
      }
    }
    expect(different).toEqual([]);
  });

  test("cuts a megabyte of small frames in one piece, and an eighth of it byte by byte, in linear time", () => {
    const [bytes, body] = some(100).find(([, { length }]) => length > 0 && length < 100) ?? [
      Buffer.alloc(0),
      Buffer.alloc(0),
    ];
    const count = Math.ceil(oneMegabyte / bytes.length);
    const stream = Buffer.concat(Array.from({ length: count }, () => bytes));
    const { frames, rest } = timed(() => cutBytes(framing, [stream]));
    expect([frames.length, frames.at(-1)?.toString("hex"), rest]).toEqual([count, body.toString("hex"), 0]);
    const part = stream.subarray(0, bytes.length * Math.ceil(count / 8));
    expect(timed(() => cutBytes(framing, byteByByte(part))).frames).toHaveLength(Math.ceil(count / 8));
  }, 20_000);
});

describe("one frame of a megabyte that comes byte by byte takes linear time", () => {
  const letters = Buffer.alloc(oneMegabyte, "a");
  const nested = Buffer.from(`*${2 ** 17}\r\n${"*1\r\n:1\r\n".repeat(2 ** 17)}`);

  test.each<readonly [string, Framing, Buffer, number]>([
    ["line", line(), Buffer.concat([letters, Buffer.from("\n")]), oneMegabyte],
    [
      "a delimiter that always seems to come",
      line({ delimiter: "aaaaaaab" }),
      Buffer.concat([letters, Buffer.from("b")]),
      oneMegabyte - 7,
    ],
    ["length", lengthPrefix(4), Buffer.concat(lengthPrefix(4).encode?.([letters]) ?? []), oneMegabyte],
    ["varint", varint(), Buffer.concat(varint().encode?.([letters]) ?? []), oneMegabyte],
    ["netstring", netstring(), Buffer.concat(netstring().encode?.([letters]) ?? []), oneMegabyte],
    [
      "resp, a string",
      resp(),
      Buffer.concat([Buffer.from(`$${oneMegabyte}\r\n`), letters, Buffer.from("\r\n")]),
      oneMegabyte + 12,
    ],
    ["resp, nested", resp(), nested, nested.length],
  ])(
    "%s",
    (_, framing, stream, size) => {
      for (const pieces of [byteByByte(stream), [stream]]) {
        const { frames, failure } = timed(() => cutBytes(framing, pieces, 2 * oneMegabyte));
        expect([failure, frames.map(({ length }) => length)]).toEqual([undefined, [size]]);
      }
    },
    20_000,
  );
});

describe("newFraming", () => {
  /** Words, with the blanks around them left out; a full stop ends the stream badly. */
  const words = newFraming({
    start: { size: 0, blanks: 0 },
    read(state, bytes) {
      let { size, blanks } = state;
      for (const [index, byte] of bytes.entries()) {
        if (byte === 46) return { type: "Malformed", reason: "a full stop" };
        if (byte !== 32) size++;
        else if (size > 0) return { type: "Frame", end: index + 1, head: blanks, tail: 1 };
        else blanks++;
      }
      return { type: "More", state: { size, blanks }, head: blanks };
    },
    encode: (body) => [...body, Buffer.from(" ")],
  });

  test("gives a framing that sockets take, its state typed by `start`", () => {
    verifyFraming(words, "to be  or not ", ["to", "be", "or", "not"]);
    expect(cut(words, ["to be. or"])).toEqual({ frames: ["to"], error: "Eproto", rest: 6 });
  });

  test("gives what its documentation shows", () => {
    const tagged = newFraming({
      start: { left: 0, isIgnored: false, isBegun: false },
      read(state, bytes) {
        const first = bytes[0] ?? 0;
        const { left, isIgnored } = state.isBegun ? state : { left: first & 127, isIgnored: first > 127 };
        const end = state.isBegun ? left : left + 1;
        const more = end - bytes.length;
        if (more > 0) return { type: "More", state: { left: more, isIgnored, isBegun: true }, head: 1, left: more };
        return isIgnored ? { type: "Skip", end } : { type: "Frame", end, head: 1 };
      },
    });
    verifyFraming(tagged, Buffer.from([2, 65, 66, 0x82, 1, 1, 0, 0x80, 1, 67, 1]), ["AB", "", "C"]);
  });

  test("lets a header that never ends fill no more than 64 KiB", () => {
    expect(
      cut(
        words,
        Array.from({ length: 2_000 }, () => " ".repeat(100)),
        10,
      ),
    ).toMatchObject({ frames: [], error: "Emsgsize", rest: 65_600 });
  });

  test("skips what nobody is to get", () => {
    const lively = newFraming({
      start: undefined,
      read: (_, bytes) => (bytes[0] === 0 ? { type: "Skip", end: 1 } : { type: "Frame", end: 1 }),
    });
    expect(cut(lively, ["a\0\0b\0"])).toEqual({ frames: ["a", "b"], error: undefined, rest: 0 });
  });

  test.each<readonly [string, () => unknown]>([
    ["throws", () => { throw new TypeError("oh"); }], // prettier-ignore
    ["reads nothing", () => undefined],
    ["gives a reading of no type", () => ({ type: "Frames", end: 1 })],
    ["ends behind the bytes", () => ({ type: "Frame", end: 100 })],
    ["ends where it began", () => ({ type: "Frame", end: 0 })],
    ["ends at no number", () => ({ type: "Skip", end: NaN })],
    ["strips more than there is", () => ({ type: "Frame", end: 2, head: 2, tail: 1 })],
    ["strips less than nothing", () => ({ type: "Frame", end: 2, head: -1 })],
  ])("ends a stream by Eproto, and nothing else, whose framing %s", (_, read) => {
    const framing = { start: 0, read } as unknown as Framing;
    expect(cut(framing, ["abc"])).toMatchObject({ frames: [], error: "Eproto" });
  });
});
