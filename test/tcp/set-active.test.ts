import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  connect,
  controllingProcess,
  disarm,
  err,
  newSelector,
  ok,
  type OwnedSocket,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  type Result,
  type Self,
  selectTcpMessagesFrom,
  selectTcpPassive,
  send,
  setActive,
  shutdown,
  tcpMessages,
  type TcpMessage,
  type TcpPassive,
  unwrap,
} from "tankard";
import { peerServer, until } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  inMailbox,
  open,
  packet,
  pattern,
  readAhead,
  silenceMs,
  socketClosed,
  socketKinds,
  soonMs,
  startProcess,
  tcpError,
} from "../support/test-process.ts";

const everything = selectTcpPassive(tcpMessages, (message) => message);

/** The next thing that the socket says, and that it is passive is one. */
function next(self: Self): Promise<Result<TcpMessage | TcpPassive, "Timeout">> {
  return self.receive(everything, soonMs);
}

function silence(self: Self): Promise<Result<TcpMessage | TcpPassive, "Timeout">> {
  return self.receive(everything, silenceMs);
}

function here(self: Self): Promise<Result<TcpMessage | TcpPassive, "Timeout">> {
  return self.receive(everything, 0);
}

function passive(socket: OwnedSocket): Result<TcpPassive, never> {
  return { ok: true, value: { type: "TcpPassive", socket } };
}

describe("setActive", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("delivers so many packets, then TcpPassive, and leaves the socket passive", async () => {
      await using client = await open(kind);
      expect(setActive(client.socket, 2)).toEqual(ok());
      for (const data of ["one", "two"]) {
        await client.peer.send(data);
        expect(await next(client.self)).toEqual(packet(client.socket, data));
      }
      expect(await here(client.self)).toEqual(passive(client.socket));
      await client.peer.send("three");
      expect(await silence(client.self)).toEqual(err("Timeout"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("three"));
    });

    test("has put what was read ahead into the mailbox when it returns, as many packets as it counts", async () => {
      await using client = await open(kind, { buffer: 3 });
      await readAhead(client, "onetwothree");
      setActive(client.socket, 2);
      for (const data of ["one", "two"]) expect(await here(client.self)).toEqual(packet(client.socket, data));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout"));
      setActive(client.socket, 1);
      expect(await here(client.self)).toEqual(packet(client.socket, "thr"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("ee"));
    });

    test("delivers what only the kernel has in a later turn", async () => {
      await using client = await open(kind);
      await client.peer.send("in the kernel");
      setActive(client.socket, 1);
      expect(client.self.flushMessages()).toBe(0);
      expect(await next(client.self)).toEqual(packet(client.socket, "in the kernel"));
      expect(await here(client.self)).toEqual(passive(client.socket));
    });

    test("adds to the count", async () => {
      await using client = await open(kind, { buffer: 1 });
      setActive(client.socket, 2);
      setActive(client.socket, 3);
      await client.peer.send("abcdef");
      for (const data of "abcde") expect(await next(client.self)).toEqual(packet(client.socket, data));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("f"));
    });

    test("takes away from the count, and at 0 or below says TcpPassive at once", async () => {
      await using client = await open(kind);
      setActive(client.socket, 3);
      expect(setActive(client.socket, -1)).toEqual(ok());
      expect(await here(client.self)).toEqual(err("Timeout"));
      expect(setActive(client.socket, -2)).toEqual(ok());
      expect(await here(client.self)).toEqual(passive(client.socket));
      setActive(client.socket, 3);
      setActive(client.socket, -10);
      expect(await here(client.self)).toEqual(passive(client.socket));
      setActive(client.socket, 1); // what was below 0 is forgotten
      await client.peer.send("one");
      expect(await next(client.self)).toEqual(packet(client.socket, "one"));
      expect(await here(client.self)).toEqual(passive(client.socket));
    });

    test("with 0 or below says TcpPassive of a passive socket too, and 0 leaves a count alone", async () => {
      await using client = await open(kind);
      for (const count of [0, -5]) {
        setActive(client.socket, count);
        expect(await here(client.self)).toEqual(passive(client.socket));
      }
      setActive(client.socket, 1);
      setActive(client.socket, 0);
      expect(await here(client.self)).toEqual(err("Timeout"));
      await client.peer.send("one");
      expect(await next(client.self)).toEqual(packet(client.socket, "one"));
      expect(await here(client.self)).toEqual(passive(client.socket));
    });

    test("is Einval for a count or a sum beyond 16 bits, and changes nothing", async () => {
      await using client = await open(kind);
      for (const count of [-32_769, 32_768, 100_000]) {
        expect(setActive(client.socket, count)).toEqual(err("Einval"));
        expect(await receive(client.socket, 0)).toEqual(err("Timeout")); // it is passive
      }
      expect(setActive(client.socket, 32_767)).toEqual(ok());
      expect(setActive(client.socket, 1)).toEqual(err("Einval"));
      expect(setActive(client.socket, -32_766)).toEqual(ok());
      expect(setActive(client.socket, 32_767)).toEqual(err("Einval"));
      await client.peer.send("the one that is left");
      expect(await next(client.self)).toEqual(packet(client.socket, "the one that is left"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(setActive(client.socket, -32_768)).toEqual(ok());
      expect(await here(client.self)).toEqual(passive(client.socket));
    });

    test("is replaced by receiveNextPacketAsMessage: one packet, and no TcpPassive", async () => {
      await using client = await open(kind, { buffer: 1 });
      setActive(client.socket, 3);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("ab");
      expect(await next(client.self)).toEqual(packet(client.socket, "a"));
      expect(await silence(client.self)).toEqual(err("Timeout"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("b"));
    });

    test("replaces receiveNextPacketAsMessage, and 0 behind that makes the socket passive", async () => {
      await using client = await open(kind, { buffer: 1 });
      setActive(client.socket, 3);
      receiveNextPacketAsMessage(client.socket);
      setActive(client.socket, 2);
      await client.peer.send("abc");
      for (const data of "ab") expect(await next(client.self)).toEqual(packet(client.socket, data));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("c"));
      receiveNextPacketAsMessage(client.socket);
      setActive(client.socket, 0);
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
    });

    test("is taken back by disarm, without a TcpPassive", async () => {
      await using client = await open(kind);
      setActive(client.socket, 3);
      disarm(client.socket);
      await client.peer.send("for receive");
      expect(await silence(client.self)).toEqual(err("Timeout"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("for receive"));
      setActive(client.socket, 1); // the old count is forgotten
      await client.peer.send("one");
      expect(await next(client.self)).toEqual(packet(client.socket, "one"));
      expect(await here(client.self)).toEqual(passive(client.socket));
    });

    test("keeps receive out while it counts: Einval, and sends through", async () => {
      await using client = await open(kind, { buffer: 1 });
      setActive(client.socket, 2);
      expect(await receive(client.socket, 0)).toEqual(err("Einval"));
      unwrap(await send(client.socket, "ping"));
      expect((await client.peer.receive(4)).toString()).toBe("ping");
      await client.peer.send("a");
      expect(await next(client.self)).toEqual(packet(client.socket, "a"));
      expect(await receive(client.socket, 0)).toEqual(err("Einval"));
      await client.peer.send("b");
      expect(await next(client.self)).toEqual(packet(client.socket, "b"));
      expect(await receive(client.socket, 0)).toEqual(err("Timeout"));
    });

    test("lets a receive that waits have its bytes first, and counts them not", async () => {
      await using client = await open(kind, { buffer: 1 });
      const received = receive(client.socket, soonMs);
      setActive(client.socket, 1);
      await client.peer.send("abc");
      expect(await received).toEqual(bytes("a"));
      expect(await next(client.self)).toEqual(packet(client.socket, "b"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      const waiting = receive(client.socket, soonMs);
      expect(await waiting).toEqual(bytes("c"));
      const last = receive(client.socket, soonMs);
      setActive(client.socket, -1);
      expect(await here(client.self)).toEqual(passive(client.socket));
      await client.peer.send("d");
      expect(await last).toEqual(bytes("d"));
    });

    test("delivers the end behind the packets, and no TcpPassive then", async () => {
      for (const how of ["halfClose", "close", "reset"] as const) {
        await using client = await open(kind);
        setActive(client.socket, 3);
        await client.peer.send("bye");
        await client.peer[how]();
        expect(await next(client.self)).toEqual(packet(client.socket, "bye"));
        expect(await next(client.self)).toEqual(socketClosed(client.socket));
        expect(await silence(client.self)).toEqual(err("Timeout"));
        for (const count of [1, 0, -1, 40_000]) expect(setActive(client.socket, count)).toEqual(err("Closed"));
        expect(await here(client.self)).toEqual(err("Timeout"));
      }
    });

    test("that counts the last packet leaves the end behind it to who asks again", async () => {
      await using client = await open(kind);
      await readAhead(client, "bye");
      client.peer.close();
      setActive(client.socket, 1);
      expect(await here(client.self)).toEqual(packet(client.socket, "bye"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout"));
      setActive(client.socket, 0);
      expect(await here(client.self)).toEqual(passive(client.socket));
      setActive(client.socket, 2);
      expect(await next(client.self)).toEqual(socketClosed(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout"));
    });

    test("delivers an end that a receive has been told: with 0 or below TcpPassive, and SocketClosed above", async () => {
      await using client = await open(kind);
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(setActive(client.socket, 40_000)).toEqual(err("Einval"));
      for (const count of [0, -4]) {
        expect(setActive(client.socket, count)).toEqual(ok());
        expect(await here(client.self)).toEqual(passive(client.socket));
      }
      expect(setActive(client.socket, 3)).toEqual(ok());
      expect(await here(client.self)).toEqual(socketClosed(client.socket));
      expect(setActive(client.socket, 3)).toEqual(err("Closed"));
    });

    test("with showEconnreset delivers TcpError directly followed by SocketClosed", async () => {
      await using client = await open(kind, { showEconnreset: true });
      setActive(client.socket, 3);
      await client.peer.send("one");
      expect(await next(client.self)).toEqual(packet(client.socket, "one"));
      client.peer.reset();
      expect(await next(client.self)).toEqual(tcpError(client.socket, "Econnreset"));
      expect(await here(client.self)).toEqual(socketClosed(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout"));
    });

    test("lets the owner hear of a send that fails: SocketClosed, once", async () => {
      await using client = await open(kind);
      setActive(client.socket, 3);
      client.peer.reset();
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await next(client.self)).toEqual(socketClosed(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout"));
    });

    test("is over with shutdown: SocketClosed and no TcpPassive", async () => {
      await using client = await open(kind);
      setActive(client.socket, 3);
      unwrap(await shutdown(client.socket));
      expect(await here(client.self)).toEqual(socketClosed(client.socket));
      expect(setActive(client.socket, 2)).toEqual(err("Closed"));
      expect(await silence(client.self)).toEqual(err("Timeout"));
    });

    test("goes along with controllingProcess: the count, the packets and TcpPassive, in order", async () => {
      await using client = await open(kind, { buffer: 3 });
      await using heir = await startProcess();
      await readAhead(client, "onetwosix");
      setActive(client.socket, 1);
      setActive(client.socket, 2);
      setActive(client.socket, 2);
      unwrap(controllingProcess(client.socket, heir.self));
      expect(await here(client.self)).toEqual(err("Timeout"));
      const all = newSelector().selectOther((message) => message as TcpMessage | TcpPassive);
      for (const expected of [
        packet(client.socket, "one"),
        passive(client.socket),
        packet(client.socket, "two"),
        packet(client.socket, "six"),
        passive(client.socket),
      ]) {
        expect(await heir.self.receive(all, 0)).toEqual(expected);
      }
      for (const data of ["ten", "fix"]) {
        await client.peer.send(data);
        expect(await next(heir.self)).toEqual(packet(client.socket, data));
      }
      expect(await here(heir.self)).toEqual(passive(client.socket));
    });

    test("called by another process tells the owner", async () => {
      await using client = await open(kind);
      await using other = await startProcess();
      other.self.spawn(() => setActive(client.socket, -3));
      expect(await next(client.self)).toEqual(passive(client.socket));
      expect(await here(other.self)).toEqual(err("Timeout"));
    });

    test("says Closed for a socket that was closed here, and nothing follows but what is in the mailbox", async () => {
      await using client = await open(kind);
      await readAhead(client, "before");
      setActive(client.socket, 1);
      client.peer.close();
      setActive(client.socket, 1);
      await until(() => !setActive(client.socket, 1).ok, "The end does not come");
      await close(client.socket);
      expect(setActive(client.socket, 2)).toEqual(err("Closed"));
      expect(await here(client.self)).toEqual(packet(client.socket, "before"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      expect(await silence(client.self)).toEqual(err("Timeout")); // `close` has taken SocketClosed out

      await using aborted = await open(kind);
      setActive(aborted.socket, 3);
      abort(aborted.socket);
      expect(setActive(aborted.socket, 0)).toEqual(err("Closed"));
      expect(await silence(aborted.self)).toEqual(err("Timeout"));
    });

    test("delivers a long stream in order while its owner asks for more before the count is out", async () => {
      await using client = await open(kind, { buffer: 1_000 });
      const data = pattern(1_000_000);
      const sending = client.peer.send(data).then(() => client.peer.close());
      setActive(client.socket, 10);
      const received: Buffer[] = [];
      let passives = 0;
      for (let packets = 1; ; packets++) {
        const message = unwrap(await next(client.self));
        if (message.type === "SocketClosed") break;
        if (message.type === "TcpPassive") passives++;
        if (message.type === "Packet") received.push(message.data);
        if (message.type === "TcpPassive" || packets % 5 === 0) setActive(client.socket, 5);
      }
      await sending;
      expect(Buffer.concat(received).equals(data)).toBe(true);
      expect(passives).toBeLessThan(1_000);
    });
  });

  test("with exitOnClose false is over with SocketClosed, while sends go on", async () => {
    await using client = await connectedToPeer({ exitOnClose: false });
    setActive(client.socket, 3);
    await client.peer.halfClose();
    expect(await next(client.self)).toEqual(socketClosed(client.socket));
    expect(setActive(client.socket, 3)).toEqual(err("Closed"));
    expect(await receive(client.socket, 0)).toEqual(err("Closed"));
    unwrap(await send(client.socket, "still here"));
    expect((await client.peer.receive(10)).toString()).toBe("still here");
  });

  test("asked from a mapper goes on behind what is told: TcpPassive behind its packet, then the next", async () => {
    await using client = await connectedToPeer({ buffer: 1 });
    const asking = selectTcpPassive(tcpMessages, (message) => message).map((message) => {
      if (message.type === "Packet") setActive(client.socket, 1);
      return message;
    });
    setActive(client.socket, 1);
    await client.peer.send("ab");
    expect(await client.self.receive(asking, soonMs)).toEqual(packet(client.socket, "a"));
    expect(await here(client.self)).toEqual(passive(client.socket));
    expect(await here(client.self)).toEqual(packet(client.socket, "b"));
    expect(await here(client.self)).toEqual(passive(client.socket));
  });

  test("throws for a count that is not a whole number, for what is not a socket and for one without an owner", async () => {
    await using client = await connectedToPeer();
    for (const count of [1.5, NaN, Infinity, "2" as never]) {
      expect(() => setActive(client.socket, count)).toThrow(
        "Cannot set active: count must be a whole number, received",
      );
    }
    expect(() => setActive({} as OwnedSocket, 1)).toThrow("Cannot set active: expected a socket, received {}");
    await using server = await peerServer();
    await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
    // @ts-expect-error only a socket with an owner can deliver messages
    expect(() => setActive(socket, 1)).toThrow("Cannot receive packets as messages from a socket without an owner");
  });

  describe("for an owner that is a callback", () => {
    test("tells onPassive behind the packets, never inside the call, and moves both with the socket", async () => {
      await using client = await connectedToPeer({ buffer: 1 });
      const heard: string[] = [];
      const callback = ownerFromCallback(
        (message) => heard.push(message.type),
        undefined,
        ({ type, socket }) => {
          heard.push(type);
          if (heard.length === 3) receiveNextPacketAsMessage(socket);
        },
      );
      await readAhead(client, "abcde");
      setActive(client.socket, 2);
      unwrap(controllingProcess(client.socket, callback));
      expect(heard).toEqual([]);
      await until(() => heard.length === 4, "The callback is not called");
      expect(heard).toEqual(["Packet", "Packet", "TcpPassive", "Packet"]);

      setActive(client.socket, 1);
      unwrap(controllingProcess(client.socket, client.self));
      expect(await here(client.self)).toEqual(packet(client.socket, "d"));
      expect(await here(client.self)).toEqual(passive(client.socket));
      callback.exit();
    });

    test("without onPassive tells nobody, nor an owner of one's own that has no deliverPassive", async () => {
      await using client = await connectedToPeer();
      const heard: unknown[] = [];
      const callback = ownerFromCallback((message) => heard.push(message));
      unwrap(controllingProcess(client.socket, callback));
      setActive(client.socket, 0);
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("one");
      await until(() => heard.length > 0, "The callback is not called");
      expect(heard.map(ok)).toEqual([packet(client.socket, "one")]);

      const own = { deliver: (message: TcpMessage) => heard.push(message), onExit: () => () => undefined };
      unwrap(controllingProcess(client.socket, own));
      setActive(client.socket, 1);
      await client.peer.send("two");
      await until(() => heard.length > 1, "The owner is not told");
      expect(heard.slice(1).map(ok)).toEqual([packet(client.socket, "two")]);
      unwrap(controllingProcess(client.socket, client.self));
      callback.exit();
    });
  });
});

describe("selectTcpPassive", () => {
  test("alone takes TcpPassive: selectors of a socket's messages, general or special, leave it in the mailbox", async () => {
    await using client = await connectedToPeer();
    await using other = await connectedToPeer();
    await readAhead(client, "one");
    setActive(client.socket, 1);
    const special = selectTcpMessagesFrom(newSelector(), client.socket, ({ type }) => type);
    expect(await client.self.receive(special, 0)).toEqual(ok("Packet"));
    expect(await client.self.receive(special, 0)).toEqual(err("Timeout"));
    expect(await inMailbox(client.self)).toEqual(err("Timeout"));
    const passives = selectTcpPassive(newSelector(), ({ type, socket }) => [type, socket] as const);
    expect(await other.self.receive(passives, 0)).toEqual(err("Timeout"));
    expect(await client.self.receive(passives, 0)).toEqual(ok(["TcpPassive", client.socket]));
  });

  test("wakes the receive that waits for it, and no other", async () => {
    await using client = await connectedToPeer();
    const special = selectTcpMessagesFrom(newSelector(), client.socket, ({ type }) => type);
    const waiting = client.self.receive(special, silenceMs);
    setActive(client.socket, 0);
    expect(await waiting).toEqual(err("Timeout"));
    expect(await here(client.self)).toEqual(passive(client.socket));
    const woken = next(client.self);
    setActive(client.socket, 0);
    expect(await woken).toEqual(passive(client.socket));
  });

  test("keeps the order with the packets of the socket and with other messages", async () => {
    await using client = await connectedToPeer({ buffer: 1 });
    const words = client.self.newSubject<string>();
    await readAhead(client, "ab");
    setActive(client.socket, 1);
    words.send("between");
    setActive(client.socket, 1);
    const all = everything.map(({ type }) => type).select(words);
    for (const expected of ["Packet", "TcpPassive", "between", "Packet", "TcpPassive"]) {
      expect(await client.self.receive(all, 0)).toEqual(ok(expected));
    }
  });
});
