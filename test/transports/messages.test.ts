import { describe, expect, test } from "@jest/globals";
import {
  close,
  controllingProcess,
  disarm,
  err,
  getstat,
  ok,
  type OwnedSocket,
  receive,
  receiveNextPacketAsMessage,
  type Self,
  selectTcpPassive,
  setActive,
  tcpMessages,
  unwrap,
} from "tankard";
import { places } from "../support/places.ts";
import {
  bytes,
  inMailbox,
  nextMessage,
  packet,
  readAhead,
  socketClosed,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";

describe.each(places)("the owner of a socket that $name", (place) => {
  test("hears nothing unasked, and one packet for each time that it asks", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    await peer.send("one");
    expect(await unasked(self)).toEqual(err("Timeout"));
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(self)).toEqual(packet(socket, "one"));
    await peer.send("two");
    expect(await unasked(self)).toEqual(err("Timeout"));
    expect(await receive(socket, soonMs)).toEqual(bytes("two"));
  });

  test("asks once by asking twice", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    receiveNextPacketAsMessage(socket);
    await peer.send("one");
    expect(await nextMessage(self)).toEqual(packet(socket, "one"));
    await peer.send("two");
    expect(await unasked(self)).toEqual(err("Timeout"));
  });

  test("has what was read ahead in its mailbox when the ask returns, and nothing after disarm", async () => {
    await using client = await place.open({ buffer: 3 });
    const { self, socket } = client;
    await readAhead(client, "onetwo");
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "one"));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "two"));
    receiveNextPacketAsMessage(socket);
    disarm(socket);
    await client.peer.send("later");
    expect(await unasked(self)).toEqual(err("Timeout"));
  });

  test("hears what came before the end, then the end, once", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    receiveNextPacketAsMessage(socket);
    await peer.send("last words");
    peer.close();
    expect(await nextMessage(self)).toEqual(packet(socket, "last words"));
    expect(receiveNextPacketAsMessage(socket)).toEqual(ok());
    expect(await nextMessage(self)).toEqual(socketClosed(socket));
    expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
    expect(await unasked(self)).toEqual(err("Timeout"));
  });

  test("hears of an end when it asks, though that came while nobody did", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    await readAhead(client, "before");
    await peer.halfClose();
    expect(await unasked(self)).toEqual(err("Timeout"));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(packet(socket, "before"));
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(self)).toEqual(socketClosed(socket));
  });

  test("hears of an end that a receive was told before, once", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    peer.close();
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(self)).toEqual(socketClosed(socket));
    expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
  });

  test("hears nothing of a socket that was closed on this side", async () => {
    await using client = await place.open();
    receiveNextPacketAsMessage(client.socket);
    await close(client.socket);
    expect(await unasked(client.self)).toEqual(err("Timeout"));
    expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
  });

  test("gets so many packets by setActive, then TcpPassive, and then nothing", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    expect(setActive(socket, 3)).toEqual(ok());
    for (const data of ["one", "two", "three"]) {
      await peer.send(data);
      expect(await nextOfAll(self)).toEqual(packet(socket, data));
    }
    expect(await nextOfAll(self)).toEqual(passive(socket));
    await peer.send("four");
    expect(await unasked(self)).toEqual(err("Timeout"));
    expect(await receive(socket, soonMs)).toEqual(bytes("four"));
  });

  test("hears of an end behind the packets, and of no TcpPassive then", async () => {
    await using client = await place.open();
    const { self, socket, peer } = client;
    setActive(socket, 3);
    await peer.send("one");
    expect(await nextOfAll(self)).toEqual(packet(socket, "one"));
    await peer.halfClose();
    expect(await nextOfAll(self)).toEqual(socketClosed(socket));
    expect(await self.receive(all, 0)).toEqual(err("Timeout"));
  });

  test("hands the socket over: what waits in its mailbox, what was asked for, and whose end closes it", async () => {
    await using client = await place.open({ buffer: 3 });
    await using heir = await startProcess();
    const { socket, peer } = client;
    await readAhead(client, "onetwo");
    for (let asks = 3; asks > 0; asks--) receiveNextPacketAsMessage(socket);
    expect(controllingProcess(socket, heir.self)).toEqual({ ok: true, value: socket });
    expect(await inMailbox(client.self)).toEqual(err("Timeout"));
    expect(await inMailbox(heir.self)).toEqual(packet(socket, "one"));
    expect(await inMailbox(heir.self)).toEqual(packet(socket, "two"));

    client.process.kill();
    await peer.send("new");
    expect(await nextMessage(heir.self)).toEqual(packet(socket, "new"));
    heir.process.kill();
    expect(getstat(socket)).toEqual(err("Closed"));
    expect(await peer.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
  });

  test("may come later: who takes a socket that nobody had gets what had come", async () => {
    await using link = await place.link({});
    await using owner = await startProcess();
    await readAhead(link, "early");
    const socket = unwrap(controllingProcess(link.socket, owner.self));
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(owner.self)).toEqual(packet(socket, "early"));
    receiveNextPacketAsMessage(socket);
    await link.peer.send("later");
    expect(await nextMessage(owner.self)).toEqual(packet(socket, "later"));
  });
});

const all = selectTcpPassive(tcpMessages, (message) => message);

/** The next message of a socket, `TcpPassive` too. */
function nextOfAll(self: Self): Promise<unknown> {
  return self.receive(all, soonMs);
}

function passive(socket: OwnedSocket): unknown {
  return { ok: true, value: { type: "TcpPassive", socket } };
}
