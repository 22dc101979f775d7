// The parts of the two machines that play TCP. What they draw: small-programs.test.ts.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lineOf, segmentsIn, type Segment } from "../../examples/tcp-handshake/segment.ts";

const segment: fc.Arbitrary<Segment> = fc
  .record({
    type: fc.constantFrom<Segment["type"]>("SYN", "SYN,ACK", "ACK", "FIN,ACK"),
    seq: fc.nat(),
    ack: fc.nat(),
  })
  .map((any) => (any.type === "SYN" ? { ...any, ack: 0 } : any)); // the first says nothing about the other side

describe("segmentsIn", () => {
  test("finds what lineOf wrote, however it was cut", () => {
    fc.assert(
      fc.property(fc.array(segment), fc.nat(), (sent, somewhere) => {
        const text = sent.map(lineOf).join("");
        const cut = somewhere % (text.length + 1);
        const first = segmentsIn(text.slice(0, cut));
        const second = segmentsIn(first.rest + text.slice(cut));
        expect([...first.segments, ...second.segments]).toEqual(sent);
        expect(second.rest).toBe("");
      }),
    );
  });

  test("skips lines that are none", () => {
    expect(segmentsIn("hello\n<SEQ=1><CTL=RST>\n<SEQ=1><CTL=SYN>\n<SEQ=").segments).toEqual([
      { type: "SYN", seq: 1, ack: 0 },
    ]);
  });
});
