import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { close, err, send, sendBuilder, shutdown, unwrap } from "tankard";
import { asks, readToEnd } from "../support/asking.ts";
import { type Connected, inMailbox, open, pattern, type SocketKind, socketKinds } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

// What a user relies on, whatever he does: bytes in order, none lost, none twice, then the end, once.

jest.setTimeout(60_000); // hundreds of connections

/** Sizes of what is sent at once, with a turn of Node's loop behind it or not. */
const chunks = fc.array(
  fc.record({
    byteSize: fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ max: 200_000, min: 0 }),
    ),
    waits: fc.boolean(),
  }),
  { maxLength: 30 },
);

const readOptions = fc.record({
  buffer: fc.constantFrom(100, 1_460, 65_536, 1_000_000),
  readAhead: fc.constantFrom(1, 1_000, 65_536, 1_000_000),
  reuseBuffers: fc.boolean(),
});
const sendOptions = fc.record({ highWatermark: fc.constantFrom(1, 10_000, 65_536), lowWatermark: fc.constant(1) });

describe.each<SocketKind>([...socketKinds, "connected over a unix socket"])("a Socket that was %s", (kind) => {
  test("gives what the peer sends, then the end, to any mixture of receive, receiveExact and messages", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, asks, readOptions, async (sent, asked, options) => {
        await using client = await open(kind, options);
        const total = sent.reduce((sum, { byteSize }) => sum + byteSize, 0);
        const sending = sendFromPeer(client, sent);
        const received = await readToEnd(client, asked, total);
        await sending;
        expect(received.equals(pattern(total))).toBe(true);
        expect(await inMailbox(client.self)).toEqual(err("Timeout"));
      }),
      { numRuns: 60 },
    );
  });

  test("gives a beginning of what the peer sends, then the end, where the peer resets", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, asks, readOptions, async (sent, asked, options) => {
        await using client = await open(kind, options);
        for (const { byteSize } of sent) client.peer.raw.write(Buffer.alloc(byteSize, "x"));
        client.peer.reset();
        const patient = asked.filter(({ by }) => by !== "receiveExact"); // that one would lose what is short of it
        const received = await readToEnd(client, patient, 0);
        expect(received.equals(Buffer.alloc(received.length, "x"))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test("brings what is sent in any way to the peer, then the end, however our side ends", async () => {
    const ends = fc.constantFrom("close", "shutdown", "owner returns", "owner is killed");
    await fc.assert(
      fc.asyncProperty(chunks, ends, sendOptions, async (sent, end, options) => {
        await using client = await open(kind, options);
        const reading = client.peer.readToEnd();
        let total = 0;
        for (const [i, { byteSize, waits }] of sent.entries()) {
          const piece = pattern(byteSize, total);
          const half = byteSize >> 1;
          const sending =
            i % 3 === 0
              ? sendBuilder(client.socket, [piece.subarray(0, half), [piece.subarray(half)]])
              : send(client.socket, piece);
          if (waits) unwrap(await sending);
          total += byteSize;
        }
        if (end === "close") void close(client.socket);
        else if (end === "shutdown") unwrap(await shutdown(client.socket));
        else if (end === "owner returns") client.end();
        else client.process.kill();
        const { data, how } = await reading;
        expect([data.equals(pattern(total)), how]).toEqual([true, "Fin"]);
      }),
      { numRuns: 60 },
    );
  });
});

async function sendFromPeer({ peer }: Connected, sent: readonly { byteSize: number; waits: boolean }[]): Promise<void> {
  let start = 0;
  for (const { byteSize, waits } of sent) {
    peer.raw.write(pattern(byteSize, start));
    start += byteSize;
    if (waits) await turns(1);
  }
  await peer.halfClose();
}
