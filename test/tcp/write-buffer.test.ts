import { describe, expect, test } from "@jest/globals";
import { abort, close, connect, getstat, type Socket, send, sendBuilder, shutdown, unwrap } from "tankard";
import { giveBack, takeWriteBuffer, type WriteBuffer } from "../../src/tcp/write-buffer.ts";
import { randomNumbers } from "../support/cutting.ts";
import { type Peer, peerServer, type PeerServer, until } from "../support/peer.ts";
import { pattern } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

/** So many sockets at a time gather what they send. */
const most = 64;

/** All that nobody has. */
function takeAll(): WriteBuffer[] {
  const taken: WriteBuffer[] = [];
  for (let next = takeWriteBuffer(); next !== undefined; next = takeWriteBuffer()) taken.push(next);
  return taken;
}

/** How many of them nobody has. */
function left(): number {
  const taken = takeAll();
  for (const one of taken) giveBack(one);
  return taken.length;
}

describe("a write buffer", () => {
  test("holds small pieces in order, up to 64 KiB, and no large one", () => {
    const buffer = takeWriteBuffer() as WriteBuffer;
    expect(buffer.add(pattern(4097))).toBe(false);
    const pieces = Array.from({ length: 16 }, (_, index) => pattern(4096, index));
    for (const piece of pieces) expect(buffer.add(piece)).toBe(true);
    expect(buffer.size).toBe(65_536);
    expect(buffer.add(Buffer.of(1))).toBe(false);
    expect(buffer.leave().equals(Buffer.concat(pieces))).toBe(true);
    expect(buffer.size).toBe(0);
    expect(buffer.add(Buffer.of(1))).toBe(false); // until it is given back
    giveBack(buffer);
    expect(left()).toBe(most);
  });
});

interface Connection {
  readonly socket: Socket;
  readonly peer: Peer;
}

async function connectionsTo(server: PeerServer, count: number): Promise<Connection[]> {
  const made: Connection[] = [];
  while (made.length < count) {
    const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
    made.push({ socket, peer: await server.accept() });
  }
  return made;
}

/** Sends small pieces until the kernel takes no more of them; gives how many bytes. */
async function sendUntilStuck({ socket }: Connection): Promise<number> {
  const burst = Array.from({ length: 10 }, () => pattern(4000));
  for (let count = 1; count < 10_000; count++) {
    for (const piece of burst) void send(socket, piece);
    await turns();
    if (unwrap(getstat(socket)).sendPend > 0) return count * 40_000;
  }
  throw new Error("The kernel takes everything");
}

describe("small sends of a turn", () => {
  test("arrive as they are beside large ones and those of others, whether peers read or not", async () => {
    await using server = await peerServer();
    const random = randomNumbers(20_261_130);
    const connections = await connectionsTo(server, 8);
    const sent: Buffer[][] = connections.map(() => []);
    const sending: Promise<unknown>[] = [];
    const received = connections.map(({ peer }, index) => (index % 2 === 0 ? peer.readToEnd() : undefined));
    const sizes = [0, 1, 64, 1024, 4096, 4097, 70_000];

    for (let turn = 0; turn < 150; turn++) {
      for (let count = random(40); count > 0; count--) {
        const index = random(connections.length);
        const { socket } = connections[index] as Connection;
        const pieces = Array.from({ length: 1 + random(3) }, () =>
          pattern(sizes[random(sizes.length)] ?? 0, random(251)),
        );
        sent[index]?.push(...pieces);
        sending.push(pieces.length === 1 ? send(socket, pieces[0] as Buffer) : sendBuilder(socket, pieces));
      }
      if (random(3) > 0) await turns(1);
    }
    const closing = connections.map(({ socket }, index) => (index % 3 === 0 ? close(socket) : shutdown(socket)));

    for (const [index, { peer }] of connections.entries()) {
      const { data, how } = await (received[index] ?? peer.readToEnd());
      expect(how).toBe("Fin");
      expect(data.equals(Buffer.concat(sent[index] ?? []))).toBe(true);
      peer.close();
    }
    await Promise.all([...closing, ...sending]);
    for (const { socket } of connections) await close(socket);
    expect(left()).toBe(most);
  }, 20_000);

  test("are pending until the turn is over, and are counted as sent", async () => {
    await using server = await peerServer();
    const [{ socket }] = (await connectionsTo(server, 1)) as [Connection];
    for (const text of ["one", "two", "three"]) void send(socket, text);
    expect(unwrap(getstat(socket))).toMatchObject({ sendPend: 8, sendOct: 11, sendCnt: 3 });
    await turns();
    expect(unwrap(getstat(socket))).toMatchObject({ sendPend: 0, sendOct: 11, sendCnt: 3 });
    await close(socket);
  });

  test("that wait for their peer keep what others gather untouched, and it is free again whatever becomes of them", async () => {
    await using server = await peerServer();
    const stuck = await connectionsTo(server, 4);
    const sizes = await Promise.all(stuck.map(sendUntilStuck));
    expect(left()).toBe(most - stuck.length);

    const others = await connectionsTo(server, most + 10);
    const textsOf = (index: number): string[] => [`of ${String(index)}: `, "a, ", "b, ", "c"];
    for (const [index, { socket }] of others.entries()) for (const text of textsOf(index)) void send(socket, text);
    for (const [index, { socket, peer }] of others.entries()) {
      const expected = textsOf(index).join("");
      expect((await peer.receive(expected.length)).toString()).toBe(expected);
      await close(socket);
    }

    const [read, aborted, reset, cut] = stuck as [Connection, Connection, Connection, Connection];
    const received = await read.peer.receive(sizes[0] ?? 0);
    for (let start = 0; start < received.length; start += 4000) {
      expect(received.subarray(start, start + 4000).equals(pattern(4000))).toBe(true);
    }
    abort(aborted.socket);
    reset.peer.reset();
    cut.peer.close();
    await until(() => left() === most, "They are not free again");
    for (const { socket } of stuck) await close(socket);
  });
});
