// RESP2, the protocol of Redis: bytes to commands, replies to bytes.
//
// Here bytes are text whose every character stands for one of them (latin1). Any bytes fit, equal bytes are equal keys of
// a Map, and a reply is put together with +.

/** A command's name and its arguments. */
export type Command = readonly string[];

/** What a command is answered with: bytes, an integer, nothing, or one of the records below. */
export type Reply = string | number | bigint | null | Status | Failure | readonly Reply[];

/** A short text that says how it went. */
export interface Status {
  readonly type: "Status";
  readonly text: string;
}

/** An error. The first word of its text says what kind of one. */
export interface Failure {
  readonly type: "Failure";
  readonly text: string;
}

/** The bytes of one argument, and of all arguments of one command. Redis takes 512 MiB for each. */
export const MAX_COMMAND_BYTES = 64 * 1024 * 1024;
export const MAX_ARGUMENTS = 65_536;
/** The bytes of a line: the head of an array or a bulk string, or a command that is typed. */
export const MAX_LINE_BYTES = 64 * 1024;

export interface Decoded {
  readonly commands: readonly Command[];
  /** What is wrong with the bytes behind the commands: nothing that comes later can be understood. */
  readonly error: Failure | undefined;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const DOLLAR = 36;
const ASTERISK = 42;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;

/** Makes commands of packets, wherever those are cut. It keeps what is not yet a whole argument, and no more. */
export class CommandDecoder {
  /** What has come and is not yet understood. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Fewer bytes than this cannot be understood any further. */
  #neededBytes = 1;
  /** The arguments of the command that is coming, and how many more it has. */
  #args: string[] = [];
  #missing = 0;
  /** The bytes of `#args`. */
  #argumentBytes = 0;
  /** How long the argument is that is coming, once its head has told. */
  #bulkBytes: number | undefined;

  decode(packet: Buffer): Decoded {
    const commands: string[][] = [];
    let data = packet;
    if (this.#kept.length > 0) {
      this.#kept.push(packet);
      if (this.#keptBytes + packet.length < this.#neededBytes) {
        this.#keptBytes += packet.length;
        return { commands, error: undefined };
      }
      data = Buffer.concat(this.#kept);
    }
    let error: Failure | undefined;
    let at = 0;
    try {
      at = this.#read(data, commands);
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown;
      error = failure(`ERR Protocol error: ${thrown.message}`);
    }
    if (at === data.length) this.#kept = [];
    else this.#kept = [at === 0 ? data : Buffer.from(data.subarray(at))]; // a copy: the rest of the memory is free
    this.#keptBytes = data.length - at;
    return { commands, error };
  }

  /** Reads as far as it can, and says how far that is. */
  #read(data: Buffer, commands: string[][]): number {
    let at = 0;
    for (;;) {
      if (this.#bulkBytes !== undefined) {
        const end = at + this.#bulkBytes;
        this.#neededBytes = this.#bulkBytes + 2;
        if (end + 2 > data.length) return at;
        if (data[end] !== CARRIAGE_RETURN || data[end + 1] !== LINE_FEED)
          throw new ProtocolError("expected CRLF behind a bulk string");
        this.#take(data.toString("latin1", at, end), commands);
        at = end + 2;
        continue;
      }
      this.#neededBytes = 1;
      if (at === data.length) return at;
      const end = data.indexOf(LINE_FEED, at);
      if ((end === -1 ? data.length : end) - at > MAX_LINE_BYTES) throw new ProtocolError(this.#tooLong(data[at]));
      if (this.#missing > 0 && data[at] !== DOLLAR)
        throw new ProtocolError(`expected '$', got '${printable(data.toString("latin1", at, at + 1))}'`);
      if (end === -1) return at;
      const lineEnd = data[end - 1] === CARRIAGE_RETURN && end > at ? end - 1 : end;
      if (this.#missing > 0) this.#beginArgument(integerIn(data, at + 1, lineEnd));
      else if (data[at] === ASTERISK) this.#beginCommand(integerIn(data, at + 1, lineEnd));
      else {
        const words = wordsIn(data.toString("latin1", at, lineEnd));
        if (words.length > 0) commands.push(words);
      }
      at = end + 1;
    }
  }

  #beginCommand(count: number | undefined): void {
    if (count === undefined || count > MAX_ARGUMENTS) throw new ProtocolError("invalid multibulk length");
    this.#missing = Math.max(count, 0); // one without a name is none
  }

  #beginArgument(byteSize: number | undefined): void {
    if (byteSize === undefined || byteSize < 0 || this.#argumentBytes + byteSize > MAX_COMMAND_BYTES)
      throw new ProtocolError("invalid bulk length");
    this.#bulkBytes = byteSize;
  }

  #take(argument: string, commands: string[][]): void {
    this.#args.push(argument);
    this.#argumentBytes += argument.length;
    this.#bulkBytes = undefined;
    this.#missing--;
    if (this.#missing > 0) return;
    commands.push(this.#args);
    this.#args = [];
    this.#argumentBytes = 0;
  }

  #tooLong(first: number | undefined): string {
    if (this.#missing > 0) return "too big bulk count string";
    return first === ASTERISK ? "too big mbulk count string" : "too big inline request";
  }
}

class ProtocolError extends Error {}

/** Most are a digit or two, so they are read where they lie. */
function integerIn(data: Buffer, start: number, end: number): number | undefined {
  const digits = data[start] === MINUS ? start + 1 : start;
  if (digits === end || end - digits > 10) return undefined;
  let value = 0;
  for (let at = digits; at < end; at++) {
    const digit = data[at] ?? 0;
    if (digit < ZERO || digit > NINE) return undefined;
    value = value * 10 + digit - ZERO;
  }
  return digits === start ? value : -value;
}

/** A line that a person types: words, or anything between quotes around all of it. */
function wordsIn(line: string): string[] {
  const words: string[] = [];
  // Spaces of ASCII, which \s goes beyond.
  const word = /[\t-\r ]*(?:"((?:\\[^]|[^"\\])*)"|'((?:\\'|[^'])*)'|([^\t-\r "']+))(?=[\t-\r ]|$)/y;
  const text = line.replace(/[\t-\r ]+$/, "");
  while (word.lastIndex < text.length) {
    const found = word.exec(text);
    if (found === null) throw new ProtocolError("unbalanced quotes in request");
    const [, double, single, plain] = found;
    words.push(plain ?? single?.replaceAll("\\'", "'") ?? unescaped(double ?? ""));
    if (words.length > MAX_ARGUMENTS) throw new ProtocolError("too big inline request");
  }
  return words;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([^]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(parseInt(hex, 16)),
  );
}

/** The bytes of a reply, as text. */
export function encode(reply: Reply): string {
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply === "number" || typeof reply === "bigint") return `:${reply}\r\n`;
  if (reply === null) return "$-1\r\n";
  if (!("type" in reply)) return `*${reply.length}\r\n${reply.map(encode).join("")}`;
  return reply.type === "Status" ? `+${reply.text}\r\n` : `-${reply.text}\r\n`;
}

export function status(text: string): Status {
  return { type: "Status", text };
}

export function failure(text: string): Failure {
  return { type: "Failure", text };
}

/** What somebody has sent, short, and fit for a line of an error. */
export function printable(text: string): string {
  return text.slice(0, 128).replace(/[^ -~]/g, "?");
}
