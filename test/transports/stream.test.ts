import { createHash, randomBytes } from "node:crypto";
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { err, getstat, receive, receiveNextPacketAsMessage, send, sendBuilder, shutdownWrite, unwrap } from "tankard";
import { asks, readToEnd } from "../support/asking.ts";
import { places } from "../support/places.ts";
import { inMailbox, soonMs, unasked } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

jest.setTimeout(60_000); // hundreds of megabytes in all

const mebibyte = 1024 * 1024;
/** What Node may read at once, when there is room for a byte. */
const oneRead = 65_536;

/** Sizes in which a long stream is written, over and over. The last one lets it get on. */
const writes = fc
  .array(fc.record({ byteSize: fc.integer({ min: 0, max: 100_000 }), waits: fc.boolean() }), { maxLength: 12 })
  .map((sizes) => [...sizes, { byteSize: 300_000, waits: true }]);

describe.each(places)("a socket that $name", (place) => {
  test("carries 8 MiB in each direction at once, in order and whole, however they are written and asked for", async () => {
    const incoming = randomBytes(8 * mebibyte);
    const outgoing = randomBytes(8 * mebibyte);
    await fc.assert(
      fc.asyncProperty(writes, writes, asks, async (theirs, ours, asked) => {
        await using client = await place.open({ exitOnClose: false });
        const { socket, peer } = client;
        const [received, atPeer] = await Promise.all([
          readToEnd(client, asked, incoming.length),
          peer.readToEnd(),
          write(incoming, theirs, (data) => peer.send(data)).then(() => peer.halfClose()),
          write(outgoing, ours, async (data, index) => {
            const half = data.length >> 1;
            const tree = [data.subarray(0, half), [data.subarray(half)]];
            unwrap(await (index % 2 === 0 ? send(socket, data) : sendBuilder(socket, tree)));
          }).then(async () => unwrap(await shutdownWrite(socket))),
        ]);
        expect(hash(received)).toBe(hash(incoming));
        expect([hash(atPeer.data), atPeer.how]).toEqual([hash(outgoing), "Fin"]);
        expect(await inMailbox(client.self)).toEqual(err("Timeout"));
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });

  test("stops a peer that sends 64 MiB to nobody, and all of it comes when somebody asks", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    await receive(socket, 0); // it reads from the first receive on
    const flood = peer.flood(64 * mebibyte);
    await flood.stalled();
    expect(flood.taken).toBeLessThan(24 * mebibyte);
    expect(unwrap(getstat(socket)).recvOct).toBeLessThanOrEqual(65_536 + 2 * oneRead);
    expect(await unasked(self)).toEqual(err("Timeout"));

    let left = 64 * mebibyte;
    while (left > 0) left -= unwrap(await receive(socket, soonMs)).length;
    await flood.stalled();
    expect([left, flood.taken]).toEqual([0, 64 * mebibyte]);
    expect(await receive(socket, 0)).toEqual(err("Timeout"));
  });

  test("reads no more than readAhead beyond the one packet that was asked for", async () => {
    await using client = await place.open({ readAhead: 10_000, buffer: 1_000 });
    receiveNextPacketAsMessage(client.socket);
    const flood = client.peer.flood(64 * mebibyte);
    await flood.stalled();
    const { recvOct } = unwrap(getstat(client.socket));
    expect(recvOct).toBeGreaterThanOrEqual(10_000);
    expect(recvOct).toBeLessThanOrEqual(1_000 + 10_000 + 2 * oneRead);
    expect((await inMailbox(client.self)).ok).toBe(true);
    expect(await inMailbox(client.self)).toEqual(err("Timeout"));
    client.peer.reset();
  });
});

/** Writes all of `data` in pieces of these sizes, with or without waiting for each. */
async function write(
  data: Buffer,
  sizes: readonly { readonly byteSize: number; readonly waits: boolean }[],
  send: (piece: Buffer, index: number) => Promise<void>,
): Promise<void> {
  const sending: Promise<void>[] = [];
  for (let start = 0, index = 0; start < data.length; index++) {
    const { byteSize, waits } = sizes[index % sizes.length] ?? { byteSize: 1, waits: true };
    const sent = send(data.subarray(start, start + byteSize), index);
    sending.push(sent);
    if (waits) await sent;
    else if (index % 3 === 0) await turns(1);
    start += byteSize;
  }
  await Promise.all(sending);
}

function hash(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
