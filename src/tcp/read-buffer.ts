/** One buffer for the reads of all sockets, so that an idle connection holds none, and a read allocates what it needs. */
const sharedBuffer = Buffer.allocUnsafeSlow(65_536);

/** Most messages are small and of a few sizes: to make a view of the buffer for each would cost as much as its copy. */
const mostViewedBytes = 1024;
const views: Uint8Array[] = [];

/** To copy more than this costs more than to put a new buffer in the place of one that is given away. */
const mostCopiedBytes = 32_768;

/** So many sockets may have a buffer of their own: who has many connections could make us hold one for each otherwise. */
const mostOwnBuffers = 128;
let ownBuffers = 0;

/**
 * Where the reads of one socket go. What is read into the shared buffer is copied out before the next read; that one is
 * never given away, as Node reads into it for other sockets. While much comes at a time, the socket has a buffer of its
 * own, which is given away as it is; after the next small read it has none.
 */
export class ReadBuffer {
  readonly #shared: Buffer;
  #own: Buffer | undefined;

  /** Packets have at most `packetSize` bytes: one that a read ends in would be shorter than those beside it. */
  constructor(packetSize: number) {
    const rest = packetSize > sharedBuffer.length ? 0 : sharedBuffer.length % packetSize;
    this.#shared = rest === 0 ? sharedBuffer : sharedBuffer.subarray(0, -rest);
  }

  /** The buffer for the next read. */
  get next(): Buffer {
    return this.#own ?? this.#shared;
  }

  /** The `size` bytes that were just read into `buffer`, the receiver's to keep. Bun reads into buffers that are not ours. */
  take(size: number, buffer: Uint8Array): Buffer {
    const own = this.#own;
    const isLarge = size > mostCopiedBytes;
    if (isLarge) this.#takeOwn();
    else this.release();
    if (isLarge && own !== undefined && buffer === own) return size === own.length ? own : own.subarray(0, size);
    const data = Buffer.allocUnsafe(size);
    data.set(buffer === this.#shared && size <= mostViewedBytes ? viewOf(size) : buffer.subarray(0, size));
    return data;
  }

  /** Nothing large is read, or nothing at all any more. */
  release(): void {
    if (this.#own === undefined) return;
    this.#own = undefined;
    ownBuffers--;
  }

  #takeOwn(): void {
    if (this.#own === undefined) {
      if (ownBuffers === mostOwnBuffers) return;
      ownBuffers++;
    }
    this.#own = Buffer.allocUnsafeSlow(this.#shared.length);
  }
}

function viewOf(size: number): Uint8Array {
  return (views[size] ??= sharedBuffer.subarray(0, size));
}
