// How the NATS client among the examples cuts what a server says.

import { describe, expect, test } from "@jest/globals";
import { verifyFraming } from "tankard/testing";
import { natsOperations } from "../../examples/nats-client/framing.ts";
import { anyBytes, byteByByte, cut, cutBytes, randomNumbers } from "../support/cutting.ts";

const nats = natsOperations();
const oneMegabyte = 2 ** 20;

/** A time that only something worse than linear exceeds, on a machine however slow. */
const soonMs = 8_000;

/** An operation as it comes, and the frame that it is. */
type Made = readonly [bytes: Buffer, frame: Buffer];

function operation(...frame: readonly (string | Buffer)[]): Made {
  const bytes = Buffer.concat(frame.map((part) => Buffer.from(part)));
  return [Buffer.concat([bytes, Buffer.from("\r\n")]), bytes];
}

function anyOperation(random: (below: number) => number): Made {
  const payload = anyBytes(random, 40);
  const others = ["PING", "PONG", "+OK", "-ERR 'Unknown Protocol Operation'", 'INFO {"version":"2.9.10"}', "ping"];
  const subject = random(2) === 0 ? "beers.new" : "caf\u00e9.\u{1f37a}";
  const replyTo = random(2) === 0 ? "" : " _INBOX.a.1";
  switch (random(3)) {
    case 0:
      return operation(others[random(others.length)] ?? "");
    case 1:
      return operation(`MSG ${subject} 9${replyTo} ${payload.length}\r\n`, payload);
    default: {
      const headers = "NATS/1.0 503\r\nBeer: Porter\r\n\r\n";
      const sizes = `${headers.length} ${headers.length + payload.length}`;
      return operation(`HMSG\t${subject}  9${replyTo} ${sizes}\r\n${headers}`, payload);
    }
  }
}

function joined(made: readonly Made[]): readonly [bytes: Buffer, frames: readonly Buffer[]] {
  return [Buffer.concat(made.map(([bytes]) => bytes)), made.map(([, frame]) => frame)];
}

function timed<T>(run: () => T): T {
  const began = performance.now();
  const value = run();
  expect(performance.now() - began).toBeLessThan(soonMs);
  return value;
}

describe("natsOperations", () => {
  test("cuts every kind of operation, an empty payload and one that looks like operations", () => {
    verifyFraming(
      nats,
      "INFO {\"max_payload\":1048576}\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'No'\r\n" +
        "MSG a 1 0\r\n\r\nMSG a 1 b 6\r\nPING\r\n\r\nHMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n",
      [
        'INFO {"max_payload":1048576}',
        ..."PING PONG +OK".split(" "),
        "-ERR 'No'",
        "MSG a 1 0\r\n",
        "MSG a 1 b 6\r\nPING\r\n",
        "HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n",
      ],
    );
  });

  test("cuts the same frames however the bytes come", () => {
    const random = randomNumbers(5);
    for (let round = 0; round < 20; round++) {
      const [bytes, frames] = joined(Array.from({ length: 6 }, () => anyOperation(random)));
      verifyFraming(nats, bytes, frames, { seed: round, cuts: 50 });
    }
  });

  test("never splits frames that come joined, nor joins those that come split, cut 10,000 times at random", () => {
    const random = randomNumbers(11);
    const different: Buffer[][] = [];
    for (let round = 0; round < 100; round++) {
      const [bytes, frames] = joined(Array.from({ length: 5 }, () => anyOperation(random)));
      for (let cuts = 0; cuts < 100; cuts++) {
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = 1 + random(random(2) === 0 ? 4 : bytes.length);
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        const found = cutBytes(nats, pieces);
        const isSame = found.frames.length === frames.length && found.frames.every((one, i) => frames[i]?.equals(one));
        if (!isSame || found.failure !== undefined || found.rest > 0) different.push(pieces);
      }
    }
    expect(different).toEqual([]);
  });

  test.each([
    ["a negative size", "MSG a 1 -1\r\n"],
    ["a size that is not a number", "MSG a 1 NaN\r\n"],
    ["an infinite size", "MSG a 1 Infinity\r\n"],
    ["a size with a fraction", "MSG a 1 1.5\r\n"],
    ["a size with an exponent", "MSG a 1 1e3\r\n"],
    ["a size in hexadecimal", "MSG a 1 0x10\r\n"],
    ["a size of 11 digits", "MSG a 1 10000000000\r\n"],
    ["a size of a thousand digits", `MSG a 1 ${"9".repeat(1_000)}\r\n`],
    ["negative headers", "HMSG a 1 -1 5\r\n"],
    ["headers that are larger than the message", "HMSG a 1 6 5\r\n"],
    ["a size that is too small", "MSG a 1 4\r\nhello\r\n"],
    ["a size that is too small by two", "MSG a 1 3\r\nhello\r\n"],
    ["a size that is too large by one, in a stream that goes on", "MSG a 1 6\r\nhello\r\nPING\r\n"],
    ["no size", "MSG a 1\r\n"],
    ["no arguments", "MSG\r\n"],
    ["no arguments but a size", "HMSG 1 1\r\n"],
    ["too many arguments", "MSG a 1 b c 5\r\n"],
    ["another protocol", "HTTP/1.1 400 Bad Request\r\n"],
    ["an empty line", "\r\n"],
    ["a line that ends in a LF alone", "PING\n"],
    ["an operation of clients", "PUB a 0\r\n"],
  ])("takes %s for no such stream, however it comes", (_, lie) => {
    const bytes = Buffer.from(`PING\r\n${lie}`);
    const expected = { frames: ["PING"], error: "Eproto" };
    expect(cut(nats, [bytes])).toMatchObject(expected);
    expect(cut(nats, [...byteByByte(bytes)])).toMatchObject(expected);
    verifyFraming(nats, bytes, ["PING"]);
  });

  test("refuses a payload that is larger than packetSize before it comes", () => {
    for (const line of ["MSG a 1 1000\r\n", "MSG a 1 9999999999\r\n", "HMSG a 1 12 1000\r\n"]) {
      expect(cut(nats, ["PONG\r\n", line], 999)).toMatchObject({ frames: ["PONG"], error: "Emsgsize" });
    }
    const largest = operation(`MSG a 1 1000\r\n${"x".repeat(1_000)}`);
    expect(cut(nats, [largest[0]], 1_014).frames).toEqual([largest[1].toString()]);
    expect(cut(nats, [largest[0]], 1_013)).toEqual({ frames: [], error: "Emsgsize", rest: expect.any(Number) });
  });

  test("takes a control line of 4096 bytes, and none that is longer or never ends", () => {
    const longest = `INFO ${"x".repeat(4_096 - 7)}`;
    verifyFraming(nats, `${longest}\r\n`, [longest], { cuts: 20 });
    for (const bytes of [`${longest}x\r\n`, "x".repeat(4_097), `INFO ${"\r".repeat(5_000)}`].map((text) =>
      Buffer.from(text),
    )) {
      expect(cut(nats, [bytes])).toMatchObject({ frames: [], error: "Eproto" });
      expect(cut(nats, [...byteByByte(bytes)])).toMatchObject({ frames: [], error: "Eproto" });
    }
  });

  test("cuts a megabyte in time that is linear: small frames, large ones, long lines, in one piece and byte by byte", () => {
    const small = operation("MSG a 1 4\r\nbeer");
    const line = operation(`INFO ${"x".repeat(4_000)}`);
    const large = operation(`MSG a 1 ${oneMegabyte}\r\n`, Buffer.alloc(oneMegabyte, "\r\n"));
    for (const [bytes, frame] of [small, line, large]) {
      const count = Math.ceil(oneMegabyte / bytes.length);
      const stream = Buffer.concat(Array.from({ length: count }, () => bytes));
      for (const pieces of [[stream], byteByByte(stream)]) {
        const { frames, rest } = timed(() => cutBytes(nats, pieces, 2 * oneMegabyte));
        expect([frames.length, frames.at(-1)?.equals(frame), rest]).toEqual([count, true, 0]);
      }
    }
  }, 60_000);
});
