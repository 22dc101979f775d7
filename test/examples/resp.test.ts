import fc from "fast-check";
import { describe, expect, test } from "@jest/globals";
import { type Command, CommandDecoder, encode, failure, status } from "../../examples/key-value/resp.ts";
import { MAX_ARGUMENTS, MAX_COMMAND_BYTES, MAX_LINE_BYTES } from "../../examples/key-value/resp.ts";

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** The commands that come of the packets, and the error behind them. */
function decoded(...packets: readonly Buffer[]): { readonly commands: readonly Command[]; readonly error?: string } {
  const decoder = new CommandDecoder();
  const commands: Command[] = [];
  for (const packet of packets) {
    const { commands: next, error } = decoder.decode(packet);
    commands.push(...next);
    if (error !== undefined) return { commands, error: error.text };
  }
  return { commands };
}

function byteByByte(data: Buffer): Buffer[] {
  return Array.from(data, (byte) => Buffer.of(byte));
}

/** The packets that `data` makes, cut at those places. */
function cut(data: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (data.length + 1)), data.length].sort((a, b) => a - b);
  return ends.map((end, index) => data.subarray(ends[index - 1] ?? 0, end));
}

const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const plainWord = fc.stringMatching(/^[a-zA-Z0-9_.:]{1,12}$/);
const asArray = fc.array(anyBytes, { minLength: 1, maxLength: 6 }).map((command) => ({
  command,
  bytes: encode(command),
}));
const asLine = fc
  .tuple(fc.array(plainWord, { minLength: 1, maxLength: 4 }), fc.constantFrom("\r\n", "\n"))
  .map(([command, end]) => ({ command, bytes: command.join(" ") + end }));
const stream = fc.array(fc.oneof(asArray, asLine), { maxLength: 8 }).map((parts) => ({
  commands: parts.map(({ command }) => command),
  data: latin1(parts.map(({ bytes }) => bytes).join("")),
}));
const broken = fc
  .tuple(
    stream,
    fc.constantFrom("*x\r\n", "*2\r\n+a\r\n", "*1\r\n$-1\r\n", "*1\r\n$2\r\nabcd", "*99999999\r\n", '"a\r\n'),
  )
  .map(([{ commands, data }, end]) => ({ commands, data: Buffer.concat([data, latin1(end)]) }));
const places = fc.array(fc.nat(), { maxLength: 10 });

describe("CommandDecoder", () => {
  test("gives the same commands whole, byte by byte, and cut anywhere", () => {
    fc.assert(
      fc.property(stream, places, ({ commands, data }, where) => {
        expect(decoded(data)).toEqual({ commands });
        expect(decoded(...byteByByte(data))).toEqual({ commands });
        expect(decoded(...cut(data, where))).toEqual({ commands });
      }),
    );
  });

  test("gives the same error behind the same commands, however the bytes are cut", () => {
    fc.assert(
      fc.property(broken, places, ({ commands, data }, where) => {
        const whole = decoded(data);
        expect(whole).toEqual({ commands, error: expect.stringMatching(/^ERR Protocol error: /) });
        expect(decoded(...byteByByte(data))).toEqual(whole);
        expect(decoded(...cut(data, where))).toEqual(whole);
      }),
    );
  });

  test("never throws, whatever comes", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.stringMatching(/^[*$\-0-9\r\n"'\\ a]{0,60}$/).map(latin1),
    );
    fc.assert(fc.property(noise, places, (data, where) => void decoded(...cut(Buffer.from(data), where))));
  });

  test.each([
    ["*x\r\n", "invalid multibulk length"],
    [`*${MAX_ARGUMENTS + 1}\r\n`, "invalid multibulk length"],
    ["*1\r\n:1\r\n", "expected '$', got ':'"],
    ["*1\r\n\x07", "expected '$', got '?'"],
    ["*1\r\n$\r\n", "invalid bulk length"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    [`*1\r\n$${MAX_COMMAND_BYTES + 1}\r\n`, "invalid bulk length"],
    [`*2\r\n$2\r\nab\r\n$${MAX_COMMAND_BYTES - 1}\r\n`, "invalid bulk length"],
    ["*1\r\n$1\r\nab\r\n", "expected CRLF behind a bulk string"],
    ["x".repeat(MAX_LINE_BYTES + 1), "too big inline request"],
    [`*${"1".repeat(MAX_LINE_BYTES)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(MAX_LINE_BYTES)}`, "too big bulk count string"],
    ["get 'a\r\n", "unbalanced quotes in request"],
    ['get a"b\r\n', "unbalanced quotes in request"],
    ['get "a"b\r\n', "unbalanced quotes in request"],
  ])("says what is wrong with %j", (text, error) => {
    expect(decoded(latin1(text))).toEqual({ commands: [], error: `ERR Protocol error: ${error}` });
  });

  test("passes over commands of nothing", () => {
    expect(decoded(latin1("*0\r\n\r\n*-1\r\n  \n*1\r\n$4\r\nPING\r\n"))).toEqual({ commands: [["PING"]] });
  });

  test("takes what is typed, with quotes", () => {
    const line = `set  "a \\"b\\"\\x00\\n"\t'it\\'s' "" caf\xe9 a\xa0b  \r\n`;
    expect(decoded(latin1(line))).toEqual({ commands: [["set", 'a "b"\0\n', "it's", "", "caf\xe9", "a\xa0b"]] });
  });

  test("takes a large argument in many packets, and in time", () => {
    const value = Buffer.alloc(MAX_COMMAND_BYTES - 4, "v");
    const data = Buffer.concat([latin1(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n`), value, latin1("\r\n")]);
    const packets = Array.from({ length: Math.ceil(data.length / 65_536) }, (_, index) =>
      data.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const { commands } = decoded(...packets);
    expect(commands).toHaveLength(1);
    expect(commands[0]?.[2] === value.toString("latin1")).toBe(true);
  }, 10_000);
});

describe("encode", () => {
  test("writes each kind of reply", () => {
    const reply = ["a\0\xff", "", 5, -1, 2n ** 63n - 1n, null, status("OK"), failure("ERR no"), ["b"], []];
    expect(encode(reply)).toBe(
      "*10\r\n$3\r\na\0\xff\r\n$0\r\n\r\n:5\r\n:-1\r\n:9223372036854775807\r\n$-1\r\n+OK\r\n-ERR no\r\n*1\r\n$1\r\nb\r\n*0\r\n",
    );
  });
});
