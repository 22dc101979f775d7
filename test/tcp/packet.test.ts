import { connect as connectRaw } from "node:net";
import { describe, expect, test } from "@jest/globals";
import {
  close,
  controllingProcess,
  err,
  fromNodeSocket,
  getstat,
  lastError,
  ok,
  type OwnedSocket,
  type PacketType,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  relay,
  selectTcpPassive,
  send,
  sendBuilder,
  setActive,
  setopts,
  shutdown,
  shutdownWrite,
  tcpMessages,
  toDuplex,
  unwrap,
} from "tankard";
import { lengthPrefix, line, netstring, resp } from "tankard/framing";
import { createSocketPair } from "tankard/testing";
import { echoServer, type FarEnd, until } from "../support/peer.ts";
import { linkInMemory } from "../support/places.ts";
import { serve } from "../support/served.ts";
import {
  bytes,
  type Connected,
  hasRead,
  inMailbox,
  nextMessage,
  open,
  openBy,
  packet,
  pattern,
  pending,
  socketClosed,
  soFar,
  soonMs,
  startProcess,
  tcpError,
  unasked,
} from "../support/test-process.ts";
import type { BothOptions } from "../support/transports.ts";
import { continueWith } from "tankard/otp";
import { withReply } from "tankard/server";

type Client = Connected<FarEnd>;

type Place = (options: BothOptions) => Promise<Client>;

const places: Readonly<Record<string, Place>> = {
  "was connected": (options) => open("connected", options),
  "was accepted": (options) => open("accepted", options),
  "is in memory": (options) => openBy(linkInMemory, options),
};

/** Sends what nobody has asked for, and waits until the socket has read it. */
async function comesUnasked({ socket, peer }: Client, data: string): Promise<void> {
  const before = unwrap(getstat(socket)).recvOct;
  await receive(socket, 0); // it reads from the first receive on
  await peer.send(data);
  await hasRead(socket, before + data.length);
}

/** How it says that it has failed: to who has asked, and then to nobody. */
async function fails({ self, socket }: Client, error: "Emsgsize" | "Eproto" | "Ebadmsg"): Promise<void> {
  expect(await nextMessage(self)).toEqual(tcpError(socket, error));
  expect(await inMailbox(self)).toEqual(socketClosed(socket));
  expect(lastError(socket)).toMatchObject({ reason: error, code: error.toUpperCase() });
  expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
  expect(await send(socket, "x")).toEqual(err("Closed"));
}

describe.each(Object.entries(places))("the option packet, of a socket that %s", (_, opened) => {
  test("makes a frame of a packet: one for each ask, however many have come", async () => {
    await using client = await opened({ packet: "line" });
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send("one\r\ntwo\nthr");
    expect(await nextMessage(self)).toEqual(packet(socket, "one"));
    expect(await unasked(self)).toEqual(err("Timeout"));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "two"));
    receiveNextPacketAsMessage(socket);
    expect(await unasked(self)).toEqual(err("Timeout"));
    await peer.send("ee\n");
    expect(await nextMessage(self)).toEqual(packet(socket, "three"));
  });

  test("lets setActive count frames, and say that they have come", async () => {
    await using client = await opened({ packet: 1 });
    const { self, socket } = client;
    await comesUnasked(client, "\x01a\x00\x02bb\x01c");
    setActive(socket, 3);
    for (const data of ["a", "", "bb"]) expect(await inMailbox(self)).toEqual(packet(socket, data));
    const passive = selectTcpPassive(tcpMessages, ({ type }) => type);
    expect(await self.receive(passive, soonMs)).toEqual(ok("TcpPassive"));
    expect(await receive(socket, soonMs)).toEqual(bytes("c"));
  });

  test("gives receive the next frame, and keeps what has come of one when its time is over", async () => {
    await using client = await opened({ packet: netstring() });
    const { socket, peer } = client;
    await comesUnasked(client, "3:one,0:,5:th");
    expect(await receive(socket, soonMs)).toEqual(bytes("one"));
    expect(await receive(socket, 0)).toEqual(bytes(""));
    expect(await receive(socket, 0)).toEqual(err("Timeout"));
    expect(await receive(socket, 10)).toEqual(err("Timeout"));
    const received = receive(socket, soonMs);
    expect(await receive(socket, 0)).toEqual(err("Ealready"));
    await peer.send("ree,");
    expect(await received).toEqual(bytes("three"));
  });

  test("has no receiveExact: Einval, and no byte is lost", async () => {
    await using client = await opened({ packet: "line" });
    await comesUnasked(client, "line\n");
    expect(await receiveExact(client.socket, 2, soonMs)).toEqual(err("Einval"));
    expect(await receiveExact(client.socket, 0, soonMs)).toEqual(bytes("line"));
  });

  test("writes a header before what is sent, and sends nothing of what it cannot say", async () => {
    await using client = await opened({ packet: 2 });
    const { socket, peer } = client;
    expect(await send(socket, "one")).toEqual(ok());
    expect(await send(socket, "")).toEqual(ok());
    expect(await send(socket, Buffer.alloc(65_536))).toEqual(err("Emsgsize"));
    expect(await sendBuilder(socket, ["t", ["w", Buffer.from("o")]])).toEqual(ok());
    unwrap(await shutdownWrite(socket));
    expect((await peer.readToEnd()).data.toString("latin1")).toBe("\0\x03one\0\0\0\x03two");
    expect(unwrap(getstat(socket)).sendCnt).toBe(3);
  });

  test("tells an end between two frames as a plain end", async () => {
    await using client = await opened({ packet: "line" });
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send("one\n");
    await peer.halfClose();
    expect(await nextMessage(self)).toEqual(packet(socket, "one"));
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(self)).toEqual(socketClosed(socket));
    expect(lastError(socket)).toBeUndefined();
  });

  test("never swallows an end inside a frame: Ebadmsg behind the frames before, then the end, and a reset", async () => {
    await using client = await opened({ packet: "line" });
    const { self, socket, peer } = client;
    await comesUnasked(client, "one\ntwo");
    await peer.halfClose();
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(self)).toEqual(packet(socket, "one"));
    receiveNextPacketAsMessage(socket);
    await fails(client, "Ebadmsg");
    expect(await peer.readToEnd()).toMatchObject({ how: "Rst" });
  });

  test("says the end inside a frame to a receive, once", async () => {
    await using client = await opened({ packet: 4, exitOnClose: false });
    const { socket, peer } = client;
    const received = receive(socket, soonMs);
    await peer.send(Buffer.from([0, 0, 0, 5, 65]));
    await peer.halfClose();
    expect(await received).toEqual(err("Ebadmsg"));
    expect(await receive(socket, soonMs)).toEqual(err("Enotconn"));
    expect(await send(socket, "x")).toEqual(err("Enotconn"));
    expect(lastError(socket)).toEqual({ reason: "Ebadmsg", code: "EBADMSG", text: "the stream ends inside a frame" });
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(client.self)).toEqual(socketClosed(socket));
  });

  test("tells Emsgsize at the header of a body that is too large, behind the frames before, and resets", async () => {
    await using client = await opened({ packet: 4, packetSize: 5 });
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send(Buffer.from([0, 0, 0, 5, 65, 66, 67, 68, 69, 0, 0, 0, 6]));
    expect(await nextMessage(self)).toEqual(packet(socket, "ABCDE"));
    expect(await unasked(self)).toEqual(err("Timeout"));
    receiveNextPacketAsMessage(socket);
    await fails(client, "Emsgsize");
    expect(lastError(socket)?.text).toBe("a body of 6 bytes or more, where packetSize is 5");
    expect(await peer.readToEnd()).toMatchObject({ how: "Rst" });
  });

  test("tells Emsgsize as soon as more than packetSize bytes have come without a delimiter", async () => {
    await using client = await opened({ packet: "line", packetSize: 100_000, readAhead: 1_000 });
    const { socket, peer } = client;
    const received = receive(socket, soonMs);
    await peer.send("x".repeat(100_000));
    await hasRead(socket, 100_000);
    expect(await soFar(received)).toBe(pending);
    await peer.send("x");
    expect(await received).toEqual(err("Emsgsize"));
    expect(await receive(socket, soonMs)).toEqual(err("Enotconn"));
    expect(await peer.readToEnd()).toMatchObject({ how: "Rst" });
  });

  test("tells Eproto of what is no frame, with the reason in lastError", async () => {
    await using client = await opened({ packet: netstring() });
    const { self, socket, peer } = client;
    setActive(socket, 10);
    await peer.send("1:a,-1:");
    expect(await nextMessage(self)).toEqual(packet(socket, "a"));
    await fails(client, "Eproto");
    expect(lastError(socket)?.text).toBe("netstring: a length that is no number");
    expect(await peer.readToEnd()).toMatchObject({ how: "Rst" });
  });

  test("ends a connection whose framing throws by Eproto, and no other", async () => {
    const broken = { start: 0, read: () => { throw new Error("oh"); } }; // prettier-ignore
    await using client = await opened({ packet: broken });
    receiveNextPacketAsMessage(client.socket);
    await client.peer.send("x");
    await fails(client, "Eproto");
    expect(lastError(client.socket)?.text).toBe("the framing threw Error: oh");
  });

  test("reads on beyond readAhead for a frame that is asked for, and for nothing else", async () => {
    await using client = await opened({ packet: 4, readAhead: 1_000 });
    const { self, socket, peer } = client;
    const body = pattern(500_000);
    const frame = Buffer.concat(lengthPrefix(4).encode?.([body]) ?? []);
    const sending = Promise.all([peer.send(frame), peer.send(frame), peer.send(frame)]);
    for (let index = 0; index < 3; index++) {
      receiveNextPacketAsMessage(socket);
      const message = unwrap(await nextMessage(self));
      expect(message.type === "Packet" && message.data.equals(body)).toBe(true);
      await unasked(self); // time to read on, while nobody asks
      expect(unwrap(getstat(socket)).recvOct).toBeLessThanOrEqual((index + 1) * frame.length + 2 * 65_536);
    }
    await sending;
  });

  test("makes a reset of a close over frames that nobody has taken", async () => {
    await using client = await opened({ packet: "line" });
    await comesUnasked(client, "one\ntwo\n");
    expect(await receive(client.socket, 0)).toEqual(bytes("one"));
    await close(client.socket);
    expect(await client.peer.readToEnd()).toMatchObject({ how: "Rst" });
  });

  test("keeps frames in order when the socket is handed over", async () => {
    await using client = await opened({ packet: "line" });
    await using heir = await startProcess();
    await comesUnasked(client, "1\n2\n3\n4\n");
    setActive(client.socket, 2);
    unwrap(controllingProcess(client.socket, heir.self));
    setActive(client.socket, 2);
    for (const data of ["1", "2", "3", "4"]) expect(await nextMessage(heir.self)).toEqual(packet(client.socket, data));
  });
});

describe.each(Object.entries(places))("setopts, of a socket that %s", (_, opened) => {
  test("cuts what nobody has taken anew: a header in lines, then a body of so many bytes, then lines again", async () => {
    await using client = await opened({ packet: "line" });
    const { self, socket } = client;
    await comesUnasked(client, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe\nloGET /\r\n");
    const header: string[] = [];
    do header.push(unwrap(await receive(socket, soonMs)).toString());
    while (header.at(-1) !== "");
    expect(header).toEqual(["POST / HTTP/1.1", "Content-Length: 5", ""]);
    expect(setopts(socket, { packet: "raw" })).toEqual(ok());
    expect(await receiveExact(socket, 5, soonMs)).toEqual(bytes("he\nlo"));
    setopts(socket, { packet: line({ delimiter: " " }) });
    expect(await receive(socket, soonMs)).toEqual(bytes("GET"));
    setopts(socket, { packet: "line" });
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "/"));
  });

  test("works while the socket is armed: what has come of a frame is a packet then, and of bytes a frame", async () => {
    await using client = await opened({ packet: "line" });
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send("no end");
    await hasRead(socket, 6);
    expect(await unasked(self)).toEqual(err("Timeout"));
    setopts(socket, { packet: "raw" });
    expect(await inMailbox(self)).toEqual(packet(socket, "no end"));

    await comesUnasked(client, "\x03one\x03tw");
    setopts(socket, { packet: 1 });
    setActive(socket, 5);
    expect(await inMailbox(self)).toEqual(packet(socket, "one"));
    await peer.send("o3:net,");
    expect(await nextMessage(self)).toEqual(packet(socket, "two"));
    setopts(socket, { packet: netstring() });
    expect(await nextMessage(self)).toEqual(packet(socket, "net"));
    setopts(socket, { packet: resp() });
    await peer.send("*2\r\n:1\r\n+a\r\n");
    expect(await nextMessage(self)).toEqual(packet(socket, "*2\r\n:1\r\n+a\r\n"));
  });

  test("leaves what is in the mailbox as it is", async () => {
    await using client = await opened({});
    await comesUnasked(client, "one\ntwo\n");
    receiveNextPacketAsMessage(client.socket);
    setopts(client.socket, { packet: "line" });
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "one\ntwo\n"));
  });

  test("gives a receive that waits what has come, and takes a receiveExact's length away", async () => {
    await using client = await opened({ packet: "line" });
    const { socket, peer } = client;
    const received = receive(socket, soonMs);
    await peer.send("abc");
    await hasRead(socket, 3);
    setopts(socket, { packet: "raw" });
    expect(await received).toEqual(bytes("abc"));
    const exact = receiveExact(socket, 5, soonMs);
    await peer.send("de\n");
    await hasRead(socket, 6);
    setopts(socket, { packet: "line" });
    expect(await exact).toEqual(err("Einval"));
    expect(await receive(socket, soonMs)).toEqual(bytes("de"));
  });

  test("changes the bound of what has come already, and keeps the rest", async () => {
    await using client = await opened({ packet: "line", packetSize: 3 });
    const { socket, peer } = client;
    await comesUnasked(client, "12345\n12345\n");
    setopts(socket, { packetSize: 5 });
    expect(await receive(socket, soonMs)).toEqual(bytes("12345"));
    setopts(socket, { packetSize: 4 });
    expect(await receive(socket, soonMs)).toEqual(err("Emsgsize"));
    await peer.readToEnd();
  });

  test("changes what is sent from then on", async () => {
    await using client = await opened({});
    const { socket, peer } = client;
    await send(socket, "raw");
    setopts(socket, { packet: 1 });
    await send(socket, "one");
    setopts(socket, { packet: netstring() });
    await send(socket, "two");
    unwrap(await shutdownWrite(socket));
    expect((await peer.readToEnd()).data.toString("latin1")).toBe("raw\x03one3:two,");
  });

  test("says Closed of a socket that is closed", async () => {
    await using client = await opened({});
    await close(client.socket);
    expect(setopts(client.socket, { packet: "line" })).toEqual(err("Closed"));
  });

  test("lets frames that had come be received after our own shutdown, and no part of one", async () => {
    await using client = await opened({ packet: "line" });
    await comesUnasked(client, "one\ntw");
    unwrap(await shutdown(client.socket));
    expect(await receive(client.socket, soonMs)).toEqual(bytes("one"));
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
  });
});

describe("setopts", () => {
  test.each<readonly [object, string]>([
    [{ paket: "raw" }, 'Cannot set options: unknown option "paket", did you mean "packet"?'],
    [{ buffer: 1 }, 'Cannot set options: unknown option "buffer"'],
    [{ packet: 3 }, 'Cannot set options: packet must be "raw", "line", 1, 2, 4 or a framing, received 3'],
    [{ packet: { read: 1, start: 0 } }, "Cannot set options: packet must be"],
    [{ packet: null }, "Cannot set options: packet must be"],
    [{ packetSize: 0 }, "Cannot set options: packetSize must be a whole number of bytes from 1"],
  ])("refuses %j, and changes nothing", async (options, text) => {
    const [one, other] = createSocketPair({ packet: 1 });
    expect(() => setopts(one, options)).toThrow(text);
    await send(other, "\x01a");
    expect(await receive(one, soonMs)).toEqual(bytes("a"));
    await Promise.all([close(one), close(other)]);
  });

  test("refuses what is no socket", () => {
    expect(() => setopts({} as OwnedSocket, {})).toThrow("Cannot set options: expected a socket");
  });
});

describe("the option packet", () => {
  test("reads no more of a frame that never ends than packetSize and one read ahead", async () => {
    await using client = await open("accepted", { packet: "line", packetSize: 1_000_000 });
    receiveNextPacketAsMessage(client.socket);
    const flood = client.peer.flood(100_000_000);
    const before = process.memoryUsage().arrayBuffers;
    expect(await nextMessage(client.self)).toEqual(tcpError(client.socket, "Emsgsize"));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3_000_000);
    await flood.stalled();
    expect(flood.taken).toBeLessThan(50_000_000);
  });

  test.each<readonly [BothOptions, "Ebadmsg" | "Econnreset"]>([
    [{}, "Ebadmsg"],
    [{ showEconnreset: true }, "Econnreset"],
  ])("never swallows a reset inside a frame: with %j", async (options, error) => {
    await using client = await open("connected", { packet: "line", ...options });
    const received = receive(client.socket, soonMs);
    await client.peer.send("part");
    await hasRead(client.socket, 4);
    client.peer.reset();
    expect(await received).toEqual(err(error));
  });

  test("is an option of fromNodeSocket, for what had been read too", async () => {
    await using server = await echoServer();
    const raw = connectRaw(server.port, "127.0.0.1").pause();
    await new Promise((resolve) => raw.once("connect", resolve));
    await using socket = fromNodeSocket(raw, { packet: "line", head: Buffer.from("he") });
    unwrap(await send(socket, "llo\n"));
    expect(await receive(socket, soonMs)).toEqual(bytes("hello"));
  });

  test("stands behind the header of the PROXY protocol", async () => {
    await using served = await serve(
      {
        init: () => ({ state: undefined }),
        onPacket: (state, data, { remoteAddress }) =>
          withReply(continueWith(state), `${remoteAddress} ${data.toString()};`),
      },
      { packet: "line", proxyProtocol: true },
    );
    const peer = await served.peer();
    await peer.send("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\none\ntwo\n");
    expect((await peer.receive(28)).toString()).toBe("192.0.2.1 one;192.0.2.1 two;");
  });

  test("is an option of servers, whose handlers hear why a connection could not be cut, and of no other", async () => {
    const reasons: unknown[] = [];
    await using served = await serve(
      {
        init: () => ({ state: undefined }),
        onPacket: (state, data) => withReply(continueWith(state), data),
        onClose: (_state, reason) => void reasons.push(reason),
      },
      { packet: 1, packetSize: 5 },
    );
    const [bad, good] = [await served.peer(), await served.peer()];
    await bad.send("\x03one\x06");
    expect(await bad.readToEnd()).toMatchObject({ how: "Rst" });
    await until(() => reasons.length > 0, "Nobody was told");
    expect(reasons).toEqual(["Emsgsize"]);
    await good.send("\x03one");
    expect((await good.receive(4)).toString()).toBe("\x03one");
  });

  test("writes the frames of several senders one after the other, also those that wait", async () => {
    await using client = await open("connected", { packet: 4, highWatermark: 1_000, lowWatermark: 500 });
    const bodies = Array.from({ length: 40 }, (_, index) => pattern(100_000 + index, index));
    const sent = Promise.all(bodies.map((body) => send(client.socket, body)));
    for (const body of bodies) {
      const read = await client.peer.receive(4 + body.length);
      expect([read.readUInt32BE(0), read.subarray(4).equals(body)]).toEqual([body.length, true]);
    }
    expect(new Set(await sent)).toEqual(new Set([ok()]));
  });

  test("is raw for a relay and for a stream: they carry bytes", async () => {
    const [left, a] = createSocketPair({}, { packet: "line" });
    const [b, right] = createSocketPair({ packet: 4 });
    await send(left, "CONNECT\nrest");
    expect(await receive(a, soonMs)).toEqual(bytes("CONNECT"));
    const relayed = relay(a, b);
    expect(await receive(right, soonMs)).toEqual(bytes("rest"));
    await send(right, "back");
    expect(await receive(left, soonMs)).toEqual(bytes("back"));
    const ends = [close(left), close(right)];
    await relayed;
    await Promise.all(ends);

    const [one, other] = createSocketPair({ packet: 1 });
    const stream = toDuplex(one);
    stream.write("as it is");
    expect(await receive(other, soonMs)).toEqual(bytes("as it is"));
    stream.destroy();
    await until(() => stream.closed, "The stream is not closed");
    await close(other);
  });

  test("shares a framing between sockets, and none of its states", async () => {
    const packetType: PacketType = line({ delimiter: "ab" });
    const [one, other] = createSocketPair({ packet: packetType }, { packet: packetType });
    await send(one, "1a");
    await send(other, "2");
    await receive(other, 0);
    await send(other, "ab");
    await send(one, "b");
    expect(await receive(one, soonMs)).toEqual(bytes("2"));
    expect(await receive(other, soonMs)).toEqual(bytes("1"));
    await Promise.all([close(one), close(other)]);
  });
});
