import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import {
  close,
  connect,
  type OwnedSocket,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  type Self,
  send,
  selectTcpPassive,
  setActive,
  spawn,
  tcpMessages,
  toDuplex,
  unwrap,
} from "tankard";
import { type Peer, peerServer, until } from "../support/peer.ts";
import { connectedToPeer, hasRead, nextMessage, pattern, soonMs } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

// What a user relies on who lets packets be lent: each is right until he asks for more, however much comes meanwhile.

jest.setTimeout(60_000); // streams of many megabytes

const lent = { reuseBuffers: true } as const;
const mebibyte = 1_048_576;
const withPassive = selectTcpPassive(tcpMessages, (message) => message);

type Take = (data: Buffer) => void;
/** Receives from `port` and asks for more when `take` has returned. Ends with the stream. */
type Receiving = (port: number, take: Take, options: { readonly reuseBuffers: boolean }) => Promise<void>;

const receivings: Record<string, Receiving> = {
  "a callback": async (port, take, options) => {
    await new Promise<void>((resolve, reject) => {
      const owner = ownerFromCallback((message) => {
        if (message.type === "Packet") {
          take(message.data);
          receiveNextPacketAsMessage(message.socket);
        } else if (message.type === "SocketClosed") resolve();
      });
      connect({ host: "127.0.0.1", port, ...options, owner }).then((connected) => {
        receiveNextPacketAsMessage(unwrap(connected));
      }, reject);
    });
  },

  "a process": async (port, take, options) => {
    await spawn(async (self) => {
      const socket = unwrap(await connect({ host: "127.0.0.1", port, ...options, owner: self }));
      for (;;) {
        receiveNextPacketAsMessage(socket);
        const message = await self.receiveForever(tcpMessages);
        if (message.type !== "Packet") return;
        take(message.data);
      }
    }).result;
  },

  receive: async (port, take, options) => {
    const socket = unwrap(await connect({ host: "127.0.0.1", port, ...options }));
    for (;;) {
      const data = await receive(socket, 5_000);
      if (!data.ok) return;
      take(data.value);
    }
  },
};

describe.each(Object.entries(receivings))("packets lent to %s", (_, receiving) => {
  test("are the stream, whatever its sizes are", async () => {
    const sizes = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 30_000, max: 400_000 }), fc.constant(2_000_000)),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(sizes, async (sent) => {
        const received: Buffer[] = [];
        await receiveFrom(
          receiving,
          (peer) => sendAll(peer, sent),
          lent.reuseBuffers,
          (data) => {
            received.push(Buffer.from(data));
          },
        );
        const byteSize = sent.reduce((sum, size) => sum + size, 0);
        expect(Buffer.concat(received).equals(pattern(byteSize))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("are in the same few buffers", async () => {
    const { packets, buffers } = await buffersOf(receiving, true);
    expect(buffers).toBeLessThan(packets / 4); // not in one alone, as a pause of the sender's ends that
  });

  test("are in buffers of their own without reuseBuffers", async () => {
    const { packets, buffers } = await buffersOf(receiving, false);
    expect(buffers).toBeGreaterThan(packets / 4); // two or more of them in one that was read into at once
  });
});

test("a packet stands while more is read ahead of what is asked for", async () => {
  await using client = await connectedToPeer({ ...lent, readAhead: mebibyte });
  const sending = sendAll(client.peer, [mebibyte]);
  let taken = 0;
  for (const more of [100_000, 200_000, 300_000, 0]) {
    const data = await nextPacket(client);
    await hasRead(client.socket, Math.min(mebibyte, taken + data.length + more));
    await turns(3);
    expect(data.equals(pattern(data.length, taken))).toBe(true);
    taken += data.length;
  }
  await sending;
});

test("the packets that setActive has counted stand together", async () => {
  await using client = await connectedToPeer(lent);
  const sending = sendAll(client.peer, Array<number>(16).fill(mebibyte));
  for (let start = 0, counts = 0; counts < 20; counts++) {
    unwrap(setActive(client.socket, 5));
    const counted: Buffer[] = [];
    for (;;) {
      const message = unwrap(await client.self.receive(withPassive, soonMs));
      if (message.type !== "Packet") break;
      counted.push(message.data);
    }
    await turns(2);
    const all = Buffer.concat(counted);
    expect(all.equals(pattern(all.length, start))).toBe(true);
    start += all.length;
  }
  client.process.kill();
  await sending.catch(() => undefined);
});

test("what is sent on leaves as it was, also where that takes longer than the next packet", async () => {
  const byteSize = 8 * mebibyte;
  await using source = await peerServer();
  await using target = await peerServer();
  const to = unwrap(await connect({ host: "127.0.0.1", port: target.port, sendQueueLimit: byteSize }));
  let passed = 0;
  const owner = ownerFromCallback((message) => {
    if (message.type !== "Packet") return;
    void send(to, message.data);
    passed += message.data.length;
    receiveNextPacketAsMessage(message.socket);
  });
  const from = unwrap(await connect({ host: "127.0.0.1", port: source.port, ...lent, owner }));
  receiveNextPacketAsMessage(from);
  await sendAll(await source.accept(), [byteSize]);
  await until(() => passed === byteSize, "Not all is received");
  // Only now somebody reads: the kernel had room for a part.
  const read = await (await target.accept()).receive(byteSize);
  expect(read.equals(pattern(byteSize))).toBe(true);
  owner.exit();
  await close(to);
});

test("a stream of Node's is lent nothing, as its readers keep what they get", async () => {
  await using client = await connectedToPeer(lent);
  const sending = sendAll(client.peer, [4 * mebibyte]);
  const kept: Buffer[] = [];
  for await (const data of toDuplex(client.socket)) {
    kept.push(data as Buffer);
    if (kept.reduce((sum, { length }) => sum + length, 0) === 4 * mebibyte) break;
  }
  expect(Buffer.concat(kept).equals(pattern(4 * mebibyte))).toBe(true);
  await sending.catch(() => undefined);
});

/** How many large packets come, and in how many buffers. */
async function buffersOf(receiving: Receiving, reuseBuffers: boolean): Promise<{ packets: number; buffers: number }> {
  const buffers = new Set<ArrayBufferLike>();
  let packets = 0;
  const serve = (peer: Peer): Promise<void> => sendAll(peer, Array<number>(64).fill(mebibyte));
  await receiveFrom(receiving, serve, reuseBuffers, ({ buffer, length }) => {
    if (length <= 32_768) return; // copied, as ever
    packets++;
    buffers.add(buffer);
  });
  return { packets, buffers: buffers.size };
}

async function nextPacket({ self, socket }: { self: Self; socket: OwnedSocket }): Promise<Buffer> {
  receiveNextPacketAsMessage(socket);
  const message = unwrap(await nextMessage(self));
  if (message.type !== "Packet") throw new Error(`No packet, but ${message.type}`);
  return message.data;
}

async function receiveFrom(
  receiving: Receiving,
  serve: (peer: Peer) => Promise<void>,
  reuseBuffers: boolean,
  take: Take,
): Promise<void> {
  await using server = await peerServer();
  const received = receiving(server.port, take, { reuseBuffers });
  const peer = await server.accept();
  await serve(peer);
  await peer.halfClose();
  await received;
}

/** The pattern, in pieces of these sizes, each when the one before has left. */
async function sendAll({ raw }: Peer, sizes: readonly number[]): Promise<void> {
  let start = 0;
  for (const size of sizes) {
    await new Promise<void>((resolve, reject) => {
      raw.write(pattern(size, start), (error) => (error ? reject(error) : resolve()));
    });
    start += size;
  }
}
