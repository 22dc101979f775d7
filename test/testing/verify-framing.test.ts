import { describe, expect, test } from "@jest/globals";
import { type Framing, line, newFraming, type Reading } from "tankard/framing";
import { verifyFraming } from "tankard/testing";

const asLines = line() as Framing<boolean>;

/** Lines, with one thing changed. */
function wrong(change: (reading: Reading<boolean>, state: boolean, bytes: Buffer) => Reading<boolean>): Framing {
  return newFraming({ start: false, read: (state, bytes) => change(asLines.read(state, bytes), state, bytes) });
}

const stream = "ab\r\ncde\n";
const frames = ["ab", "cde"];

describe("verifyFraming", () => {
  test("says nothing where every cut gives these frames", () => {
    verifyFraming(line(), stream, frames);
    verifyFraming(line(), "", []);
    expect(() =>
      verifyFraming(
        line(),
        Buffer.from(`${stream}rest`),
        frames.map((frame) => Buffer.from(frame)),
      ),
    ).not.toThrow();
  });

  test("says what came out instead of the frames", () => {
    expect(() => verifyFraming(line(), stream, ["ab", "cd"])).toThrow(
      'The framing differs whole: expected ["ab", "cd"], received ["ab", "cde"], then at the end of a frame',
    );
  });

  test.each<readonly [string, Framing, string]>([
    [
      "forgets between two readings",
      wrong((reading) => (reading.type === "More" ? { ...reading, state: false } : reading)),
      "byte by byte: ",
    ],
    [
      "says that more is still to come than is",
      wrong((reading) => (reading.type === "More" ? { ...reading, left: 2 } : reading)),
      "with packetSize 3, byte by byte: ",
    ],
    [
      "does not count what it strips",
      wrong((reading) => (reading.type === "More" ? { ...reading, tail: 0 } : reading)),
      "with packetSize 2, ",
    ],
    [
      "strips a byte too much",
      wrong((reading) => (reading.type === "Frame" ? { ...reading, head: 1 } : reading)),
      "whole: ",
    ],
    [
      "changes its states",
      newFraming({
        start: { seen: 0 },
        read: (state, bytes) =>
          (state.seen += bytes.length) > 20
            ? { type: "Malformed", reason: "too much" }
            : { type: "Frame", end: Math.min(3, bytes.length) },
      }),
      "",
    ],
    ["writes what it does not read", { ...asLines, encode: (body) => body }, "of what it has encoded"],
  ])("finds a framing that %s", (_, framing, text) => {
    const [bytes, expected] = text === "" ? ["abc", ["abc"]] : [stream, frames];
    expect(() => verifyFraming(framing, bytes, expected)).toThrow(`The framing differs ${text}`);
  });

  test("checks its arguments", () => {
    expect(() => verifyFraming({} as Framing, "", [])).toThrow("Cannot verify a framing: the framing must be");
    expect(() => verifyFraming(line(), "", [], { cut: 1 } as object)).toThrow(
      'unknown option "cut", did you mean "cuts"?',
    );
  });
});
