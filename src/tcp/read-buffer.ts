import { type Holding, isReusable } from "./lending.ts";

/**
 * One buffer for the reads of all sockets, so that an idle connection holds none, and a read allocates what it needs. It is
 * never given away: what was read is copied out of it before the next read.
 */
const shared = Buffer.allocUnsafeSlow(65_536);

/** Parts of it, for sockets whose packets do not fill it: one that a read ends in would be shorter than those beside it. */
const parts = new Map<number, Buffer>();

/** Most messages are small and of a few sizes: to make a view of the buffer for each would cost as much as its copy. */
const mostViewedBytes = 1024;
const views: Uint8Array[] = [];

/** To copy more than this costs more than to put a new buffer in the place of one that is given away. */
const mostCopiedBytes = 32_768;

/** So many sockets may have a buffer of their own: who has many connections could make us hold one for each otherwise. */
const mostOwnBuffers = 128;
let ownBuffers = 0;

/** A stream that has filled its buffer so many times in a row will most likely go on to. */
const steadyReads = 16;

/** Whose listener had enough for a moment will have so again: one that awaits each packet takes one at a time. */
const readsAfterStop = 256;

/** Where the next read goes of the socket that asks next: Node asks for each as soon as it has told of the one before. */
let next: Buffer = shared;

/** One function that gives the sockets their buffers, as `onread` wants it, so that none has one for itself. */
export function nextBuffer(): Buffer {
  const given = next;
  next = shared; // and nobody else is ever given one that is a socket's own
  return given;
}

/** The next who asks is a new socket, with packets of at most `packetSize` bytes. */
export function readFirst(packetSize: number): void {
  next = partOf(packetSize > shared.length ? shared.length : shared.length - (shared.length % packetSize));
}

/** The next who asks is the socket that has read into `buffer`, and has one of its `own` or none. */
export function readNext(own: OwnBuffer | undefined, buffer: Uint8Array): void {
  next = own?.bytes ?? partOf(singleSize(buffer.length));
}

/** Only those twice as large as a socket's first one are larger than the one that all share. */
function singleSize(size: number): number {
  return size > shared.length ? size >> 1 : size;
}

function partOf(size: number): Buffer {
  if (size >= shared.length) return shared;
  let part = parts.get(size);
  if (part === undefined) parts.set(size, (part = shared.subarray(0, size)));
  return part;
}

/**
 * The `size` bytes that were just read into `buffer`, the receiver's to keep: of the socket's `own` buffer as it is, where
 * it was filled. Bun reads into buffers that are not ours.
 */
export function takeRead(size: number, buffer: Uint8Array, own: OwnBuffer | undefined): Buffer {
  if (buffer === own?.bytes && size > mostCopiedBytes)
    return size === buffer.length ? own.bytes : own.bytes.subarray(0, size);
  const data = Buffer.allocUnsafe(size);
  data.set(buffer === shared && size <= mostViewedBytes ? viewOf(size) : buffer.subarray(0, size));
  return data;
}

function viewOf(size: number): Uint8Array {
  return (views[size] ??= shared.subarray(0, size));
}

/** A buffer that a socket has for itself while much comes at a time: what is read into it is given away as it is. */
export class OwnBuffer {
  bytes: Buffer;
  readonly #size: number;
  /** Reads in a row that have filled it; negative for a while behind a stop. */
  #fullReads = 0;
  /** The one before `bytes`, until its packet is returned. */
  #lent: Buffer | undefined;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#size = size;
  }

  /**
   * Takes another one in place of one that was handed over: of a steady stream twice as large, to halve its system calls. One
   * that was returned is used again.
   */
  renew(size: number, isReading: boolean, holding: Holding): void {
    if (!isReading) this.#fullReads = -readsAfterStop;
    else if (size >= this.#size) this.#fullReads++;
    else if (this.#fullReads > 0) this.#fullReads = 0;
    const length = this.#fullReads < steadyReads ? this.#size : 2 * this.#size;
    const returned = holding === "kept" ? undefined : this.#takeReturned(holding);
    this.bytes = returned?.length === length && isReusable(returned) ? returned : Buffer.allocUnsafeSlow(length);
  }

  /** Whoever got what was read last had asked for it, and so has returned what came before. */
  #takeReturned(holding: "lent" | "returned"): Buffer | undefined {
    const returned = holding === "returned" ? this.bytes : this.#lent;
    this.#lent = holding === "lent" ? this.bytes : undefined;
    return returned;
  }
}

/**
 * The buffer that a socket has for itself after a read of `size` bytes into `buffer`: none after a small one, as nothing
 * may come for long then. `isReading` says whether its listener goes on, and `told` whose its memory is now.
 */
export function ownAfter(
  own: OwnBuffer | undefined,
  size: number,
  buffer: Uint8Array,
  isReading: boolean,
  told: { readonly holding: Holding },
): OwnBuffer | undefined {
  if (size <= mostCopiedBytes) {
    releaseOwn(own);
    return undefined;
  }
  if (own === undefined) {
    if (ownBuffers === mostOwnBuffers) return undefined;
    ownBuffers++;
    return new OwnBuffer(buffer.length);
  }
  if (buffer === own.bytes) own.renew(size, isReading, told.holding);
  return own;
}

/** A socket has none for itself any more. */
export function releaseOwn(own: OwnBuffer | undefined): void {
  if (own !== undefined) ownBuffers--;
}
