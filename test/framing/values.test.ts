import { describe, expect, test } from "@jest/globals";
import { err, ok } from "tankard";
import { encodeCommand, encodeJson, parseJson, parseResp } from "tankard/framing";

const parsed = (text: string) => parseResp(Buffer.from(text));
const reasonOf = (text: string) => {
  const result = parsed(text);
  return result.ok ? result.value : result.error.reason;
};

describe("parseJson", () => {
  test("gives what a frame says", () => {
    expect(parseJson(Buffer.from('{"a":[1,null,"é"]}'))).toEqual(ok({ a: [1, null, "é"] }));
  });

  test.each([Buffer.from("{"), Buffer.from(""), Buffer.from([34, 0xff, 34])])(
    "says why it cannot, and never throws: %p",
    (frame) => {
      expect(parseJson(frame)).toEqual(err({ type: "JsonError", reason: expect.any(String) }));
    },
  );

  test("takes the name __proto__ for a name like others", () => {
    const result = parseJson(Buffer.from('{"__proto__":{"isAdmin":true}}'));
    expect((result as { value: { isAdmin?: boolean } }).value.isAdmin).toBeUndefined();
  });
});

describe("encodeJson", () => {
  test("writes one line, whatever is in the value", () => {
    expect(encodeJson({ text: "two\nlines" })).toEqual(ok('{"text":"two\\nlines"}\n'));
  });

  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  test.each([undefined, () => 1, Symbol("s"), 1n, cycle])("says that JSON has no %p", (value) => {
    expect(encodeJson(value)).toMatchObject({ ok: false, error: { type: "JsonError" } });
  });
});

describe("parseResp", () => {
  test("gives the values of RESP2", () => {
    expect(parsed("*7\r\n+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n")).toEqual(
      ok([
        { type: "Status", text: "OK" },
        { type: "Failure", text: "ERR no" },
        -7,
        Buffer.from("a\r\n"),
        null,
        null,
        [],
      ]),
    );
    expect(parsed(":9223372036854775807\r\n")).toEqual(ok(9_223_372_036_854_775_807n));
  });

  test("gives the values of RESP3", () => {
    expect(parsed("%1\r\n+k\r\n~2\r\n#t\r\n#f\r\n")).toEqual(
      ok({
        type: "Map",
        pairs: [
          [
            { type: "Status", text: "k" },
            { type: "Set", values: [true, false] },
          ],
        ],
      }),
    );
    expect(parsed(">5\r\n_\r\n,-1.5e3\r\n,inf\r\n,-inf\r\n(+12\r\n")).toEqual(
      ok({ type: "Push", values: [null, -1_500, Infinity, -Infinity, 12n] }),
    );
    expect(parsed("*3\r\n!5\r\nERR a\r\n=7\r\ntxt:abc\r\n,nan\r\n")).toEqual(
      ok([{ type: "Failure", text: "ERR a" }, Buffer.from("abc"), NaN]),
    );
    expect(parsed("|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n")).toEqual(ok(Buffer.from("v")));
  });

  test.each([
    ["", "it ends too early"], ["+OK", "it ends too early"], ["+OK\r\n+", "bytes behind the reply"], ["?\r\n", 'no type begins with "?"'],
    [":1.5\r\n", 'unexpected "1.5"'], ["#x\r\n", 'unexpected "x"'], ["$-2\r\n", "a negative size"], ["~-1\r\n", "a negative size"],
    ["$5\r\nabc\r\n", "it ends too early"], ["$3\r\nabcde", "no CRLF behind a string"], ["*2\r\n:1\r\n", "it ends too early"],
    ["*999999999\r\n", "it ends too early"], ["|0\r\n".repeat(300_000), "too many aggregates in each other"],
    ["*1\r\n".repeat(300_000), "too many aggregates in each other"], [`(${"9".repeat(5_000)}\r\n`, `unexpected "${"9".repeat(40)}"`],
  ])("says of what is no reply why: %#", (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  }); // prettier-ignore
});

describe("encodeCommand", () => {
  test("writes an array of strings, and counts bytes", () => {
    expect(encodeCommand("SET", "é", 7, Buffer.from([0, 255])).toString("latin1")).toBe(
      "*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$1\r\n7\r\n$2\r\n\0\xff\r\n",
    );
  });
});
