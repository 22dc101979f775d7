import { readdirSync, readlinkSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  connect,
  createRuntime,
  err,
  getstat,
  listen,
  ok,
  type OwnedSocket,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  shutdown,
  shutdownWrite,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { isBroken, peerServer, unixPeerServer, until, within } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  inMailbox,
  nextMessage,
  open,
  packet,
  pattern,
  pending,
  readAhead,
  silenceMs,
  socketClosed,
  socketKinds,
  soFar,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

/** More than the kernel takes for a peer that does not read. */
const tooMuch = pattern(24 * 1024 * 1024);
const nothing = Buffer.alloc(0);

// What a JavaScript caller can do: no type stands in its way.
type Anything = (socket: unknown) => unknown;

describe("shutdown", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("ends our side behind what is queued: the peer gets all of it, then a clean end", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      expect(await shutdown(client.socket)).toEqual(ok());
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Fin");
      expect(data.equals(tooMuch)).toBe(true);
    });

    test("lets the sends that wait go on waiting, and they leave before the end", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = send(client.socket, "the last word");
      unwrap(await shutdown(client.socket));
      expect(await soFar(waiting)).toBe(pending);
      const { data, how } = await client.peer.readToEnd();
      expect(await waiting).toEqual(ok());
      expect(how).toBe("Fin");
      expect(data.subarray(-13).toString()).toBe("the last word");
    });

    test("has its effect when the queue has left: until then receiving goes on", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      expect(await shutdown(client.socket)).toEqual(ok());
      expect(await receive(client.socket, silenceMs)).toEqual(err("Timeout"));
      await client.peer.send("meanwhile");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("meanwhile"));
      receiveNextPacketAsMessage(client.socket);
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      expect((await client.peer.readToEnd()).data.length).toBe(tooMuch.length);
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    });

    test("leaves what was read ahead to be received, then it is Closed once, then Enotconn", async () => {
      await using client = await open(kind);
      await readAhead(client, "Hello, Joe!");
      unwrap(await shutdown(client.socket));
      expect(await receiveExact(client.socket, 5, soonMs)).toEqual(bytes("Hello"));
      expect(await receive(client.socket, soonMs)).toEqual(bytes(", Joe!"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("leaves what the kernel had to be received, then it is Closed", async () => {
      await using client = await open(kind);
      await client.peer.send("from the kernel");
      unwrap(await shutdown(client.socket));
      expect(await receive(client.socket, soonMs)).toEqual(bytes("from the kernel"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("has found where what had come ends when it resolves: what is sent after that is refused", async () => {
      await using client = await open(kind);
      await client.peer.send("old");
      unwrap(await shutdown(client.socket));
      await client.peer.send("new");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("old"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("leaves more than is read ahead to be received", async () => {
      await using client = await open(kind, { readAhead: 1_000 });
      await client.peer.send(pattern(300_000));
      unwrap(await shutdown(client.socket));
      const received: Buffer[] = [];
      let last = await receive(client.socket, soonMs);
      for (; last.ok; last = await receive(client.socket, soonMs)) received.push(last.value);
      expect(last).toEqual(err("Closed"));
      expect(Buffer.concat(received).equals(pattern(300_000))).toBe(true);
    });

    test("wakes a receive that waits with Closed", async () => {
      await using client = await open(kind);
      const received = receive(client.socket, Infinity);
      expect(await soFar(received)).toBe(pending);
      unwrap(await shutdown(client.socket));
      expect(await within(received, "The receive goes on")).toEqual(err("Closed"));
    });

    test("discards what comes later and answers it with a reset", async () => {
      await using client = await open(kind);
      unwrap(await shutdown(client.socket));
      expect(await receive(client.socket, silenceMs)).toEqual(err("Closed"));
      await client.peer.send("too late");
      expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Fin" }); // the end had left before
      await until(() => isBroken(client.peer.raw), "no reset comes");
      expect(await receive(client.socket, soonMs)).toEqual(err("Enotconn"));
    });

    test("discards what comes later though nobody receives, and answers it with a reset", async () => {
      await using client = await open(kind);
      unwrap(await shutdown(client.socket));
      expect((await client.peer.readToEnd()).how).toBe("Fin");
      const over = new Promise((resolve) => client.peer.raw.once("close", resolve));
      client.peer.flood(100_000_000);
      await within(over, "The peer that goes on sending is not told");
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("gives an armed socket's owner its SocketClosed at once", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      void shutdown(client.socket);
      expect(await inMailbox(client.self)).toEqual(socketClosed(client.socket));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
    });

    test("lets whoever arms afterwards have the packets that had come, then SocketClosed", async () => {
      await using client = await open(kind);
      await readAhead(client, "had come");
      unwrap(await shutdown(client.socket));
      receiveNextPacketAsMessage(client.socket);
      expect(await inMailbox(client.self)).toEqual(packet(client.socket, "had come"));
      receiveNextPacketAsMessage(client.socket);
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("is ok as often as one likes while the peer is there, and Enotconn once both sides have ended", async () => {
      await using client = await open(kind);
      expect(await shutdown(client.socket)).toEqual(ok());
      expect(await shutdown(client.socket)).toEqual(ok());
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
    });

    test("after the peer's end that nobody has seen is ok, then Enotconn, and receive says Closed", async () => {
      await using client = await open(kind);
      client.peer.close();
      expect(await shutdown(client.socket)).toEqual(ok());
      expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("after a reset that nobody has seen is Enotconn, and receive says Closed", async () => {
      await using client = await open(kind);
      client.peer.reset();
      expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("after a reset that somebody has seen is Enotconn, and once the socket is gone it is Closed", async () => {
      await using client = await open(kind);
      client.peer.reset();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await shutdown(client.socket)).toEqual(err("Enotconn"));
      await close(client.socket);
      expect(await shutdown(client.socket)).toEqual(err("Closed"));
    });

    test("resets, after linger milliseconds, a peer that does not read: never a clean end after a cut", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      unwrap(await send(client.socket, tooMuch));
      unwrap(await shutdown(client.socket));
      await clock.advance(29_999);
      expect(getstat(client.socket).ok).toBe(true);
      await clock.advance(1);
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Rst");
      expect(data.length).toBeLessThan(tooMuch.length);
      expect(data.equals(tooMuch.subarray(0, data.length))).toBe(true);
    });

    test("gives the descriptor back once the queue has left and the peer has ended", async () => {
      const before = openDescriptors();
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      unwrap(await shutdown(client.socket));
      expect((await client.peer.readToEnd()).data.length).toBe(tooMuch.length);
      const whileHalfOpen = openDescriptors();
      await client.peer.halfClose();
      await until(() => openDescriptors() <= whileHalfOpen - 2, "The descriptors stay open");
      expect(openDescriptors()).toBeGreaterThanOrEqual(before);
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("gives the descriptor back after linger milliseconds where the peer does not end", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, { linger: 5_000 }, createRuntime({ clock }));
      unwrap(await shutdown(client.socket));
      expect((await client.peer.readToEnd()).how).toBe("Fin");
      const whileHalfOpen = openDescriptors();
      await clock.advance(4_999);
      expect(openDescriptors()).toBe(whileHalfOpen);
      await clock.advance(1);
      await until(() => openDescriptors() === whileHalfOpen - 1, "The descriptor stays open");
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });
  });

  test("is for any process, owner or not", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    expect(await other.self.spawn(() => shutdown(client.socket)).result).toEqual(ok());
    expect((await client.peer.readToEnd()).how).toBe("Fin");
  });

  test("leaves the mailbox as it is", async () => {
    await using client = await connectedToPeer();
    const words = client.self.newSubject<string>();
    words.send("stays");
    unwrap(await shutdown(client.socket));
    expect(await client.self.receive(words, 0)).toEqual(ok("stays"));
  });
});

describe("shutdownWrite", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("ends our side behind what is queued and what waits, and receiving goes on", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = send(client.socket, "the last word");
      expect(await shutdownWrite(client.socket)).toEqual(ok());
      const { data, how } = await client.peer.readToEnd();
      expect(await waiting).toEqual(ok());
      expect(how).toBe("Fin");
      expect(data.equals(Buffer.concat([tooMuch, Buffer.from("the last word")]))).toBe(true);

      await client.peer.send("answer");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("answer"));
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("message");
      expect(await nextMessage(client.self)).toEqual(packet(client.socket, "message"));
    });

    test("and the peer's end together end the connection without a reset", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, "request"));
      unwrap(await shutdownWrite(client.socket));
      expect(await client.peer.readToEnd()).toEqual({ data: Buffer.from("request"), how: "Fin" });
      await client.peer.send("response");
      await client.peer.halfClose();
      expect(await receive(client.socket, soonMs)).toEqual(bytes("response"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    });

    test("is ok twice, and Closed or Enotconn where the socket is over", async () => {
      await using client = await open(kind);
      expect(await shutdownWrite(client.socket)).toEqual(ok());
      expect(await shutdownWrite(client.socket)).toEqual(ok());
      client.peer.close();
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await shutdownWrite(client.socket)).toEqual(err("Enotconn"));
      await close(client.socket);
      expect(await shutdownWrite(client.socket)).toEqual(err("Closed"));
    });

    test("says nothing to an armed owner, who hears of the peer's end alone", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      unwrap(await shutdownWrite(client.socket));
      expect(await unasked(client.self)).toEqual(err("Timeout"));
      client.peer.close();
      expect(await nextMessage(client.self)).toEqual(socketClosed(client.socket));
    });
  });
});

describe("close", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("makes the socket gone at once for everybody: everything says Closed", async () => {
      await using client = await open(kind);
      const closed = close(client.socket);
      expect(getstat(client.socket)).toEqual(err("Closed"));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
      for (let i = 0; i < 2; i++) {
        expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
        expect(await receiveExact(client.socket, 1, soonMs)).toEqual(err("Closed"));
        expect(await send(client.socket, "x")).toEqual(err("Closed"));
        expect(await shutdown(client.socket)).toEqual(err("Closed"));
        expect(await shutdownWrite(client.socket)).toEqual(err("Closed"));
      }
      await closed;
      expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Fin" });
    });

    test("takes a SocketClosed that waits out of the owner's mailbox, and leaves the packets", async () => {
      await using client = await open(kind);
      const words = client.self.newSubject<string>();
      await client.peer.send("packet");
      receiveNextPacketAsMessage(client.socket);
      await until(() => unwrap(getstat(client.socket)).recvOct > 0, "Nothing is read");
      words.send("between");
      receiveNextPacketAsMessage(client.socket);
      unwrap(await shutdown(client.socket));
      words.send("behind");
      await close(client.socket);
      expect(client.self.flushMessages()).toBe(3);
    });

    test("is a clean end over bytes that only a receiveExact in vain has read, and a reset over others", async () => {
      for (const [later, how] of [
        ["", "Fin"],
        ["later", "Rst"],
      ] as const) {
        await using client = await open(kind);
        await client.peer.send("part");
        do expect(await receiveExact(client.socket, 5, 1)).toEqual(err("Timeout"));
        while (unwrap(getstat(client.socket)).recvOct < 4); // a busy machine need not have read it in the first millisecond
        if (later !== "") await client.peer.send(later);
        await close(client.socket);
        expect((await client.peer.readToEnd()).how).toBe(how);
      }
    });

    test("sends what is queued and what waits to a peer that reads, then a clean end", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = send(client.socket, "the last word");
      const closed = close(client.socket);
      expect(await waiting).toEqual(err("Closed"));
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Fin");
      expect(data.equals(Buffer.concat([tooMuch, Buffer.from("the last word")]))).toBe(true);
      await closed;
    });

    test("resets, after linger milliseconds, a peer that does not read: never a clean end after a cut", async () => {
      const clock = createSimulatedClock();
      await using client = await open(kind, {}, createRuntime({ clock }));
      unwrap(await send(client.socket, tooMuch));
      const closed = close(client.socket);
      await clock.advance(29_999);
      expect(await soFar(closed)).toBe(pending);
      await clock.advance(1);
      await closed;
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Rst");
      expect(data.length).toBeLessThan(tooMuch.length);
      expect(data.equals(tooMuch.subarray(0, data.length))).toBe(true);
    });

    test("with linger 0 resets a peer that has not taken everything by now", async () => {
      await using client = await open(kind, { linger: 0 });
      unwrap(await send(client.socket, tooMuch));
      await close(client.socket);
      expect((await client.peer.readToEnd()).how).toBe("Rst");
    });

    test("is a reset where bytes were read ahead and nobody took them", async () => {
      await using client = await open(kind);
      await readAhead(client, "unread");
      await close(client.socket);
      expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Rst" });
    });

    test("is a reset where the kernel has bytes that nobody took", async () => {
      await using client = await open(kind);
      await client.peer.send("unread");
      await close(client.socket);
      expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Rst" });
    });

    test("is a reset where bytes are unread beyond what was read ahead and taken", async () => {
      await using client = await open(kind, { readAhead: 1 });
      await client.peer.send(pattern(400_000));
      unwrap(await receive(client.socket, soonMs));
      await close(client.socket);
      expect((await client.peer.readToEnd()).how).toBe("Rst");
    });

    test("is a reset where bytes came in more pieces than are read ahead, and the last ones are unread", async () => {
      await using client = await open(kind, { readAhead: 1 });
      await readAhead(client, pattern(1));
      await client.peer.send(pattern(1_000));
      await turns(5); // Node may have read them, without anybody's room for them
      expect(await receiveExact(client.socket, 1, soonMs)).toEqual(bytes(pattern(1)));
      await close(client.socket);
      expect((await client.peer.readToEnd()).how).toBe("Rst");
    });

    test("with unread bytes cuts the queue too, and the peer sees that by a reset", async () => {
      await using client = await open(kind);
      await readAhead(client, "unread");
      unwrap(await send(client.socket, tooMuch));
      await close(client.socket);
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Rst");
      expect(data.length).toBeLessThan(tooMuch.length);
    });

    test("lets nothing be heard by an armed owner", async () => {
      await using client = await open(kind);
      receiveNextPacketAsMessage(client.socket);
      await close(client.socket);
      expect(await unasked(client.self)).toEqual(err("Timeout"));
    });

    test("resolves for each of several calls, also of a socket that is over already", async () => {
      await using client = await open(kind);
      await Promise.all([close(client.socket), close(client.socket)]);
      await close(client.socket);

      await using other = await open(kind);
      other.peer.reset();
      expect(await receive(other.socket, soonMs)).toEqual(err("Closed"));
      await within(close(other.socket), "close does not resolve");
      expect(await receive(other.socket, soonMs)).toEqual(err("Closed"));
    });

    test("resolves while the queue leaves, where the peer resets", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const closed = close(client.socket);
      expect(await soFar(closed)).toBe(pending);
      client.peer.reset();
      await within(closed, "close does not resolve");
    });

    test("resolves when the descriptor is closed", async () => {
      await using client = await open(kind);
      const before = openDescriptors();
      await close(client.socket);
      expect(openDescriptors()).toBe(before - 1);
    });

    test("follows shutdown: what shutdown had queued still leaves", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      unwrap(await shutdown(client.socket));
      const closed = close(client.socket);
      const { data, how } = await client.peer.readToEnd();
      expect([data.length, how]).toEqual([tooMuch.length, "Fin"]);
      await closed;
    });

    test("after shutdown frees the descriptor though the peer does not end", async () => {
      await using client = await open(kind);
      unwrap(await shutdown(client.socket));
      expect((await client.peer.readToEnd()).how).toBe("Fin");
      await within(close(client.socket), "close does not resolve");
    });
  });

  test("closes a unix socket behind what is queued", async () => {
    await using server = await unixPeerServer();
    const socket = unwrap(await connect({ host: "", port: 0, path: server.path }));
    const peer = await server.accept();
    unwrap(await send(socket, pattern(4_000_000)));
    const closed = close(socket);
    const { data, how } = await peer.readToEnd();
    expect([data.length, how]).toEqual([4_000_000, "Fin"]);
    await closed;
  });

  test.each([
    ["close", close as Anything],
    ["shut down", shutdown as Anything],
    ["shut down", shutdownWrite as Anything],
    ["abort", abort as Anything],
  ])("of what is not a socket throws: Cannot %s", (action, end) => {
    expect(() => end({ id: 1 })).toThrow(new TypeError(`Cannot ${action}: expected a socket, received { id: 1 }`));
  });
});

describe("abort", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("resets at once what was closed and is still leaving", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const closing = close(client.socket);
      abort(client.socket);
      await closing;
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Rst");
      expect(data.length).toBeLessThan(tooMuch.length);
    });

    test("resets at once, whatever is queued or waits", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      const waiting = send(client.socket, "x");
      abort(client.socket);
      expect(await waiting).toEqual(err("Closed"));
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      const { data, how } = await client.peer.readToEnd();
      expect(how).toBe("Rst");
      expect(data.length).toBeLessThan(tooMuch.length);
    });

    test("resets an idle connection", async () => {
      await using client = await open(kind);
      abort(client.socket);
      abort(client.socket);
      expect(await client.peer.readToEnd()).toEqual({ data: nothing, how: "Rst" });
    });

    test("resets what shutdown was flushing", async () => {
      await using client = await open(kind);
      unwrap(await send(client.socket, tooMuch));
      unwrap(await shutdown(client.socket));
      abort(client.socket);
      expect((await client.peer.readToEnd()).how).toBe("Rst");
    });

    test("in the turn of a shutdown leaves no descriptor open", async () => {
      await using client = await open(kind);
      const before = openDescriptors();
      void shutdown(client.socket);
      abort(client.socket);
      await until(() => openDescriptors() < before, "The descriptor stays open");
      expect(openDescriptors()).toBe(before - 1);
    });
  });

  test("just closes a unix socket", async () => {
    await using server = await unixPeerServer();
    const socket = unwrap(await connect({ host: "", port: 0, path: server.path }));
    const peer = await server.accept();
    abort(socket);
    expect(await peer.readToEnd()).toEqual({ data: nothing, how: "Fin" });
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
  });
});

describe("Symbol.asyncDispose", () => {
  test("closes the socket at the end of its block", async () => {
    await using server = await peerServer();
    let left: OwnedSocket | undefined;
    {
      await using owner = await startProcess();
      await using socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: owner.self }));
      unwrap(await send(socket, "bye"));
      left = socket;
    }
    const peer = await server.accept();
    expect(await peer.readToEnd()).toEqual({ data: Buffer.from("bye"), how: "Fin" });
    expect(await receive(left, soonMs)).toEqual(err("Closed"));
  });

  test("closes the listener at the end of its block", async () => {
    const listenInABlock = async (): Promise<number> => {
      await using listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
      return listener.port;
    };
    const port = await listenInABlock();
    expect(await connect({ host: "127.0.0.1", port, ipVersionPreference: "Ipv4Only" })).toMatchObject(
      err({ type: "ConnectFailedIpv4", ipv4: "Econnrefused" }),
    );
  });
});

/** How many sockets this Node process has open, referenced or not: only Linux shows them. */
function openDescriptors(): number {
  const folder = "/proc/self/fd";
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith("socket:");
    } catch {
      return false; // the one with which the folder is read
    }
  }).length;
}
