// What an SMTP client reads and writes, without a socket.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compose, whyUnsendable, wireText } from "../../examples/smtp-client/message.ts";
import { MAX_LINE_BYTES, MAX_REPLY_BYTES, takeReply, type Taken } from "../../examples/smtp-client/replies.ts";

/** All replies in the text, and what stays: of the pieces in which it comes. */
function takeAll(pieces: readonly string[]) {
  const taken: Taken[] = [];
  let unread = "";
  for (const piece of pieces) {
    unread += piece;
    for (let next = takeReply(unread); next.type === "Reply"; next = takeReply(unread)) {
      taken.push(next);
      unread = next.rest;
    }
  }
  return { replies: taken.map((one) => one.type === "Reply" && one.reply), unread };
}

describe("takeReply", () => {
  test("takes a reply whose end has come, and leaves what is behind it", () => {
    const reply = { type: "Reply", code: 250, text: "one\ntwo" } as const;
    expect(takeReply("250-one\r\n250 two\r\n354 go")).toEqual({ type: "Reply", reply, rest: "354 go" });
    expect(takeReply("250\n")).toMatchObject({ reply: { code: 250, text: "" }, rest: "" });
    for (const unfinished of ["", "2", "250 ok", "250 ok\r", "250-ok\r\n", "250-ok\r\n250 o"])
      expect(takeReply(unfinished)).toEqual({ type: "Unfinished" });
  });

  test.each(["hello\n", "25\n", "2500\n", "250_ok\n", "150 ok\n", "650 ok\n", "\n", " 250 ok\n", "250-ok\n251 ok\n"])(
    "takes %j for no reply",
    (text) => {
      expect(takeReply(text).type).toBe("Gibberish");
    },
  );

  test("has bounds for a line and for a reply, ended or not", () => {
    const longest = `250 ${"x".repeat(MAX_LINE_BYTES - 5)}`;
    expect(takeReply(longest).type).toBe("Unfinished");
    expect(takeReply(`${longest}\n`).type).toBe("Reply");
    expect(takeReply(`${longest}x`).type).toBe("Gibberish");
    expect(takeReply(`${longest}x\n`).type).toBe("Gibberish");
    const many = "250-ok\n".repeat(MAX_REPLY_BYTES / 7);
    expect(takeReply(many).type).toBe("Unfinished");
    expect(takeReply(`${many}250 ok\n`).type).toBe("Gibberish");
  });

  test("takes the same replies, however the text is cut", () => {
    const line = fc.tuple(fc.constantFrom("250", "550", "421"), fc.stringMatching(/^[ -~\u00e4]{0,9}$/));
    const reply = fc.tuple(line, fc.nat(2), fc.constantFrom("\n", "\r\n")).map(([[code, text], more, end]) => {
      return [...Array<string>(more).fill(`${code}-${text}`), `${code} ${text}`, ""].join(end);
    });
    fc.assert(
      fc.property(fc.array(reply), fc.array(fc.nat(100)), (replies, cuts) => {
        const whole = Buffer.from(replies.join("")).toString("latin1");
        const places = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = places.map((from, at) => whole.slice(from, places[at + 1]));
        const expected = takeAll([whole]);
        expect(expected).toMatchObject({ unread: "", replies: { length: replies.length } });
        expect(takeAll(pieces)).toEqual(expected);
        expect(takeAll(whole.split(/(?=[^])/))).toEqual(expected);
      }),
    );
  });
});

describe("wireText", () => {
  /** What a server makes of it (RFC 5321, 4.5.2). */
  function received(wire: string): string[] {
    const lines = wire.split("\r\n");
    expect(lines.slice(-2)).toEqual([".", ""]);
    return lines.slice(0, -2).map((line) => line.replace(/^\./, ""));
  }

  test("arrives as it was, line for line, and has one end only", () => {
    const line = fc.oneof(fc.constantFrom("", ".", "..", ".x"), fc.stringMatching(/^[ -~]{0,9}$/));
    fc.assert(
      fc.property(fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r"))), (lines) => {
        const text = lines.flat().join(""); // where a bare CR and a LF meet, they are one end
        const wire = wireText(text);
        expect(received(wire)).toEqual(text.replace(/\r\n?/g, "\n").split("\n").slice(0, -1));
        expect(wire.indexOf("\r\n.\r\n")).toBe(wire.lastIndexOf("\r\n.\r\n"));
        expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
      }),
    );
  });

  test("ends a last line that has no end, and is only the dot where there is no text", () => {
    expect(wireText("a\n\nb")).toBe("a\r\n\r\nb\r\n.\r\n");
    expect(wireText("")).toBe(".\r\n");
  });
});

describe("whyUnsendable", () => {
  test("finds nothing in a mail with addresses as they are, and nobody to hear of its fate", () => {
    for (const from of ["", "joe", "joe@example.org", '"joe"@[127.0.0.1]'])
      expect(whyUnsendable({ from, to: ["o'neill+x@sub.example.org"], text: "" })).toBeUndefined();
  });

  test("lets no address through that would be more than a word of a command", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (address) => {
        const isFit = whyUnsendable({ from: "", to: [address], text: "" }) === undefined;
        expect(isFit && !/^[^\s<>\0-\x20\x7f-\uffff]+$/.test(address)).toBe(false);
      }),
    );
  });
});

describe("compose", () => {
  const letter = { from: "joe@x", to: ["ann@x", "ben@x"], body: "Hi\n", date: new Date(0), messageId: "1@x" };

  test("writes a header that a mail needs", () => {
    expect(compose({ ...letter, subject: "Hello" }).text).toBe(
      [
        "From: joe@x",
        "To: ann@x, ben@x",
        "Subject: Hello",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000",
        "Message-ID: <1@x>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "Hi",
        "",
      ].join("\n"),
    );
  });

  test("lets no subject out of its line, and loses nothing of it", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("ä".repeat(99)), fc.constant("=?x")),
        (subject) => {
          const header = compose({ ...letter, subject }).text.split("\nDate:", 1)[0] ?? "";
          const [, written = ""] = /\nSubject: ([^]*)$/.exec(header) ?? [];
          expect(written).toMatch(/^[ -~]*(?:\n [ -~]+)*$/);
          const read = written.replace(/=\?UTF-8\?B\?([^?]*)\?=(?:\n )?/g, (_, word: string) =>
            Buffer.from(word, "base64").toString(),
          );
          expect(read).toBe(subject);
          for (const line of written.split("\n")) expect(line.length).toBeLessThanOrEqual(900);
        },
      ),
    );
  });
});
