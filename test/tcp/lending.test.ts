import { once } from "node:events";
import net from "node:net";
import type { Duplex } from "node:stream";
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import {
  abort,
  close,
  connect,
  fromNodeSocket,
  type OwnedSocket,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  relay,
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
          true,
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

test("what is sent to a socket of somebody else's is kept, as that may keep it", async () => {
  const chunks: Buffer[] = [];
  class Keeper extends net.Socket {
    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
      chunks.push(chunk);
      done();
    }
    override _writev(all: { chunk: Buffer }[], done: () => void): void {
      for (const { chunk } of all) chunks.push(chunk);
      done();
    }
  }
  await using source = await peerServer();
  await using target = await peerServer();
  const raw = new Keeper();
  await once(raw.connect(target.port, "127.0.0.1"), "connect");
  const to = fromNodeSocket(raw);
  const owner = ownerFromCallback((message) => {
    if (message.type !== "Packet") return;
    void send(to, message.data);
    receiveNextPacketAsMessage(message.socket);
  });
  const from = unwrap(await connect({ host: "127.0.0.1", port: source.port, ...lent, owner }));
  receiveNextPacketAsMessage(from);
  await sendAll(await source.accept(), [4 * mebibyte]);
  await until(() => sizeOf(chunks) === 4 * mebibyte, "Not all is received");
  expect(Buffer.concat(chunks).equals(pattern(4 * mebibyte))).toBe(true);
  owner.exit();
  abort(to);
});

test("a packet that a receive has got stands while the owner, who had asked before it came, gets the next", async () => {
  await using client = await connectedToPeer(lent);
  for (let round = 0; round < 10; round++) {
    const receiving = receive(client.socket, 1_000);
    receiveNextPacketAsMessage(client.socket);
    client.peer.raw.write(Buffer.alloc(60_000, 2 * round));
    const data = unwrap(await receiving);
    const copy = Buffer.from(data);
    client.peer.raw.write(Buffer.alloc(60_000, 2 * round + 1));
    unwrap(await nextMessage(client.self));
    await turns(2);
    expect(data.equals(copy)).toBe(true);
    for (let rest = await receive(client.socket, 0); rest.ok;) rest = await receive(client.socket, 0); // was it cut
  }
});

test("packets that are counted from the middle of a read on stand together", async () => {
  await using source = await peerServer();
  const right: boolean[] = [];
  let start = 0;
  let kept: Buffer[] = [];
  const over = new Promise<void>((resolve) => {
    const owner = ownerFromCallback(
      (message) => {
        if (message.type !== "Packet") {
          resolve();
          return;
        }
        kept.push(message.data);
        if (kept.length === 1) unwrap(setActive(message.socket, 6));
      },
      undefined,
      ({ socket }) => {
        const all = Buffer.concat(kept);
        right.push(all.equals(pattern(all.length, start)));
        start += all.length;
        kept = [];
        receiveNextPacketAsMessage(socket);
      },
    );
    void connect({ host: "127.0.0.1", port: source.port, buffer: 30_000, ...lent, owner }).then((from) => {
      receiveNextPacketAsMessage(unwrap(from));
    });
  });
  const from = await source.accept();
  await sendAll(from, Array<number>(8).fill(mebibyte));
  await from.halfClose();
  await over;
  expect(right).toEqual(right.map(() => true));
  expect(right.length).toBeGreaterThan(20);
});

test("what came before a relay is the receiver's, also where a relay begins as it comes", async () => {
  for (let round = 0; round < 5; round++) {
    await using source = await peerServer();
    await using target = await peerServer();
    const to = unwrap(await connect({ host: "127.0.0.1", port: target.port }));
    const kept: { data: Buffer; copy: Buffer }[] = [];
    const relayed = new Promise((resolve) => {
      const owner = ownerFromCallback((message) => {
        if (message.type !== "Packet") return;
        kept.push({ data: message.data, copy: Buffer.from(message.data) });
        if (kept.length < 5) receiveNextPacketAsMessage(message.socket);
        else resolve(relay(message.socket, to));
      });
      void connect({ host: "127.0.0.1", port: source.port, owner }).then((from) => {
        receiveNextPacketAsMessage(unwrap(from));
      });
    });
    const [from, reader] = [await source.accept(), await target.accept()];
    const reading = reader.readToEnd();
    await sendAll(from, [4 * mebibyte]);
    await Promise.all([from.halfClose(), reading, reader.halfClose()]);
    await relayed;
    for (const { data, copy } of kept) expect(data.equals(copy)).toBe(true);
  }
});

test("a socket that becomes a stream of Node's as a packet comes is lent no more", async () => {
  await using source = await peerServer();
  const streaming = new Promise<Duplex>((resolve) => {
    let large = 0;
    const owner = ownerFromCallback((message) => {
      if (message.type !== "Packet") return;
      if (message.data.length > 32_768 && ++large === 5) resolve(toDuplex(message.socket));
      else receiveNextPacketAsMessage(message.socket);
    });
    void connect({ host: "127.0.0.1", port: source.port, buffer: 40_000, ...lent, owner }).then((from) => {
      receiveNextPacketAsMessage(unwrap(from));
    });
  });
  const from = await source.accept();
  const sending = sendAll(from, [4 * mebibyte]);
  const stream = await streaming;
  const kept: { data: Buffer; copy: Buffer }[] = [];
  stream.on("data", (data: Buffer) => {
    kept.push({ data, copy: Buffer.from(data) });
  });
  await sending;
  await from.halfClose();
  await once(stream, "end");
  for (const { data, copy } of kept) expect(data.equals(copy)).toBe(true);
  stream.destroy();
});

test("a stream of Node's is lent nothing, as its readers keep what they get", async () => {
  await using client = await connectedToPeer(lent);
  const sending = sendAll(client.peer, [4 * mebibyte]);
  const kept: Buffer[] = [];
  for await (const data of toDuplex(client.socket)) {
    kept.push(data as Buffer);
    if (sizeOf(kept) === 4 * mebibyte) break;
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

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
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
