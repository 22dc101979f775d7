// IRC on the wire, without a socket: bytes become lines, a line becomes a message, a message becomes a line.

/** Bytes of one line at most, its end included (RFC 2812, section 2.3). */
export const MAX_LINE_BYTES = 512;

export const LINE_FEED = 0x0a;

export interface IrcMessage {
  /** Who it comes from, `nick!user@host` or a server's name. Clients leave it out. */
  readonly prefix?: string | undefined;
  readonly command: string;
  readonly params: readonly string[];
}

export interface Lines {
  readonly lines: readonly string[];
  /** The beginning of a line whose end has not come yet. */
  readonly rest: Buffer;
  /** The next line is longer than a line may be: nothing after it can be trusted. */
  readonly isTooLong: boolean;
}

/**
 * Cuts `rest` and the `data` that came after it into lines. However the bytes were cut into packets, the lines are the
 * same, because only whole lines are decoded: half a character never is. Ends with CR LF or LF; empty lines are skipped.
 */
export function takeLines(rest: Buffer, data: Buffer): Lines {
  const bytes = Buffer.concat([rest, data]);
  const lines: string[] = [];
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start);
    const byteSize = (end === -1 ? bytes.length : end) - start + 1; // with the line feed, also where it is yet to come
    if (byteSize > MAX_LINE_BYTES) {
      return { lines, rest: Buffer.from(bytes.subarray(start, start + MAX_LINE_BYTES)), isTooLong: true };
    }
    // A copy, so that three waiting bytes do not keep a whole packet in memory.
    if (end === -1) return { lines, rest: Buffer.from(bytes.subarray(start)), isTooLong: false };
    const line = bytes.toString("utf8", start, end).replace(/\r$/, "");
    if (line !== "") lines.push(line);
    start = end + 1;
  }
}

/** Reads one line without its end; `undefined` where there is no command in it. */
export function parseLine(line: string): IrcMessage | undefined {
  const parts = /^(?:@\S+ +)?(?::(?<prefix>\S+) +)?(?<command>[A-Za-z]+|[0-9]{3})(?<params>(?: .*)?)$/s.exec(
    line,
  )?.groups;
  if (parts === undefined) return undefined;
  const params = parts.params ?? "";
  const colon = params.indexOf(" :");
  const words = (colon === -1 ? params : params.slice(0, colon)).split(" ").filter((word) => word !== "");
  return {
    prefix: parts.prefix,
    command: (parts.command ?? "").toUpperCase(),
    params: colon === -1 ? words : [...words, params.slice(colon + 2)],
  };
}

/**
 * Writes one line with its end. Whatever the params hold, it is one line and never more (CR, LF and NUL do not get out),
 * only the last param may have spaces, and what exceeds a line is cut off, between two characters.
 */
export function formatLine({ prefix, command, params }: IrcMessage): string {
  const last = params.at(-1);
  const words = [command, ...params.slice(0, -1)].map(asWord);
  if (prefix !== undefined) words.unshift(`:${asWord(prefix)}`);
  if (last !== undefined) words.push(params.length === 1 && asWord(last) === last ? last : `:${asText(last)}`);
  return `${clip(words.join(" "), MAX_LINE_BYTES - 2)}\r\n`;
}

/** The nick in a prefix: `joe` of `joe!joe@example.org`. */
export function nickOf(prefix: string | undefined): string {
  return prefix?.split("!", 1)[0] ?? "";
}

/** The server's own words, which stand last, without their full stop. */
export function reasonIn(params: readonly string[]): string {
  return (params.at(-1) ?? "").replace(/\.+$/, "");
}

/** Whether two nicks or channels are the same: IRC does not tell `Joe` from `joe`. */
export function isSameName(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

/** A nick or channel as the key of a map. */
export function foldName(name: string): string {
  return name.toLowerCase();
}

const NICK = /^[A-Za-z[\]\\`_^{|}][A-Za-z0-9[\]\\`_^{|}-]*$/;
const CHANNEL = /^[#&+!][^\p{Cc} ,:]+$/u;

export function isNick(text: string): boolean {
  return NICK.test(text);
}

export function isChannel(text: string): boolean {
  return CHANNEL.test(text);
}

function asWord(text: string): string {
  return text.replace(/^:|[\0\r\n ]/g, "_") || "*";
}

function asText(text: string): string {
  return text.replace(/[\0\r\n]/g, " ");
}

function clip(text: string, byteSize: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= byteSize) return text;
  let end = byteSize;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1; // 10xxxxxx goes on with a character that began before
  return bytes.toString("utf8", 0, end);
}
