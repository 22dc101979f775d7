import { describe, expect, test } from "@jest/globals";
import { jsonLines, lengthPrefix, line, netstring, resp, varint } from "tankard/framing";
import { verifyFraming } from "tankard/testing";
import { cut } from "../support/cutting.ts";

const bytes = (...values: number[]) => Buffer.from(values).toString("latin1");

describe("line", () => {
  test("ends lines with LF and with CRLF, and leaves their ends out", () => {
    verifyFraming(line(), "one\ntwo\r\n\n\r\nfi\rve\r\r\nlast", ["one", "two", "", "", "fi\rve\r"]);
  });

  test("takes any delimiter, also where its beginning comes several times", () => {
    verifyFraming(line({ delimiter: "\0" }), "a\0\0b\n\0", ["a", "", "b\n"]);
    verifyFraming(line({ delimiter: "aab" }), "aaab-aabaaaaab", ["a", "-", "aaa"]);
    verifyFraming(line({ delimiter: Buffer.from("abab") }), "abababa-abaabab", ["", "aba-aba"]);
  });

  test("takes CRLF alone as the end, where it is the delimiter", () => {
    verifyFraming(line({ delimiter: "\r\n" }), "a\nb\r\nc\r\r\n", ["a\nb", "c\r"]);
  });

  test.each(["", new Uint8Array(0), 5, null])("refuses the delimiter %p", (delimiter) => {
    expect(() => line({ delimiter: delimiter as string })).toThrow(TypeError);
  });

  test("lets a line of packetSize through, and is told that a delimiter never comes as soon as that is sure", () => {
    expect(cut(line(), ["12345\r", "\n"], 5).frames).toEqual(["12345"]);
    expect(cut(line(), ["123456"], 5)).toMatchObject({ error: "Emsgsize", rest: 6 });
    expect(cut(line(), ["12345\r", "x"], 5)).toMatchObject({ frames: [], error: "Emsgsize" });
    expect(cut(line(), ["ok\n123456\nmore\n"], 5)).toMatchObject({ frames: ["ok"], error: "Emsgsize" });
    expect(cut(line({ delimiter: "ab" }), ["12345a", "b"], 5).frames).toEqual(["12345"]);
  });
});

describe("lengthPrefix", () => {
  test("reads headers of 1, 2 and 4 bytes in either order", () => {
    verifyFraming(lengthPrefix(1), bytes(2, 65, 66, 0, 1, 67), ["AB", "", "C"]);
    verifyFraming(lengthPrefix(2), bytes(0, 2, 65, 66, 0, 0), ["AB", ""]);
    verifyFraming(lengthPrefix(2, { endian: "little" }), bytes(2, 0, 65, 66), ["AB"]);
    verifyFraming(lengthPrefix(4), bytes(0, 0, 0, 1, 65), ["A"]);
    verifyFraming(lengthPrefix(4, { endian: "little" }), bytes(1, 0, 0, 0, 65), ["A"]);
  });

  test("refuses a body at its header, before a byte of it has come: a length is never negative", () => {
    expect(cut(lengthPrefix(4), [bytes(255, 255, 255, 255)])).toMatchObject({ error: "Emsgsize", rest: 4 });
    expect(cut(lengthPrefix(4), [bytes(127, 255, 255, 255)])).toMatchObject({ error: "Emsgsize" });
    expect(cut(lengthPrefix(2), [bytes(0, 6)], 5)).toMatchObject({ error: "Emsgsize" });
    expect(cut(lengthPrefix(2), [bytes(0, 5)], 5)).toMatchObject({ error: undefined });
  });

  test("says what a header cannot: nothing is sent of a body that is too large", () => {
    const size = (header: 1 | 2 | 4, byteSize: number) =>
      lengthPrefix(header).encode?.([Buffer.alloc(byteSize)])?.length;
    expect([size(1, 255), size(1, 256), size(2, 65_535), size(2, 65_536), size(4, 65_536)]).toEqual([
      2,
      undefined,
      2,
      undefined,
      2,
    ]);
  });

  test("refuses other headers", () => {
    expect(() => lengthPrefix(3 as 4)).toThrow("must have 1, 2 or 4 bytes, received 3");
    expect(() => lengthPrefix(4, { endian: "middle" as "big" })).toThrow('"big" or "little", received middle');
  });
});

describe("varint", () => {
  test("reads lengths of up to 5 bytes, the shortest way to say them or not", () => {
    verifyFraming(varint(), Buffer.from([1, 65, 0x81, 0, 66, 0x80, 0x80, 0x80, 0x80, 0, 0]), ["A", "B", "", ""]);
    verifyFraming(varint(), Buffer.concat([Buffer.from([0xac, 0x02]), Buffer.alloc(300, "x")]), ["x".repeat(300)]);
  });

  test("refuses lengths of more than 5 bytes or 32 bits, and bodies of more than packetSize", () => {
    expect(cut(varint(), [bytes(128, 128, 128, 128, 128)])).toMatchObject({ error: "Eproto" });
    expect(cut(varint(), [bytes(255, 255, 255, 255, 16)])).toMatchObject({ error: "Eproto" });
    expect(cut(varint(), [bytes(255, 255, 255, 255, 15)])).toMatchObject({ error: "Emsgsize" });
  });
});

describe("netstring", () => {
  test("reads what it is in its specification", () => {
    verifyFraming(netstring(), "12:hello world!,0:,1:,,", ["hello world!", "", ","]);
  });

  test.each(["x", ":", "-1:a,", "+1:a,", " 1:a,", "01:a,", "00:,", "1x:a,", "1:ab", "0:x", "12345678901"])(
    "refuses %j",
    (stream) => {
      for (const pieces of [[stream], stream.split("")])
        expect(cut(netstring(), pieces)).toMatchObject({ frames: [], error: "Eproto" });
    },
  );

  test("refuses a body at its header", () => {
    expect(cut(netstring(), ["999999999:"])).toMatchObject({ error: "Emsgsize", rest: 10 });
    expect(cut(netstring(), ["5:12345,6:"], 5)).toMatchObject({ frames: ["12345"], error: "Emsgsize" });
  });
});

describe("jsonLines", () => {
  test("skips blank lines, however they come, and no others", () => {
    verifyFraming(jsonLines(), '\n\r\n{"a":1}\n\r\n\n \r\n[2]\r\n\r\r\n', ['{"a":1}', " ", "[2]", "\r"]);
  });
});

describe("resp", () => {
  test("cuts one whole reply of every type", () => {
    const replies = [
      "+OK\r\n",
      "-ERR a\r\n",
      ":1\r\n",
      "$3\r\na\r\n\r\n",
      "$0\r\n\r\n",
      "$-1\r\n",
      "*-1\r\n",
      "*0\r\n",
    ];
    replies.push(
      "*2\r\n*2\r\n:1\r\n$1\r\na\r\n*0\r\n",
      "%1\r\n+k\r\n*1\r\n_\r\n",
      "|1\r\n+k\r\n+v\r\n~1\r\n#t\r\n",
      ">1\r\n,1.5\r\n",
    );
    replies.push("!5\r\nERR a\r\n", "=7\r\ntxt:abc\r\n", "(123456789012345678901234567890\r\n", "%0\r\n");
    verifyFraming(resp(), replies.join(""), replies);
  });

  test.each([
    "x", "\r\n", "$-2\r\n", "*-2\r\n", "%-1\r\n", "$x\r\n", "$\r\n", "$--1\r\n", "$1\ra", "$1\r\nab\r\n", "$1\r\na\n", "$1\r\na\rb",
    "+a\rb", "*1\r\nx", "$?\r\n", "$1234567890123456\r\n", "$ 1\r\n",
  ])("refuses %j", (stream) => {
    for (const pieces of [[stream], stream.split("")]) expect(cut(resp(), pieces)).toMatchObject({ frames: [], error: "Eproto" });
  }); // prettier-ignore

  test("refuses what is too large as soon as a size says so, in strings and in aggregates", () => {
    expect(cut(resp(), ["$1048576\r\n"])).toMatchObject({ error: "Emsgsize", rest: 10 });
    expect(cut(resp(), ["*999999999999999\r\n"])).toMatchObject({ error: "Emsgsize" });
    expect(cut(resp(), ["*3\r\n"], 12)).toMatchObject({ error: undefined });
    expect(cut(resp(), ["*4\r\n"], 12)).toMatchObject({ error: "Emsgsize" });
    expect(cut(resp(), ["*2\r\n$3\r\nabc\r\n$900\r\n"], 100)).toMatchObject({ error: "Emsgsize" });
    expect(cut(resp(), [`+${"x".repeat(200)}`], 100)).toMatchObject({ error: "Emsgsize" });
  });

  test("bounds how deep aggregates may be in each other", () => {
    expect(cut(resp(), ["*1\r\n".repeat(32), ":1\r\n"]).frames).toHaveLength(1);
    expect(cut(resp(), ["*1\r\n".repeat(33)])).toMatchObject({ error: "Eproto" });
    expect(cut(resp({ maxDepth: 1 }), ["*1\r\n:1\r\n*1\r\n*1\r\n"])).toMatchObject({
      frames: ["*1\r\n:1\r\n"],
      error: "Eproto",
    });
    expect(cut(resp({ maxDepth: 0 }), ["+OK\r\n*0\r\n"]).frames).toHaveLength(2);
    for (const maxDepth of [-1, 1.5, 1_001]) expect(() => resp({ maxDepth })).toThrow(RangeError);
  });
});
