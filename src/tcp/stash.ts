/** A chunk of no more bytes is copied behind the one before it. */
const smallBytes = 512;
const blockBytes = 4096;

/**
 * Bytes that have been read and that nobody has taken, as the chunks in which they came.
 *
 * What a `receiveExact` that timed out has waited for is set apart: the next packet is all of it and nothing else.
 */
export class Stash {
  /** A packet that was asked for before it came is the only chunk, and costs no array. */
  #first: Buffer | undefined;
  /** Where the rest of the first chunk starts. */
  #start = 0;
  /** The chunks behind the first, where there are any, and how many of them have become the first. */
  #behind: Buffer[] | undefined;
  #taken = 0;
  #size = 0;
  #setApart = 0;
  /** How many bytes a framing has seen, and where they end: so many chunks behind the first, at this index. */
  #seen = 0;
  #seenChunks = 0;
  #seenEnd = 0;
  /** The block that the last chunk is the filled part of, where it is one. */
  #block: { readonly bytes: Buffer; filled: number } | undefined;

  get size(): number {
    return this.#size;
  }

  /** Without what is set apart: a `receiveExact` has had that in its hands. */
  get unreadSize(): number {
    return this.#size - this.#setApart;
  }

  push(chunk: Buffer): void {
    if (this.#first !== undefined && chunk.length <= smallBytes) this.#pack(chunk);
    else {
      this.#append(chunk);
      this.#block = undefined;
    }
    this.#size += chunk.length;
  }

  #append(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else (this.#behind ??= []).push(chunk);
  }

  /** A peer that sends byte by byte must not cost a Buffer for each: small chunks go into one block. */
  #pack(chunk: Buffer): void {
    if (this.#block === undefined || this.#block.filled + chunk.length > this.#block.bytes.length) {
      this.#block = { bytes: Buffer.allocUnsafe(blockBytes), filled: 0 };
      this.#append(this.#block.bytes);
    }
    const block = this.#block;
    block.bytes.set(chunk, block.filled);
    block.filled += chunk.length;
    const filled = block.bytes.subarray(0, block.filled);
    if (this.#behind === undefined) this.#first = filled;
    else this.#behind[this.#behind.length - 1] = filled;
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
    const first = this.#first;
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
      this.#dropFirst();
      return rest;
    }
    return this.#join(size);
  }

  /** The next bytes that a framing has not seen, as far as they lie together; nothing where it has seen all. */
  unseen(): Buffer | undefined {
    if (this.#seen === this.#size) return undefined;
    if (this.#seen === 0) this.#seenEnd = this.#start;
    let chunk = this.#chunkAt(this.#seenChunks);
    if (chunk?.length === this.#seenEnd) {
      chunk = this.#chunkAt(++this.#seenChunks);
      this.#seenEnd = 0;
    }
    return this.#seenEnd === 0 ? chunk : chunk?.subarray(this.#seenEnd);
  }

  #chunkAt(place: number): Buffer | undefined {
    return place === 0 ? this.#first : this.#behind?.[this.#taken + place - 1];
  }

  /** `size` bytes more have been seen. */
  see(size: number): void {
    this.#seen += size;
    this.#seenEnd += size;
  }

  /** How many bytes have been seen. */
  get seenSize(): number {
    return this.#seen;
  }

  /** None has been seen: where something is taken, or another framing looks. */
  forgetSeen(): void {
    this.#seen = 0;
    this.#seenChunks = 0;
  }

  /** As `take`, and nobody gets them. */
  drop(size: number): void {
    this.#size -= size;
    this.#setApart = Math.max(0, this.#setApart - size);
    for (let left = size; left > 0;) {
      const first = this.#first;
      if (first === undefined) break;
      const end = Math.min(first.length, this.#start + left);
      left -= end - this.#start;
      if (end === first.length) this.#dropFirst();
      else this.#start = end;
    }
  }

  clear(): void {
    this.#first = undefined;
    this.#start = 0;
    this.#behind = undefined;
    this.#taken = 0;
    this.#size = 0;
    this.#setApart = 0;
    this.forgetSeen();
    this.#block = undefined;
  }

  #join(size: number): Buffer {
    const joined = Buffer.allocUnsafe(size);
    for (let filled = 0; filled < size;) {
      const chunk = this.#first;
      if (chunk === undefined) break;
      const end = Math.min(chunk.length, this.#start + size - filled);
      joined.set(chunk.subarray(this.#start, end), filled);
      filled += end - this.#start;
      if (end === chunk.length) this.#dropFirst();
      else this.#start = end;
    }
    return joined;
  }

  #dropFirst(): void {
    this.#start = 0;
    const behind = this.#behind;
    this.#first = behind?.[this.#taken];
    if (behind === undefined) {
      this.#block = undefined;
      return;
    }
    this.#taken++;
    // Half of the array is taken chunks: moving the rest costs no more than it cost to take them.
    if (this.#taken * 2 < behind.length) return;
    this.#behind = this.#taken === behind.length ? undefined : behind.slice(this.#taken);
    this.#taken = 0;
  }
}

/** That of all sockets for whom nothing has had to wait. Nothing is ever put into it. */
export const noStash = new Stash();
