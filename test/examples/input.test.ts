import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { takeInput, type Input, type Unended } from "../../examples/chat/input.ts";

const NOTHING = Buffer.alloc(0);

/** A line as its text, one that was too long as `undefined`. */
function shortly(input: readonly Input[]): (string | undefined)[] {
  return input.map((piece) => (piece.type === "Line" ? piece.line : undefined));
}

function taken(text: string, unended: Unended = NOTHING): (string | undefined)[] {
  return shortly(takeInput(unended, Buffer.from(text)).input);
}

describe("takeInput", () => {
  test("gives whole lines and keeps the beginning of the next", () => {
    const { input, unended } = takeInput(Buffer.from("PI"), Buffer.from("NG a\r\nPING b\nPIN"));
    expect(shortly(input)).toEqual(["PING a", "PING b"]);
    expect(unended).toEqual(Buffer.from("PIN"));
  });

  test("takes a line of 512 bytes with its end, and none of 513", () => {
    expect(taken(`${"x".repeat(510)}\r\n`)).toEqual(["x".repeat(510)]);
    expect(taken(`${"x".repeat(511)}\r\nA\r\n`)).toEqual([undefined, "A"]);
    expect(taken("x".repeat(511))).toEqual([]);
    expect(taken("x".repeat(512))).toEqual([undefined]);
  });

  test("keeps nothing of a line that is too long, says it once, and goes on behind its end", () => {
    const first = takeInput(NOTHING, Buffer.from(`A\n${"x".repeat(100_000)}`));
    expect(shortly(first.input)).toEqual(["A", undefined]);
    expect(first.unended).toBe("Skipped");
    const second = takeInput(first.unended, Buffer.from("x".repeat(100_000)));
    expect(second).toEqual({ input: [], unended: "Skipped" });
    expect(taken("xxx\nB\n", second.unended)).toEqual(["B"]);
  });

  test("gives the same however the bytes are cut", () => {
    const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\r", "", "é", "x".repeat(300)));
    const line = fc.tuple(text, text, fc.constantFrom("\r\n", "\n")).map((parts) => parts.join(""));
    const cuts = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, sizes) => {
        const bytes = Buffer.from(lines.join(""));
        const pieces: Input[] = [];
        let unended: Unended = NOTHING;
        for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
          const size = sizes[piece % sizes.length] ?? 1;
          const next = takeInput(unended, bytes.subarray(at, at + size));
          pieces.push(...next.input);
          unended = next.unended;
          at += size;
        }
        expect(pieces).toEqual(takeInput(NOTHING, bytes).input);
      }),
    );
  });
});
