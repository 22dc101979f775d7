import { describe, expect, test } from "@jest/globals";
import { close, type ConnectionOptions, err, getstat, receive, receiveNextPacketAsMessage, unwrap } from "tankard";
import {
  hasRead,
  inMailbox,
  nextMessage,
  open,
  pattern,
  socketKinds,
  soonMs,
  unasked,
} from "../support/test-process.ts";

const hundredMegabytes = 100_000_000;
/** What Node may read at once, when there is room for a byte. */
const oneRead = 65_536;

describe("ConnectionOptions", () => {
  describe.each(socketKinds)("readAhead, of a socket that was %s", (kind) => {
    test("bounds what a process that never asks reads of 100 MB: the peer's writes stall, memory stays flat", async () => {
      await using client = await open(kind);
      const before = process.memoryUsage();
      const flood = client.peer.flood(hundredMegabytes);
      await flood.stalled();
      expect(flood.taken).toBeLessThan(hundredMegabytes / 2);
      expect(unwrap(getstat(client.socket)).recvOct).toBeLessThanOrEqual(65_536 + oneRead);
      const after = process.memoryUsage();
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2_000_000);
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      client.peer.reset();
    });

    test.each([1, 10_000, 65_536, 500_000])(
      "of %d bytes bounds what is read beyond the one packet that was asked for",
      async (readAhead) => {
        await using client = await open(kind, { readAhead, buffer: 1_000 });
        receiveNextPacketAsMessage(client.socket);
        const flood = client.peer.flood(hundredMegabytes);
        await flood.stalled();
        const { recvOct } = unwrap(getstat(client.socket));
        expect(recvOct).toBeLessThanOrEqual(1_000 + readAhead + oneRead);
        expect(recvOct).toBeGreaterThanOrEqual(1_000 + readAhead);
        expect((await inMailbox(client.self)).ok).toBe(true);
        expect(await inMailbox(client.self)).toEqual(err("Timeout"));
        client.peer.reset();
      },
    );

    test("loses nothing of what has stalled: all of it comes, in order, to whoever goes on asking", async () => {
      await using client = await open(kind, { readAhead: 10_000, buffer: 7_000 });
      const data = pattern(20_000_000);
      const sending = new Promise<void>((resolve) => client.peer.raw.end(data, resolve));
      let position = unwrap(await receive(client.socket, soonMs)).length;
      await hasRead(client.socket, position + 10_000);
      expect(client.peer.raw.writableLength).toBeGreaterThan(0);

      let isRight = true;
      receiveNextPacketAsMessage(client.socket);
      for (;;) {
        const message = unwrap(await nextMessage(client.self));
        if (message.type !== "Packet") break;
        receiveNextPacketAsMessage(client.socket);
        isRight &&= message.data.equals(data.subarray(position, position + message.data.length));
        position += message.data.length;
      }
      expect([position, isRight]).toEqual([data.length, true]);
      await sending;
    });

    test("lets an idle socket hold no buffer: a thousand reads of small packets keep little", async () => {
      await using client = await open(kind);
      const packets: Buffer[] = [];
      for (let i = 0; i < 100; i++) {
        await client.peer.send("x");
        packets.push(unwrap(await receive(client.socket, soonMs)));
      }
      // A packet that is a piece of a large buffer would keep all of that.
      const kept = new Set(packets.map(({ buffer }) => buffer));
      const keptBytes = [...kept].reduce((sum, { byteLength }) => sum + byteLength, 0);
      expect(keptBytes).toBeLessThanOrEqual(2 * 65_536); // small Buffers share a pool, of 64 KiB on newer Nodes
    });
  });

  test("is the same for every owner of data: what one packet holds, nobody else writes into", async () => {
    const options: Pick<ConnectionOptions, "buffer"> = { buffer: 10 };
    await using one = await open("connected", options);
    await using two = await open("connected", options);
    await one.peer.send("1111111111");
    const first = unwrap(await receive(one.socket, soonMs));
    await two.peer.send("2222222222");
    const second = unwrap(await receive(two.socket, soonMs));
    await one.peer.send("3333333333");
    await receive(one.socket, soonMs);
    expect([first.toString(), second.toString()]).toEqual(["1111111111", "2222222222"]);
    await close(one.socket);
  });
});
