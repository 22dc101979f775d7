import { describe, expect, test } from "@jest/globals";
import {
  connect,
  err,
  newSelector,
  ok,
  receiveNextPacketAsMessage,
  selectTcpMessages,
  selectTcpMessagesFrom,
  tcpMessages,
  unwrap,
} from "tankard";
import { peerServer } from "../support/peer.ts";
import {
  connectedTo,
  connectedToPeer,
  packet,
  readAhead,
  silenceMs,
  socketClosed,
  soonMs,
} from "../support/test-process.ts";

describe("selectTcpMessages", () => {
  test("turns the messages of every socket into the process's own, by what the mapper says", async () => {
    await using server = await peerServer();
    await using client = await connectedTo(server.port);
    const one = await server.accept();
    const second = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const two = await server.accept();

    const selector = selectTcpMessages(newSelector(), (message) => {
      switch (message.type) {
        case "Packet":
          return `${message.data.toString()} from ${message.socket === second ? "two" : "one"}`;
        case "SocketClosed":
          return "closed";
        case "TcpError":
          return message.error;
      }
    });
    receiveNextPacketAsMessage(client.socket);
    await one.send("hello");
    expect(await client.self.receive(selector, soonMs)).toEqual(ok("hello from one"));
    receiveNextPacketAsMessage(second);
    await two.send("hi");
    expect(await client.self.receive(selector, soonMs)).toEqual(ok("hi from two"));
    two.close();
    receiveNextPacketAsMessage(second);
    expect(await client.self.receive(selector, soonMs)).toEqual(ok("closed"));
  });

  test("takes the messages of sockets and leaves the others in order", async () => {
    await using client = await connectedToPeer();
    const words = client.self.newSubject<string>();
    words.send("one");
    await readAhead(client, "packet");
    receiveNextPacketAsMessage(client.socket);
    words.send("two");
    const packets = selectTcpMessages(newSelector(), ({ type }) => type);
    expect(await client.self.receive(packets, 0)).toEqual(ok("Packet"));
    expect(await client.self.receive(packets, 0)).toEqual(err("Timeout"));
    expect(await client.self.receive(words, 0)).toEqual(ok("one"));
    expect(await client.self.receive(words, 0)).toEqual(ok("two"));
  });

  test("finds a packet behind twenty other messages", async () => {
    await using client = await connectedToPeer();
    const words = client.self.newSubject<number>();
    for (let i = 0; i < 20; i++) words.send(i);
    await readAhead(client, "behind");
    receiveNextPacketAsMessage(client.socket);
    expect(await client.self.receive(tcpMessages, 0)).toEqual(packet(client.socket, "behind"));
  });

  test("used twice keeps the later mapper", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "x");
    receiveNextPacketAsMessage(client.socket);
    const first = selectTcpMessages(newSelector(), () => "first");
    expect(
      await client.self.receive(
        selectTcpMessages(first, () => "second"),
        0,
      ),
    ).toEqual(ok("second"));
  });

  test("leaves no message behind that its mapper has thrown at", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "x");
    receiveNextPacketAsMessage(client.socket);
    const broken = selectTcpMessages(newSelector(), (): string => {
      throw new Error("cannot be mapped");
    });
    const receiving = (async () => await client.self.receive(broken, 0))();
    await expect(receiving).rejects.toThrow("cannot be mapped");
    expect(await client.self.receive(tcpMessages, 0)).toEqual(err("Timeout"));
  });
});

describe("selectTcpMessagesFrom", () => {
  test("tells a late message of an old socket from the new one's", async () => {
    await using server = await peerServer();
    await using client = await connectedTo(server.port);
    const oldPeer = await server.accept();
    receiveNextPacketAsMessage(client.socket);
    oldPeer.close();

    // The program has moved on to a new connection when the end of the old one comes.
    const renewed = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const newPeer = await server.accept();
    receiveNextPacketAsMessage(renewed);
    const current = selectTcpMessagesFrom(newSelector(), renewed, (message) => message);
    expect(await client.self.receive(current, silenceMs)).toEqual(err("Timeout"));
    await newPeer.send("news");
    expect(await client.self.receive(current, soonMs)).toEqual(packet(renewed, "news"));
    expect(await client.self.receive(tcpMessages, 0)).toEqual(socketClosed(client.socket));
  });

  test.each(["before", "after"])("beats the general entry for its socket, added %s it", async (when) => {
    await using server = await peerServer();
    await using client = await connectedTo(server.port);
    const one = await server.accept();
    const other = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const two = await server.accept();

    const special = selectTcpMessagesFrom(newSelector(), client.socket, () => "special");
    const general = selectTcpMessages(newSelector(), () => "general");
    const selector = when === "before" ? special.merge(general) : general.merge(special);
    receiveNextPacketAsMessage(other);
    await two.send("first");
    expect(await client.self.receive(selector, soonMs)).toEqual(ok("general"));
    receiveNextPacketAsMessage(client.socket);
    await one.send("second");
    expect(await client.self.receive(selector, soonMs)).toEqual(ok("special"));
  });

  test("leaves the messages of other sockets in the mailbox, in order", async () => {
    await using client = await connectedToPeer({ buffer: 1 });
    await using other = await connectedToPeer();
    await readAhead(client, "ab");
    receiveNextPacketAsMessage(client.socket);
    receiveNextPacketAsMessage(client.socket);
    const foreign = selectTcpMessagesFrom(newSelector(), other.socket, ({ type }) => type);
    expect(await client.self.receive(foreign, 0)).toEqual(err("Timeout"));
    expect(await client.self.receive(tcpMessages, 0)).toEqual(packet(client.socket, "a"));
    expect(await client.self.receive(tcpMessages, 0)).toEqual(packet(client.socket, "b"));
  });
});

describe("tcpMessages", () => {
  test("gives every socket's messages as they are, beside the process's own", async () => {
    await using client = await connectedToPeer();
    const commands = client.self.newSubject<{ readonly type: "Stop" }>();
    const all = newSelector().select(commands).merge(tcpMessages);
    await readAhead(client, "data");
    receiveNextPacketAsMessage(client.socket);
    commands.send({ type: "Stop" });
    expect(await client.self.receive(all, 0)).toEqual(packet(client.socket, "data"));
    expect(await client.self.receive(all, 0)).toEqual(ok({ type: "Stop" }));
  });
});
