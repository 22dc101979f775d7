import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import {
  close,
  err,
  lastError,
  ok,
  type PacketType,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  setActive,
  setopts,
  unwrap,
} from "tankard";
import { lengthPrefix, newFraming } from "tankard/framing";
import type { FarEnd } from "../support/peer.ts";
import { places } from "../support/places.ts";
import {
  bytes,
  type Connected,
  inMailbox,
  nextMessage,
  packet,
  pattern,
  readAhead,
  socketClosed,
  soonMs,
  tcpError,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

jest.setTimeout(30_000); // hundreds of connections

/** A body between two marks, and before the first of them how long it is: as a framing of one's own. */
const marked = newFraming({
  start: { end: 0, seen: 0 },
  read({ end, seen }, bytes) {
    const whole = seen === 0 ? (bytes[0] ?? 0) + 3 : end;
    const missing = whole - seen - bytes.length;
    if (missing > 0) return { type: "More", state: { end: whole, seen: seen + bytes.length }, head: 2 };
    return { type: "Frame", end: whole - seen, head: 2, tail: 1 };
  },
  encode: (body) => {
    const all = Buffer.concat(body);
    return all.length > 255 ? undefined : [Buffer.of(all.length), Buffer.from("<"), all, Buffer.from(">")];
  },
});

/** Kinds of packets, and what one looks like on the way. */
const kinds: readonly (readonly [string, PacketType, (body: Buffer) => Buffer])[] = [
  ["line", "line", (body) => Buffer.concat([body, Buffer.from("\n")])],
  ["4", 4, (body) => Buffer.concat(lengthPrefix(4).encode?.([body]) ?? [])],
  ["of one's own", marked, (body) => Buffer.concat(marked.encode?.([body]) ?? [])],
];

/** Without the ends of lines. */
const body = fc.uint8Array({ maxLength: 200 }).map((values) => Buffer.from(values.map((value) => 32 + (value % 64))));
/** How many bytes are sent at once, over and over. */
const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 });

describe.each(places)("the packets of a socket that $name", (place) => {
  test.each(kinds)("are the peer's frames, however they are cut and asked for: packet %s", async (_, kind, encode) => {
    await fc.assert(
      fc.asyncProperty(fc.array(body, { maxLength: 12 }), cuts, async (bodies, sizes) => {
        await using client = await place.open({ packet: kind });
        const sending = sendCut(client.peer, Buffer.concat(bodies.map(encode)), sizes);
        const frames: Buffer[] = [];
        for (let index = 0; index < bodies.length; index++) frames.push(await takeFrame(client, index));
        expect(frames).toEqual(bodies);
        await sending;
        await client.peer.halfClose();
        expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      }),
      { numRuns: 10 },
    );
  });

  test.each(kinds.slice(1))("are frames to the peer: packet %s", async (_, kind, encode) => {
    await fc.assert(
      fc.asyncProperty(fc.array(body, { maxLength: 12 }), async (bodies) => {
        await using client = await place.open({ packet: kind });
        for (const one of bodies) unwrap(await send(client.socket, one));
        await close(client.socket);
        expect(await client.peer.readToEnd()).toEqual({ data: Buffer.concat(bodies.map(encode)), how: "Fin" });
      }),
      { numRuns: 5 },
    );
  });

  test("are counted by setActive, and there is no receiveExact of them", async () => {
    await using client = await place.open({ packet: "line" });
    const { self, socket } = client;
    await readAhead(client, "one\r\ntwo\nthree\nfo");
    expect(await receiveExact(socket, 2, soonMs)).toEqual(err("Einval"));
    setActive(socket, 2);
    expect(await inMailbox(self)).toEqual(packet(socket, "one"));
    expect(await inMailbox(self)).toEqual(packet(socket, "two"));
    expect(await receive(socket, 0)).toEqual(bytes("three"));
    expect(await receive(socket, 0)).toEqual(err("Timeout"));
  });

  test("may be larger than what is read ahead, and come whole", async () => {
    await using client = await place.open({ packet: 4, readAhead: 1_000 });
    const large = pattern(500_000);
    const sending = client.peer.send(Buffer.concat(lengthPrefix(4).encode?.([large]) ?? []));
    receiveNextPacketAsMessage(client.socket);
    const message = unwrap(await nextMessage(client.self));
    expect(message.type === "Packet" && message.data.equals(large)).toBe(true);
    await sending;
  });

  test("that are too large end the connection by Emsgsize, behind those before them", async () => {
    await using client = await place.open({ packet: "line", packetSize: 5 });
    const { self, socket, peer } = client;
    await readAhead(client, "short\nmuch too long\n");
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "short"));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(tcpError(socket, "Emsgsize"));
    expect(await inMailbox(self)).toEqual(socketClosed(socket));
    expect(lastError(socket)?.reason).toBe("Emsgsize");
    expect((await peer.readToEnd()).how).toMatch(place.howCut);
  });

  test("that the end cuts off are Ebadmsg, and the end follows", async () => {
    await using client = await place.open({ packet: 4 });
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send(Buffer.from([0, 0, 0, 5, 65]));
    await peer.halfClose();
    expect(await nextMessage(self)).toEqual(tcpError(socket, "Ebadmsg"));
    expect(await inMailbox(self)).toEqual(socketClosed(socket));
    expect(await unasked(self)).toEqual(err("Timeout"));
  });

  test("are cut anew by setopts in mid-stream: a header in lines, a body of so many bytes, then frames", async () => {
    await using client = await place.open({ packet: "line" });
    const { self, socket, peer } = client;
    await readAhead(client, "POST /\r\n\r\nhe\nlo\x03one\x03tw");
    expect(await receive(socket, soonMs)).toEqual(bytes("POST /"));
    expect(await receive(socket, soonMs)).toEqual(bytes(""));
    expect(setopts(socket, { packet: "raw" })).toEqual(ok());
    expect(await receiveExact(socket, 5, soonMs)).toEqual(bytes("he\nlo"));
    setopts(socket, { packet: 1 });
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "one"));
    receiveNextPacketAsMessage(socket);
    expect(await unasked(self)).toEqual(err("Timeout"));
    setopts(socket, { packet: "raw" });
    expect(await inMailbox(self)).toEqual(packet(socket, "\x03tw"));
    await peer.send("o");
    expect(await receive(socket, soonMs)).toEqual(bytes("o"));
  });
});

async function sendCut(peer: FarEnd, data: Buffer, sizes: readonly number[]): Promise<void> {
  for (let start = 0, index = 0; start < data.length; index++) {
    const end = start + (sizes[index % sizes.length] ?? 1);
    await peer.send(data.subarray(start, end));
    if (index % 2 === 0) await turns(1);
    start = end;
  }
}

/** The next frame, asked for in one way or the other. */
async function takeFrame({ self, socket }: Pick<Connected, "self" | "socket">, index: number): Promise<Buffer> {
  if (index % 3 === 0) return unwrap(await receive(socket, soonMs));
  if (index % 3 === 1) receiveNextPacketAsMessage(socket);
  else setActive(socket, 1);
  const message = unwrap(await nextMessage(self));
  if (message.type !== "Packet") throw new Error(`A packet was to come, and not ${message.type}`);
  return message.data;
}
