// An SMTP server's replies, without a socket: text becomes replies, however it was cut into packets.

/** Bytes of one line of a reply at most, its end included. RFC 5321 (4.5.3.1.5) has 512; some servers say more. */
export const MAX_LINE_BYTES = 2_048;
/** Bytes of all lines of one reply: `250-` may go on and on. */
export const MAX_REPLY_BYTES = 16_384;

/** A whole reply, of one line or more. */
export interface Reply {
  readonly type: "Reply";
  /** 200 to 599. Its first digit says what to do. */
  readonly code: number;
  /** What the lines say behind the code, each in a line. */
  readonly text: string;
}

/** What cannot be, or become, a reply. */
export interface Gibberish {
  readonly type: "Gibberish";
  readonly said: string;
}

/** A reply, and what came behind it; or that its end has not come yet. */
export type Taken =
  | { readonly type: "Unfinished" }
  | { readonly type: "Reply"; readonly reply: Reply; readonly rest: string }
  | Gibberish;

const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/;

/** Takes the first reply from what has come and was not taken: bytes as Latin-1, so that no character can be cut. */
export function takeReply(unread: string): Taken {
  const texts: string[] = [];
  let code: string | undefined;
  for (let start = 0; ;) {
    const end = unread.indexOf("\n", start);
    const byteSize = (end === -1 ? unread.length : end) + 1 - start; // with its end, also where that is yet to come
    if (byteSize > MAX_LINE_BYTES || start + byteSize > MAX_REPLY_BYTES) return gibberish(unread.slice(start));
    if (end === -1) return { type: "Unfinished" };
    const line = unread.slice(start, end).replace(/\r$/, "");
    const [, lineCode = "", separator, text = ""] = LINE.exec(line) ?? [];
    code ??= lineCode;
    if (lineCode === "" || lineCode !== code) return gibberish(line);
    texts.push(text);
    start = end + 1;
    if (separator !== "-") {
      const reply: Reply = { type: "Reply", code: Number(code), text: decoded(texts.join("\n")) };
      return { type: "Reply", reply, rest: unread.slice(start) };
    }
  }
}

function gibberish(said: string): Gibberish {
  return { type: "Gibberish", said: decoded(said.slice(0, 80)) };
}

function decoded(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
