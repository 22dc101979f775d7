import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  connect,
  disarm,
  err,
  ok,
  type OwnedSocket,
  ownerFromCallback,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  shutdown,
  tcpMessages,
  type TcpMessage,
  unwrap,
} from "tankard";
import { echoServer, peerServer, until } from "../support/peer.ts";
import {
  bytes,
  connectedTo,
  connectedToPeer,
  hasRead,
  inMailbox,
  nextMessage,
  open,
  packet,
  pattern,
  readAhead,
  socketClosed,
  socketKinds,
  soonMs,
  startProcess,
  tcpError,
  unasked,
} from "../support/test-process.ts";

describe("receiveNextPacketAsMessage", () => {
  test("delivers one packet, then leaves the socket passive", async () => {
    await using server = await echoServer();
    await using client = await connectedTo(server.port);
    receiveNextPacketAsMessage(client.socket);

    unwrap(await send(client.socket, "Hello, Joe!\n"));
    expect(await nextMessage(client.self)).toEqual(packet(client.socket, "Hello, Joe!\n"));

    unwrap(await send(client.socket, "Hello, Mike!\n"));
    expect(await unasked(client.self)).toEqual(err("Timeout"));
  });

  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("says ok, and what nobody asked for stays silent: data, the end and a reset", async () => {
      for (const how of ["halfClose", "close", "reset"] as const) {
        await using client = await open(kind);
        await client.peer.send("unasked");
        await client.peer[how]();
        expect(await unasked(client.self)).toEqual(err("Timeout"));
        expect(receiveNextPacketAsMessage(client.socket)).toEqual(ok());
        expect(await nextMessage(client.self)).toEqual(packet(client.socket, "unasked"));
        expect(await unasked(client.self)).toEqual(err("Timeout"));
      }
    });

    test("asked twice delivers one packet", async () => {
      await using client = await open(kind);
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(ok());
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(ok());
      await client.peer.send("one");
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "one"));
      await client.peer.send("two");
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("asked again at every packet delivers all, in order", async () => {
      await using client = await open(kind);
      for (let i = 0; i < 50; i++) {
        receiveNextPacketAsMessage(client.socket);
        await client.peer.send(`message ${i}`);
        expect(await nextMessage(client.self)).toEqual(packet(client.socket, `message ${i}`));
      }
    });

    test("makes one packet of what the peer sent in several pieces", async () => {
      await using client = await open(kind);
      await readAhead(client, "Hello, ");
      for (const part of ["Joe", "!"]) await client.peer.send(part);
      await hasRead(client.socket, 11);
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "Hello, Joe!"));
    });

    test("delivers at most `buffer` bytes, and the rest when asked again", async () => {
      await using client = await open(kind, { buffer: 1_460 });
      await readAhead(client, pattern(2_000));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, pattern(1_460)));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, pattern(540, 1_460)));
    });

    test("has put what was read ahead into the process's mailbox when it returns", async () => {
      await using client = await open(kind);
      await readAhead(client, "here already");
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "here already"));
    });

    test("delivers what only the kernel has in a later turn", async () => {
      await using client = await open(kind);
      await client.peer.send("in the kernel");
      receiveNextPacketAsMessage(client.socket);
      expect(client.self.flushMessages()).toBe(0);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "in the kernel"));
    });

    test("gives the owner what the kernel has, and a receive right behind it what comes next", async () => {
      await using client = await open(kind);
      await client.peer.send("asked for");
      receiveNextPacketAsMessage(client.socket);
      const received = receive(client.socket, soonMs);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "asked for"));
      await client.peer.send("received");
      expect(await received).toEqual(bytes("received"));
      receiveNextPacketAsMessage(client.socket);
      expect(await receive(client.socket, soonMs)).toEqual(err("Einval"));
    });

    test("lets a receive that does not wait have what the kernel has, and only the first one after it", async () => {
      await using client = await open(kind);
      await client.peer.send("in the kernel");
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "in the kernel"));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(err("Timeout"));
      let turns = 0;
      setImmediate(() => turns++);
      expect(await inMailbox(client.self)).toEqual(err("Timeout"));
      expect(turns).toBe(0);
    });

    test("has put the end that was read already into the mailbox when it returns", async () => {
      await using client = await open(kind);
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
      await client.peer.halfClose();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    });

    test("delivers data first, and SocketClosed only when asked again", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("bye");
      client.peer.close();
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "bye"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(ok());
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    });

    test("leaves the end behind a packet to receive, if receive asks first", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("bye");
      client.peer.close();
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "bye"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("delivers SocketClosed when the peer ends, half-closes or resets, and no TcpError", async () => {
      for (const how of ["halfClose", "close", "reset"] as const) {
        await using client = await open(kind);
        receiveNextPacketAsMessage(client.socket);
        await client.peer[how]();
        expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
        expect(await unasked(client.self)).toEqual(err("Timeout"));
      }
    });

    test("delivers SocketClosed of a peer that ended or reset before anybody asked", async () => {
      for (const how of ["close", "reset"] as const) {
        await using client = await open(kind);
        client.peer[how]();
        receiveNextPacketAsMessage(client.socket);
        expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
      }
    });

    test("delivers SocketClosed once, and says Closed from then on, where no message can follow", async () => {
      await using client = await open(kind);
      client.peer.close();
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
      for (let i = 0; i < 3; i++) expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("with showEconnreset delivers TcpError directly followed by SocketClosed", async () => {
      await using client = await open(kind, { showEconnreset: true });
      receiveNextPacketAsMessage(client.socket);
      client.peer.reset();
      expect(await nextMessage(client.self)).toEqual(tcpError(client.socket, "Econnreset"));
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("with showEconnreset delivers what was read ahead of a reset before TcpError and SocketClosed", async () => {
      await using client = await open(kind, { showEconnreset: true });
      await readAhead(client, "unread");
      client.peer.reset();
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "unread"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(tcpError(client.socket, "Econnreset"));
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    });

    test("with showEconnreset delivers SocketClosed alone where the peer closes or half-closes", async () => {
      for (const how of ["halfClose", "close"] as const) {
        await using client = await open(kind, { showEconnreset: true });
        unwrap(await send(client.socket, "request"));
        await client.peer.receive(7);
        receiveNextPacketAsMessage(client.socket);
        void client.peer.send("bye");
        await client.peer[how]();
        expect(await nextMessage(client.self)).toEqual(packet(client.socket, "bye"));
        receiveNextPacketAsMessage(client.socket);
        expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
        expect(await unasked(client.self)).toEqual(err("Timeout"));
      }
    });

    test("with showEconnreset delivers TcpError too where a send was the first to meet the reset", async () => {
      await using client = await open(kind, { showEconnreset: true });
      client.peer.reset();
      expect(await send(client.socket, "x")).toEqual(err("Econnreset"));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(tcpError(client.socket, "Econnreset"));
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    });

    test("with showEconnreset tells a reset that comes together with data from a plain end", async () => {
      await using client = await open(kind, { showEconnreset: true });
      receiveNextPacketAsMessage(client.socket);
      void client.peer.send("bye");
      client.peer.reset();
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "bye"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(tcpError(client.socket, "Econnreset"));
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
    });

    test("delivers what came before a reset, then SocketClosed when asked again", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("bye");
      client.peer.reset();
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "bye"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    });

    test("delivers SocketClosed, once, after a receive has said Closed", async () => {
      await using client = await open(kind);
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(ok());
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
      // From here on it is Closed for ever, where it was Enotconn before.
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receiveExact(client.socket, 1, soonMs)).toEqual(err("Closed"));
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await send(client.socket, "y")).toEqual(err("Closed"));
      expect(await shutdown(client.socket)).toEqual(err("Closed"));
      expect(await shutdown(client.socket)).toEqual(err("Closed"));
    });

    test("delivers SocketClosed, once, after a send has failed", async () => {
      await using client = await open(kind);
      client.peer.reset();
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("lets an armed owner hear of a send that fails, once", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      client.peer.reset();
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("lets sends through while the socket is armed", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      unwrap(await send(client.socket, "ping"));
      expect((await client.peer.receive(4)).toString()).toBe("ping");
      await client.peer.send("pong");
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "pong"));
    });

    test("called by another process delivers to the owner", async () => {
      await using client = await open(kind);
      await using other = await startProcess();
      other.self.spawn(() => receiveNextPacketAsMessage(client.socket));
      await client.peer.send("for the owner");
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "for the owner"));
      expect(await inMailbox(other.self)).toEqual(err("Timeout"));
    });

    test("says Closed for a socket that was closed here, and nothing follows", async () => {
      await using closed = await open(kind);
      void close(closed.socket);
      expect(receiveNextPacketAsMessage(closed.socket)).toEqual(err("Closed"));
      await using aborted = await open(kind);
      abort(aborted.socket);
      expect(receiveNextPacketAsMessage(aborted.socket)).toEqual(err("Closed"));
      expect(await unasked(closed.self)).toEqual(err("Timeout"));
      expect(await unasked(aborted.self)).toEqual(err("Timeout"));
    });
  });

  test("delivers nothing more after close, but what is in the mailbox stays", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "before");
    receiveNextPacketAsMessage(client.socket);
    await close(client.socket);
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "before"));
    expect(await unasked(client.self)).toEqual(err("Timeout"));
  });

  test("with exitOnClose false delivers SocketClosed once, while sends go on", async () => {
    await using client = await connectedToPeer({ exitOnClose: false });
    receiveNextPacketAsMessage(client.socket);
    await client.peer.halfClose();
    expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
    unwrap(await send(client.socket, "still here"));
    expect((await client.peer.receive(10)).toString()).toBe("still here");
    await close(client.socket);
    expect(await client.peer.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
    expect(await unasked(client.self)).toEqual(err("Timeout"));
  });

  test("with exitOnClose false says the end once, also where sends fail later", async () => {
    await using client = await connectedToPeer({ exitOnClose: false });
    receiveNextPacketAsMessage(client.socket);
    await client.peer.halfClose();
    expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    client.peer.reset();
    let canSend = true;
    const sendOn = async (): Promise<void> => {
      while (canSend) canSend = (await send(client.socket, "too late")).ok;
    };
    void sendOn();
    await until(() => !canSend, "no send fails");
    expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
    expect(await unasked(client.self)).toEqual(err("Timeout"));
  });

  test("keeps the messages of two sockets of one owner in the order in which they came", async () => {
    await using server = await peerServer();
    await using client = await connectedTo(server.port);
    const one = await server.accept();
    const second = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const two = await server.accept();

    receiveNextPacketAsMessage(client.socket);
    receiveNextPacketAsMessage(second);
    await two.send("second socket");
    await hasRead(second, 13);
    await one.send("first socket");
    await hasRead(client.socket, 12);
    expect(await inMailbox(client.self)).toEqual(packet(second, "second socket"));
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "first socket"));
  });

  test("keeps packets and other messages in the order in which they came", async () => {
    await using client = await connectedToPeer();
    const words = client.self.newSubject<string>();
    words.send("before");
    await readAhead(client, "packet");
    receiveNextPacketAsMessage(client.socket);
    words.send("after");
    const all = tcpMessages.map((message) => (message.type === "Packet" ? message.data.toString() : "")).select(words);
    for (const expected of ["before", "packet", "after"])
      expect(await client.self.receive(all, 0)).toEqual(ok(expected));
  });

  test("throws for a socket without an owner, with what to do about it", async () => {
    await using server = await peerServer();
    await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
    // @ts-expect-error only a socket with an owner can deliver messages
    expect(() => receiveNextPacketAsMessage(socket)).toThrow(
      "Cannot receive packets as messages from a socket without an owner: give connect an owner, or call controllingProcess",
    );
  });

  describe("for an owner that is a callback", () => {
    test("never calls it inside the call, though the packet has been read", async () => {
      await using server = await peerServer();
      const messages: TcpMessage[] = [];
      const owner = ownerFromCallback((message) => messages.push(message));
      const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner }));
      const peer = await server.accept();
      await receive(socket, 0);
      await peer.send("here already");
      await hasRead(socket, 12);

      receiveNextPacketAsMessage(socket);
      expect(messages).toEqual([]);
      await until(() => messages.length > 0, "The callback is not called");
      expect(messages.map(ok)).toEqual([packet(socket, "here already")]);
      owner.exit();
    });

    test("lets the callback ask for the next packet, to the end", async () => {
      await using server = await peerServer();
      const data: Buffer[] = [];
      let isClosed = false;
      const owner = ownerFromCallback((message) => {
        if (message.type === "Packet") data.push(message.data);
        if (message.type === "SocketClosed") isClosed = true;
        else receiveNextPacketAsMessage(message.socket);
      });
      const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, buffer: 100, owner }));
      const peer = await server.accept();
      receiveNextPacketAsMessage(socket);
      await peer.send(pattern(10_000));
      peer.close();
      await until(() => isClosed, "The callback does not hear of the end");
      expect(Buffer.concat(data)).toEqual(pattern(10_000));
    });

    test("closes the sockets of a callback that has exited", async () => {
      await using server = await peerServer();
      const owner = ownerFromCallback(() => undefined);
      const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner }));
      const peer = await server.accept();
      owner.exit();
      expect(await peer.readToEnd()).toEqual({ data: Buffer.alloc(0), how: "Fin" });
      expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
    });
  });
});

describe("disarm", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("takes back what was asked for: bytes that come are receive's again", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      disarm(client.socket);
      await client.peer.send("for receive");
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("for receive"));
    });

    test("leaves a message that is in the mailbox there", async () => {
      await using client = await open(kind);
      await readAhead(client, "delivered");
      receiveNextPacketAsMessage(client.socket);
      disarm(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "delivered"));
    });

    test("takes the end back as well, for whoever asks next", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      disarm(client.socket);
      client.peer.close();
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    });

    test("does nothing to a passive socket or one that is gone", async () => {
      await using client = await open(kind);
      disarm(client.socket);
      await client.peer.send("as before");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("as before"));
      await close(client.socket);
      disarm(client.socket);
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });
  });

  test("throws for what is not a socket", () => {
    expect(() => disarm({} as OwnedSocket)).toThrow(new TypeError("Cannot disarm: expected a socket, received {}"));
  });
});
