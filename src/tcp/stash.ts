/**
 * Bytes that have been read and that nobody has taken, as the chunks in which they came.
 *
 * What a `receiveExact` that timed out has waited for is set apart: the next packet is all of it and nothing else.
 */
export class Stash {
  #chunks: Buffer[] = [];
  /** Where the rest of the first chunk starts. */
  #start = 0;
  #size = 0;
  #setApart = 0;

  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** Makes everything that is here one packet. */
  setApart(): void {
    this.#setApart = this.#size;
  }

  /** All that has come, `most` bytes of it at most; nothing where nothing has come. */
  takePacket(most: number): Buffer | undefined {
    if (this.#size === 0) return undefined;
    return this.take(this.#setApart > 0 ? this.#setApart : Math.min(this.#size, most));
  }

  /** Takes `size` bytes, of those that are here. A chunk that is taken whole is not copied. */
  take(size: number): Buffer {
    const first = this.#chunks[0];
    this.#size -= size;
    this.#setApart = Math.max(0, this.#setApart - size);
    if (first === undefined) return Buffer.alloc(0);
    const end = this.#start + size;
    if (end < first.length) {
      const part = first.subarray(this.#start, end);
      this.#start = end;
      return part;
    }
    if (end === first.length) {
      const rest = this.#start === 0 ? first : first.subarray(this.#start);
      this.#dropChunks(1);
      return rest;
    }
    return this.#join(size);
  }

  clear(): void {
    this.#chunks = [];
    this.#start = 0;
    this.#size = 0;
    this.#setApart = 0;
  }

  #join(size: number): Buffer {
    const joined = Buffer.allocUnsafe(size);
    let filled = 0;
    let used = 0;
    let start = this.#start;
    for (const chunk of this.#chunks) {
      const end = Math.min(chunk.length, start + size - filled);
      joined.set(chunk.subarray(start, end), filled);
      filled += end - start;
      start = end < chunk.length ? end : 0;
      if (end === chunk.length) used++;
      if (filled === size) break;
    }
    this.#dropChunks(used);
    this.#start = start;
    return joined;
  }

  #dropChunks(count: number): void {
    this.#start = 0;
    if (count === this.#chunks.length) this.#chunks = [];
    else this.#chunks.splice(0, count);
  }
}
