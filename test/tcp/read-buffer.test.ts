import { describe, expect, test } from "@jest/globals";
import type { Holding } from "../../src/tcp/lending.ts";
import {
  nextBuffer,
  ownAfter,
  type OwnBuffer,
  readFirst,
  readNext,
  releaseOwn,
  takeRead,
} from "../../src/tcp/read-buffer.ts";

const large = 40_000;

/** A socket, as its transport and Node do with each other. */
class Reader {
  /** Where it reads next. */
  buffer: Buffer;
  /** What becomes of what it gets. */
  holding: Holding = "kept";
  #own: OwnBuffer | undefined;

  constructor(packetSize = 65_536) {
    readFirst(packetSize);
    this.buffer = nextBuffer();
  }

  /** What the socket gets when Node has read so many bytes of this value, and whether it goes on then. */
  read(size: number, value: number, isReading = true): Buffer {
    this.buffer.fill(value, 0, size);
    return this.take(size, this.buffer, isReading);
  }

  take(size: number, buffer: Buffer, isReading = true): Buffer {
    const data = takeRead(size, buffer, this.#own);
    this.#own = ownAfter(this.#own, size, buffer, isReading, this);
    readNext(this.#own, buffer);
    this.buffer = nextBuffer();
    return data;
  }

  close(): void {
    releaseOwn(this.#own);
    this.#own = undefined;
  }
}

describe("read buffers", () => {
  test.each([1, 1024, 1025, large, 65_536])("give the %d bytes that were read, to keep", (size) => {
    const [one, other] = [new Reader(), new Reader()];
    const kept = Array.from({ length: 6 }, (_, turn) => [one.read(size, turn), other.read(size, 100 + turn)]);
    one.read(10, 200);
    other.read(10, 200);
    for (const [turn, [mine, others]] of kept.entries()) {
      expect(mine?.equals(Buffer.alloc(size, turn))).toBe(true);
      expect(others?.equals(Buffer.alloc(size, 100 + turn))).toBe(true);
    }
    one.close();
    other.close();
  });

  test("a first large read is copied and those behind it are given away as they are, until a small one", () => {
    const reader = new Reader();
    const shared = reader.buffer;

    expect(reader.read(large, 1).buffer).not.toBe(shared.buffer);
    const own = reader.buffer;
    expect(own).not.toBe(shared);
    expect(reader.read(large, 2).buffer).toBe(own.buffer);
    expect(reader.buffer.buffer).not.toBe(own.buffer);

    const second = reader.buffer;
    expect(reader.read(10, 3).buffer).not.toBe(second.buffer);
    expect(reader.buffer).toBe(shared);
  });

  function readFull(reader: Reader, times: number): void {
    for (let count = 0; count < times; count++) reader.read(65_536, 1);
  }

  test("one is twice as large for a stream that has filled 16 in a row", () => {
    const reader = new Reader();
    readFull(reader, 16); // the first of which is copied
    expect(reader.buffer).toHaveLength(65_536);
    readFull(reader, 1);
    expect(reader.buffer).toHaveLength(131_072);
    const kept = reader.read(131_072, 3);
    reader.read(70_000, 4); // more than a single one holds
    expect(reader.buffer).toHaveLength(131_072);
    expect(kept.equals(Buffer.alloc(131_072, 3))).toBe(true);
    reader.read(large, 4);
    expect(reader.buffer).toHaveLength(65_536);
    readFull(reader, 16);
    expect(reader.buffer).toHaveLength(131_072);
    reader.close();
  });

  test("one is as large as before for 256 reads once the listener has had enough", () => {
    const reader = new Reader();
    readFull(reader, 17);
    expect(reader.read(131_072, 1, false)).toHaveLength(131_072);
    for (const more of [1, 256 + 14]) {
      readFull(reader, more);
      expect(reader.buffer).toHaveLength(65_536);
    }
    readFull(reader, 1);
    expect(reader.buffer).toHaveLength(131_072);
    reader.close();
  });

  test("no more than 128 sockets have one of their own at a time", () => {
    const all = Array.from({ length: 129 }, () => new Reader());
    const shared = all.map((reader) => {
      const { buffer } = reader;
      reader.read(large, 1);
      return reader.buffer === buffer;
    });
    expect(shared.indexOf(true)).toBe(128);

    for (const reader of all) reader.close();
    const next = new Reader();
    const { buffer } = next;
    next.read(large, 1);
    expect(next.buffer).not.toBe(buffer);
    next.close();
  });

  test("what stands in a buffer that is none of ours is copied", () => {
    const reader = new Reader();
    for (const size of [10, large, large, 10]) {
      const others = Buffer.alloc(size, 7);
      const given = reader.take(size, others);
      others.fill(8);
      expect(given.equals(Buffer.alloc(size, 7))).toBe(true);
    }
    reader.close();
  });

  test("nobody else is given the one that a socket has for itself", () => {
    const reader = new Reader();
    reader.read(large, 1);
    const own = reader.buffer;
    expect(nextBuffer()).not.toBe(own);
    expect(new Reader().buffer).not.toBe(own);
    reader.close();
  });

  test("they have room for whole packets only", () => {
    const reader = new Reader(1000);
    expect(reader.buffer).toHaveLength(65_000);
    reader.read(65_000, 1);
    expect(reader.buffer).toHaveLength(65_000);
    for (let count = 0; count < 17; count++) reader.read(65_000, 1);
    expect(reader.buffer).toHaveLength(130_000);
    reader.read(10, 1);
    expect(reader.buffer).toHaveLength(65_000);
    reader.close();
    expect(new Reader(100_000).buffer).toHaveLength(65_536);
  });
});
