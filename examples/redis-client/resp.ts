// The replies of Redis, in RESP2. Reading them is a pure function. What it has not understood yet is a value, which a machine may keep in its context: who
// restores, inspects or replays the machine reads the same replies again.

/** What a server answers: a status as text, an integer, the bytes of a string, nothing, an error, or a list of these. */
export type Reply = string | number | bigint | Buffer | null | ErrorReply | readonly Reply[];

/** The server did not do it. The first word of its text says what kind of error it is. */
export interface ErrorReply {
  readonly type: "ErrorReply";
  readonly text: string;
}

/** What is left of the packets that were read: the beginning of a reply. */
export interface Unread {
  /** Bytes of which nothing is understood yet, as they came, the last first: one more costs the same, however many. */
  readonly packets: Packets | undefined;
  readonly byteSize: number;
  /** Fewer bytes than this are not worth looking at. */
  readonly neededBytes: number;
  /** The lists that are being read, the innermost last. */
  readonly lists: readonly List[];
}

interface Packets {
  readonly last: Buffer;
  readonly before: Packets | undefined;
}

interface List {
  readonly items: readonly Reply[];
  readonly size: number;
}

export interface Read {
  readonly replies: readonly Reply[];
  readonly unread: Unread;
  /** What is wrong with the bytes behind the replies: nothing that comes later can be understood. */
  readonly error: string | undefined;
}

/** Where a connection begins. */
export const nothingUnread: Unread = { packets: undefined, byteSize: 0, neededBytes: 1, lists: [] };

/** Redis sends no larger string, unless its `proto-max-bulk-len` is raised. */
export const MAX_STRING_BYTES = 512 * 1024 * 1024;
export const MAX_LINE_BYTES = 64 * 1024;
export const MAX_ITEMS = 1024 * 1024;
export const MAX_DEPTH = 32;

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** Reads the replies that are whole now that `packet` has come, wherever it was cut. */
export function readReplies(unread: Unread, packet: Buffer): Read {
  const packets = { last: packet, before: unread.packets };
  const byteSize = unread.byteSize + packet.length;
  if (byteSize < unread.neededBytes) return { replies: [], unread: { ...unread, packets, byteSize }, error: undefined };
  return new Reading(joined(packets), unread.lists).run();
}

function joined(packets: Packets): Buffer {
  if (packets.before === undefined) return packets.last;
  const all: Buffer[] = [];
  for (let at: Packets | undefined = packets; at !== undefined; at = at.before) all.push(at.last);
  return Buffer.concat(all.reverse());
}

class NotReplies extends Error {}

/** One call of `readReplies`: what it changes is its own. */
class Reading {
  readonly #data: Buffer;
  readonly #replies: Reply[] = [];
  readonly #lists: { readonly items: Reply[]; readonly size: number }[];
  #at = 0;
  #neededBytes = 1;

  constructor(data: Buffer, lists: readonly List[]) {
    this.#data = data;
    this.#lists = lists.map(({ items, size }) => ({ items: [...items], size }));
  }

  run(): Read {
    let error: string | undefined;
    try {
      while (this.#readOne());
    } catch (thrown) {
      if (!(thrown instanceof NotReplies)) throw thrown;
      error = thrown.message;
    }
    const rest = Buffer.from(this.#data.subarray(this.#at)); // a copy: the rest of the memory is free
    const unread: Unread = {
      packets: rest.length === 0 ? undefined : { last: rest, before: undefined },
      byteSize: rest.length,
      neededBytes: this.#neededBytes,
      lists: this.#lists,
    };
    return { replies: this.#replies, unread, error };
  }

  /** Reads a reply, an item of a list, or the head of a list. Says whether it was all there. */
  #readOne(): boolean {
    const data = this.#data;
    this.#neededBytes = 1;
    if (this.#at === data.length) return false;
    const kind = String.fromCharCode(data[this.#at] ?? 0);
    if (!"+-:$*".includes(kind)) throw new NotReplies(`a reply begins with ${printable(kind)}`);
    const end = data.indexOf(LINE_FEED, this.#at);
    if ((end === -1 ? data.length : end) - this.#at > MAX_LINE_BYTES) throw new NotReplies("a line is too long");
    if (end === -1) return false;
    if (data[end - 1] !== CARRIAGE_RETURN) throw new NotReplies("a line ends without a carriage return");
    const line = data.toString("utf8", this.#at + 1, end - 1);
    const next = end + 1;
    switch (kind) {
      case "+":
        return this.#take(line, next);
      case "-":
        return this.#take({ type: "ErrorReply", text: line }, next);
      case ":":
        return this.#take(integerOf(line), next);
      case "$":
        return this.#readString(sizeOf(line, MAX_STRING_BYTES), next);
      default:
        return this.#beginList(sizeOf(line, MAX_ITEMS), next);
    }
  }

  #readString(size: number, start: number): boolean {
    if (size === -1) return this.#take(null, start);
    const end = start + size;
    this.#neededBytes = end + 2 - this.#at;
    if (end + 2 > this.#data.length) return false;
    if (this.#data[end] !== CARRIAGE_RETURN || this.#data[end + 1] !== LINE_FEED)
      throw new NotReplies("a string is longer than it says");
    return this.#take(Buffer.from(this.#data.subarray(start, end)), end + 2); // a copy: who keeps it keeps no packet
  }

  #beginList(size: number, next: number): boolean {
    if (size === -1) return this.#take(null, next);
    if (size === 0) return this.#take([], next);
    if (this.#lists.length === MAX_DEPTH) throw new NotReplies("lists are nested too deep");
    this.#lists.push({ items: [], size });
    this.#at = next;
    return true;
  }

  /** A value is whole, and so may be the lists whose last item it is. */
  #take(value: Reply, next: number): true {
    this.#at = next;
    let whole = value;
    for (let list = this.#lists.at(-1); list !== undefined; list = this.#lists.at(-1)) {
      list.items.push(whole);
      if (list.items.length < list.size) return true;
      whole = list.items;
      this.#lists.pop();
    }
    this.#replies.push(whole);
    return true;
  }
}

function integerOf(text: string): number | bigint {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw new NotReplies(`${printable(text)} is no integer`);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text.replace("+", ""));
}

/** How long a string or a list is; -1 where there is none. */
function sizeOf(text: string, limit: number): number {
  const size = /^(?:\d{1,10}|-1)$/.test(text) ? Number(text) : Infinity;
  if (size > limit) throw new NotReplies(`${printable(text)} is no size`);
  return size;
}

/** What somebody has sent, short, and fit for a line of an error. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 40)).replace(/[^ -~]/g, "?");
}
