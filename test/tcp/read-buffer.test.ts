import { describe, expect, test } from "@jest/globals";
import { ReadBuffer } from "../../src/tcp/read-buffer.ts";

const large = 40_000;

/** What the socket gets when Node has read so many bytes of this value. */
function read(reads: ReadBuffer, size: number, value: number): Buffer {
  const buffer = reads.next;
  buffer.fill(value, 0, size);
  return reads.take(size, buffer);
}

describe("ReadBuffer", () => {
  test.each([1, 1024, 1025, large, 65_536])("gives the %d bytes that were read, to keep", (size) => {
    const [one, other] = [new ReadBuffer(65_536), new ReadBuffer(65_536)];
    const kept = Array.from({ length: 6 }, (_, turn) => [read(one, size, turn), read(other, size, 100 + turn)]);
    read(one, 10, 200);
    read(other, 10, 200);
    for (const [turn, [mine, others]] of kept.entries()) {
      expect(mine?.equals(Buffer.alloc(size, turn))).toBe(true);
      expect(others?.equals(Buffer.alloc(size, 100 + turn))).toBe(true);
    }
  });

  test("copies a first large read and gives those behind it away as they are, until a small one", () => {
    const reads = new ReadBuffer(65_536);
    const shared = reads.next;

    expect(read(reads, large, 1).buffer).not.toBe(shared.buffer);
    const own = reads.next;
    expect(own).not.toBe(shared);
    expect(read(reads, large, 2).buffer).toBe(own.buffer);
    expect(reads.next.buffer).not.toBe(own.buffer);

    const second = reads.next;
    expect(read(reads, 10, 3).buffer).not.toBe(second.buffer);
    expect(reads.next).toBe(shared);
  });

  test("gives no more than 128 sockets one of their own at a time", () => {
    const all = Array.from({ length: 129 }, () => new ReadBuffer(65_536));
    const shared = all.map((reads) => {
      const { buffer } = reads.next;
      read(reads, large, 1);
      return reads.next.buffer === buffer;
    });
    expect(shared.indexOf(true)).toBe(128);

    for (const reads of all) reads.release();
    const next = new ReadBuffer(65_536);
    const { buffer } = next.next;
    read(next, large, 1);
    expect(next.next.buffer).not.toBe(buffer);
    next.release();
  });

  test("copies what stands in a buffer that is none of its own", () => {
    const reads = new ReadBuffer(65_536);
    for (const size of [10, large, large, 10]) {
      const others = Buffer.alloc(size, 7);
      const given = reads.take(size, others);
      others.fill(8);
      expect(given.equals(Buffer.alloc(size, 7))).toBe(true);
    }
  });

  test("has room for whole packets only", () => {
    const reads = new ReadBuffer(1000);
    expect(reads.next).toHaveLength(65_000);
    read(reads, 65_000, 1);
    expect(reads.next).toHaveLength(65_000);
    expect(new ReadBuffer(100_000).next).toHaveLength(65_536);
  });
});
