import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  formatLine,
  isChannel,
  isNick,
  isSameName,
  MAX_LINE_BYTES,
  nickOf,
  parseLine,
  takeLines,
} from "../../examples/chat/irc.ts";

const NOTHING = Buffer.alloc(0);

describe("takeLines", () => {
  test("gives whole lines and keeps the beginning of the next", () => {
    expect(takeLines(Buffer.from("PI"), Buffer.from("NG a\r\nPING b\nPIN"))).toEqual({
      lines: ["PING a", "PING b"],
      rest: Buffer.from("PIN"),
      isTooLong: false,
    });
  });

  test("decodes a character that two packets share", () => {
    const bytes = Buffer.from("PRIVMSG #a :grüß dich 🍺\r\n");
    const cut = bytes.indexOf(0xbc); // the second byte of ü
    const first = takeLines(NOTHING, bytes.subarray(0, cut));
    expect(first.lines).toEqual([]);
    expect(takeLines(first.rest, bytes.subarray(cut)).lines).toEqual(["PRIVMSG #a :grüß dich 🍺"]);
  });

  test("skips empty lines", () => {
    expect(takeLines(NOTHING, Buffer.from("\r\n\n\r\nA\r\n\r\n")).lines).toEqual(["A"]);
  });

  test("takes a line of 512 bytes with its end, and none of 513", () => {
    expect(takeLines(NOTHING, Buffer.from(`${"x".repeat(510)}\r\n`))).toMatchObject({ isTooLong: false });
    expect(takeLines(NOTHING, Buffer.from(`${"x".repeat(511)}\r\n`))).toMatchObject({ lines: [], isTooLong: true });
    expect(takeLines(NOTHING, Buffer.from("x".repeat(511)))).toMatchObject({ isTooLong: false });
    expect(takeLines(NOTHING, Buffer.from("x".repeat(512)))).toMatchObject({ isTooLong: true });
  });

  test("gives the lines before one that is too long, and keeps no more of it than a line", () => {
    const taken = takeLines(NOTHING, Buffer.from(`A\r\n${"x".repeat(100_000)}`));
    expect(taken).toMatchObject({ lines: ["A"], isTooLong: true });
    expect(taken.rest).toHaveLength(MAX_LINE_BYTES);
  });

  test("gives the same lines however the bytes are cut", () => {
    const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\r", "", "é", "x".repeat(300)));
    const line = fc.tuple(text, text, fc.constantFrom("\r\n", "\n")).map((parts) => parts.join(""));
    const cuts = fc.array(fc.nat({ max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, sizes) => {
        const bytes = Buffer.from(lines.join(""));
        const whole = takeLines(NOTHING, bytes);
        expect(takenInPieces(bytes, sizes)).toEqual({ lines: whole.lines, isTooLong: whole.isTooLong });
      }),
    );
  });
});

function takenInPieces(bytes: Buffer, sizes: readonly number[]): { lines: string[]; isTooLong: boolean } {
  const lines: string[] = [];
  let rest: Buffer = NOTHING;
  let at = 0;
  for (let piece = 0; at < bytes.length; piece += 1) {
    const size = Math.max(1, sizes[piece % sizes.length] ?? 1);
    const taken = takeLines(rest, bytes.subarray(at, at + size));
    lines.push(...taken.lines);
    if (taken.isTooLong) return { lines, isTooLong: true };
    rest = taken.rest;
    at += size;
  }
  return { lines, isTooLong: false };
}

describe("parseLine", () => {
  test.each([
    ["PING :a b", { command: "PING", params: ["a b"] }],
    [
      ":joe!j@host PRIVMSG #a :hello : there",
      { prefix: "joe!j@host", command: "PRIVMSG", params: ["#a", "hello : there"] },
    ],
    [":server 001 joe Welcome", { prefix: "server", command: "001", params: ["joe", "Welcome"] }],
    ["@time=12;id=3 :joe QUIT", { prefix: "joe", command: "QUIT", params: [] }],
    ["join   #a   key ", { command: "JOIN", params: ["#a", "key"] }],
    ["PRIVMSG #a :", { command: "PRIVMSG", params: ["#a", ""] }],
    ["MODE #a:b", { command: "MODE", params: ["#a:b"] }],
  ])("reads %j", (line, message) => {
    expect(parseLine(line)).toEqual(message);
  });

  test.each(["", " ", ":prefix", ":prefix ", "12", "1234 a", "PR1V", ":joe :QUIT", "@tags"])(
    "says that there is no command in %j",
    (line) => {
      expect(parseLine(line)).toBeUndefined();
    },
  );
});

describe("formatLine", () => {
  test.each([
    [{ command: "NICK", params: ["joe"] }, "NICK joe\r\n"],
    [{ command: "QUIT", params: ["good bye"] }, "QUIT :good bye\r\n"],
    [{ command: "QUIT", params: [""] }, "QUIT :\r\n"],
    [{ command: "PRIVMSG", params: ["#a", "hello"] }, "PRIVMSG #a :hello\r\n"],
    [{ command: "PRIVMSG", params: ["#a", ":-)"] }, "PRIVMSG #a ::-)\r\n"],
    [{ prefix: "server", command: "353", params: ["joe", "=", "#a", "joe ann"] }, ":server 353 joe = #a :joe ann\r\n"],
    [{ command: "PONG", params: [] }, "PONG\r\n"],
  ])("writes %j", (message, line) => {
    expect(formatLine(message)).toBe(line);
  });

  test("lets nobody end the line from within: CR, LF and NUL become spaces", () => {
    expect(formatLine({ command: "PRIVMSG", params: ["#a", "hello\r\nQUIT :\0"] })).toBe(
      "PRIVMSG #a :hello  QUIT : \r\n",
    );
  });

  test("lets nobody add a param: spaces in all but the last become underscores", () => {
    expect(formatLine({ command: "PRIVMSG", params: ["#a :b\r\nQUIT", "c"] })).toBe("PRIVMSG #a_:b__QUIT :c\r\n");
    expect(formatLine({ command: "KICK", params: ["", ":x", "c"] })).toBe("KICK * _x :c\r\n");
  });

  test("cuts a long line between two characters", () => {
    const line = formatLine({ command: "PRIVMSG", params: ["#a", "🍺".repeat(200)] });
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
    expect(line).toMatch(/^PRIVMSG #a :(?:🍺)+\r\n$/u);
  });

  test("writes exactly one line of at most 512 bytes, whatever it is given", () => {
    const text = fc.string({ unit: fc.oneof(fc.constantFrom("\r", "\n", "\0", " ", ":", "é", "🍺"), fc.string()) });
    fc.assert(
      fc.property(text, text, fc.array(text), (prefix, command, params) => {
        const bytes = Buffer.from(formatLine({ prefix, command, params }));
        expect(bytes.indexOf("\r\n")).toBe(bytes.length - 2);
        expect(bytes.length).toBeLessThanOrEqual(MAX_LINE_BYTES);
        expect(bytes.subarray(0, -2).toString("latin1")).not.toMatch(/[\r\n\0]/);
      }),
    );
  });

  test("writes what parseLine reads back", () => {
    const word = fc.stringMatching(/^[^\s:\0][^\s\0]{0,20}$/);
    const last = fc.stringMatching(/^[^\r\n\0]{0,100}$/);
    fc.assert(
      fc.property(word, fc.stringMatching(/^[A-Z]{1,9}$/), fc.array(word, { maxLength: 4 }), last, (...parts) => {
        const [prefix, command, middle, text] = parts;
        const message = { prefix, command, params: [...middle, text] };
        const [line = ""] = takeLines(NOTHING, Buffer.from(formatLine(message))).lines;
        expect(parseLine(line)).toEqual(message);
      }),
    );
  });
});

describe("names", () => {
  test("a prefix begins with the nick", () => {
    expect([nickOf("joe!j@host"), nickOf("server"), nickOf(undefined)]).toEqual(["joe", "server", ""]);
  });

  test("case does not tell one from another", () => {
    expect(isSameName("#Tavern", "#tavern")).toBe(true);
    expect(isSameName("joe", "joe_")).toBe(false);
  });

  test.each(["joe", "J0e", "_joe_", "[joe]-1"])("%s is a nick", (nick) => {
    expect(isNick(nick)).toBe(true);
  });

  test.each(["", "1joe", "-joe", "jo e", "joe!", "#joe", "jöe", "joe\n"])("%j is none", (nick) => {
    expect(isNick(nick)).toBe(false);
  });

  test.each(["#a", "&local", "#täg", "##"])("%s is a channel", (channel) => {
    expect(isChannel(channel)).toBe(true);
  });

  test.each(["", "#", "a", "#a b", "#a,b", "#a:b", "#a\n"])("%j is none", (channel) => {
    expect(isChannel(channel)).toBe(false);
  });
});
