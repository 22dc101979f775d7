import { describe, expect, test } from "@jest/globals";
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
    this.#own = ownAfter(this.#own, size, buffer, isReading);
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

  test("a first large read is copied and those behind it are given away as they are, until two small ones", () => {
    const reader = new Reader();
    const shared = reader.buffer;

    expect(reader.read(large, 1).buffer).not.toBe(shared.buffer);
    const own = reader.buffer;
    expect(own).not.toBe(shared);
    expect(reader.read(large, 2).buffer).toBe(own.buffer);
    expect(reader.buffer.buffer).not.toBe(own.buffer);

    const second = reader.buffer;
    for (let turn = 0; turn < 2; turn++) {
      expect(reader.read(10, 3).buffer).not.toBe(second.buffer);
      expect(reader.buffer).toBe(turn === 0 ? second : shared);
    }
    reader.close();
  });

  test("a small read after each large one lets a stream keep its own", () => {
    const reader = new Reader();
    const shared = reader.buffer;
    for (let turn = 0; turn < 10; turn++) {
      reader.read(large, turn);
      const own = reader.buffer;
      expect(own).not.toBe(shared);
      reader.read(10, turn);
      expect(reader.buffer).toBe(own);
    }
    reader.close();
  });

  test("one is twice as large for a stream that has filled 64 in a row, until it stops or does not fill one", () => {
    for (const stop of [
      (reader: Reader) => reader.read(131_072, 2, false),
      (reader: Reader) => reader.read(large, 2),
    ]) {
      const reader = new Reader();
      reader.read(65_536, 1); // copied
      for (let count = 1; count < 64; count++) reader.read(65_536, 1);
      expect(reader.buffer).toHaveLength(65_536);
      expect(reader.read(65_536, 1)).toHaveLength(65_536);
      expect(reader.buffer).toHaveLength(131_072);
      const kept = reader.read(131_072, 3);
      reader.read(70_000, 4); // it fills a single one
      expect(reader.buffer).toHaveLength(131_072);
      stop(reader);
      expect(reader.buffer).toHaveLength(65_536);
      expect(kept.equals(Buffer.alloc(131_072, 3))).toBe(true);
      reader.close();
    }
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
    for (let count = 0; count < 65; count++) reader.read(65_000, 1);
    expect(reader.buffer).toHaveLength(130_000);
    for (let count = 0; count < 2; count++) reader.read(10, 1);
    expect(reader.buffer).toHaveLength(65_000);
    reader.close();
    expect(new Reader(100_000).buffer).toHaveLength(65_536);
  });
});
