import { EventEmitter } from "node:events";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  connect,
  controllingProcess,
  createRuntime,
  err,
  getstat,
  Normal,
  ok,
  type OwnedSocket,
  type Owner,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  selectTcpMessagesFrom,
  newSelector,
  send,
  shutdown,
  type TcpMessage,
  unwrap,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { peerServer, until } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  inMailbox,
  nextMessage,
  open,
  packet,
  readAhead,
  socketClosed,
  socketKinds,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";

describe("controllingProcess", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind) => {
    test("lets later messages go to the new owner", async () => {
      await using client = await open(kind);
      await using next = await startProcess();
      expect(controllingProcess(client.socket, next.self)).toEqual({ ok: true, value: client.socket });
      receiveNextPacketAsMessage(client.socket);
      await client.peer.send("for the new owner");
      expect(await nextMessage(next.self)).toEqual(packet(client.socket, "for the new owner"));
      expect(await inMailbox(client.self)).toEqual(err("Timeout"));
    });

    test("keeps the arm", async () => {
      await using client = await open(kind);
      await using next = await startProcess();
      receiveNextPacketAsMessage(client.socket);
      unwrap(controllingProcess(client.socket, next.self));
      await client.peer.send("one");
      expect(await nextMessage(next.self)).toEqual(packet(client.socket, "one"));
      await client.peer.send("two");
      expect(await unasked(next.self)).toEqual(err("Timeout"));
    });

    test("moves the messages that wait in the old mailbox, in order, before it returns", async () => {
      await using client = await open(kind, { buffer: 3 });
      await using next = await startProcess();
      await readAhead(client, "onetwo");
      receiveNextPacketAsMessage(client.socket);
      receiveNextPacketAsMessage(client.socket);
      unwrap(controllingProcess(client.socket, next.self));
      expect(await inMailbox(next.self)).toEqual(packet(client.socket, "one"));
      expect(await inMailbox(next.self)).toEqual(packet(client.socket, "two"));
      expect(await inMailbox(client.self)).toEqual(err("Timeout"));
    });

    test("lets the socket live when the old owner ends, and close when the new one does", async () => {
      await using client = await open(kind);
      await using next = await startProcess();
      unwrap(controllingProcess(client.socket, next.self));
      client.process.kill();
      await client.peer.send("still here");
      expect(await receive(client.socket, soonMs)).toEqual(bytes("still here"));
      next.process.kill();
      expect(getstat(client.socket)).toEqual(err("Closed"));
      expect((await client.peer.readToEnd()).how).toBe("Fin");
    });
  });

  test("moves the messages of this socket alone: others stay where they are, in order", async () => {
    await using client = await connectedToPeer();
    await using server = await peerServer();
    await using next = await startProcess();
    const other = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const words = client.self.newSubject<string>();

    words.send("one");
    await readAhead(client, "moves");
    receiveNextPacketAsMessage(client.socket);
    words.send("two");
    await readAhead({ ...client, socket: other, peer: await server.accept() }, "stays");
    receiveNextPacketAsMessage(other);
    words.send("three");
    unwrap(controllingProcess(client.socket, next.self));

    const all = newSelector().selectOther((message) => message as TcpMessage);
    expect(await next.self.receive(all, 0)).toEqual(packet(client.socket, "moves"));
    const left = selectTcpMessagesFrom(newSelector().select(words), other, ({ type }) => type);
    for (const expected of ["one", "two", "Packet", "three"]) {
      expect(await client.self.receive(left, 0)).toEqual(ok(expected));
    }
    expect(await client.self.receive(all, 0)).toEqual(err("Timeout"));
  });

  test("appends the messages behind those that the new owner has", async () => {
    await using client = await connectedToPeer();
    await using next = await startProcess();
    const words = next.self.newSubject<string>();
    words.send("before");
    await readAhead(client, "moved");
    receiveNextPacketAsMessage(client.socket);
    unwrap(controllingProcess(client.socket, next.self));
    words.send("after");
    const all = selectTcpMessagesFrom(newSelector().select(words), client.socket, ({ type }) => type);
    for (const expected of ["before", "Packet", "after"]) expect(await next.self.receive(all, 0)).toEqual(ok(expected));
  });

  test("leaves a message that was taken with the one who took it", async () => {
    await using client = await connectedToPeer();
    await using next = await startProcess();
    await readAhead(client, "taken");
    receiveNextPacketAsMessage(client.socket);
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "taken"));
    unwrap(controllingProcess(client.socket, next.self));
    expect(await unasked(next.self)).toEqual(err("Timeout"));
  });

  test("moves the end of the stream too, which is still told once", async () => {
    await using client = await connectedToPeer();
    await using next = await startProcess();
    client.peer.close();
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    unwrap(controllingProcess(client.socket, next.self));
    receiveNextPacketAsMessage(client.socket);
    expect(await inMailbox(next.self)).toEqual(socketClosed(client.socket));
    expect(controllingProcess(client.socket, client.self)).toEqual(err("Closed"));
  });

  test("gives a socket without an owner its first one", async () => {
    await using server = await peerServer();
    await using owner = await startProcess();
    const nobodys = unwrap(await connect({ host: "127.0.0.1", port: server.port }));
    const peer = await server.accept();
    const socket: OwnedSocket = unwrap(controllingProcess(nobodys, owner.self));
    receiveNextPacketAsMessage(socket);
    await peer.send("hello");
    expect(await nextMessage(owner.self)).toEqual(packet(socket, "hello"));
    owner.end();
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test("hands over between a process and a callback, both ways", async () => {
    await using client = await connectedToPeer();
    const heard: TcpMessage[] = [];
    const callback = ownerFromCallback((message) => heard.push(message));
    await readAhead(client, "one");
    receiveNextPacketAsMessage(client.socket);
    unwrap(controllingProcess(client.socket, callback));
    expect(heard).toEqual([]);
    await until(() => heard.length > 0, "The callback is not called");
    expect(heard.map(ok)).toEqual([packet(client.socket, "one")]);

    await readAhead(client, "two");
    receiveNextPacketAsMessage(client.socket);
    unwrap(controllingProcess(client.socket, client.self, { from: callback }));
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "two"));
    callback.exit();
    expect(getstat(client.socket).ok).toBe(true);
    expect(heard).toHaveLength(1);
  });

  test("to the owner itself changes nothing", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "mine");
    receiveNextPacketAsMessage(client.socket);
    expect(controllingProcess(client.socket, client.self, { from: client.process })).toEqual({
      ok: true,
      value: client.socket,
    });
    expect(controllingProcess(client.socket, client.process)).toEqual({ ok: true, value: client.socket });
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "mine"));
  });

  test("with `from` is NotOwner for anybody but the owner, and nothing changes", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    receiveNextPacketAsMessage(client.socket);
    expect(controllingProcess(client.socket, other.self, { from: other.self })).toEqual(err("NotOwner"));
    await client.peer.send("for the owner");
    expect(await nextMessage(client.self)).toEqual(packet(client.socket, "for the owner"));
    expect(controllingProcess(client.socket, other.self, { from: client.self }).ok).toBe(true);
  });

  test("to the owner itself is ok whoever asks", async () => {
    await using client = await connectedToPeer();
    await using other = await startProcess();
    expect(controllingProcess(client.socket, client.self, { from: other.self })).toEqual(ok(client.socket));
  });

  test("is OwnerExited where the new owner has ended, and everything is as it was", async () => {
    await using client = await connectedToPeer();
    await using ended = await startProcess();
    ended.process.kill();
    await readAhead(client, "mine");
    receiveNextPacketAsMessage(client.socket);
    expect(controllingProcess(client.socket, ended.self)).toEqual(err("OwnerExited"));
    expect(await inMailbox(client.self)).toEqual(packet(client.socket, "mine"));
    client.process.kill();
    expect(getstat(client.socket)).toEqual(err("Closed"));
  });

  test("is Closed for a socket that is gone", async () => {
    await using next = await startProcess();
    await using closed = await connectedToPeer();
    void close(closed.socket);
    expect(controllingProcess(closed.socket, next.self)).toEqual(err("Closed"));
    await using aborted = await connectedToPeer();
    abort(aborted.socket);
    expect(controllingProcess(aborted.socket, next.self)).toEqual(err("Closed"));
  });

  test("throws for what is not a socket", async () => {
    await using next = await startProcess();
    expect(() => controllingProcess({} as OwnedSocket, next.self)).toThrow(
      "Cannot hand over: expected a socket, received {}",
    );
  });
});

describe("Owner", () => {
  describe.each(["returns", "throws", "is killed"])("that %s", (how) => {
    test.each(socketKinds)(
      "closes its socket that was %s behind what is queued: all bytes, then a clean end",
      async (kind) => {
        await using client = await open(kind);
        const data = Buffer.alloc(24 * 1024 * 1024, "queued");
        unwrap(await send(client.socket, data));
        endOwner(client, how);
        const stream = await client.peer.readToEnd();
        expect(stream.how).toBe("Fin");
        expect(stream.data.equals(data)).toBe(true);
        await client.process.exited;
      },
    );
  });

  test("that throws and owns two sockets closes both, and those of others live", async () => {
    await using client = await connectedToPeer();
    await using server = await peerServer();
    await using other = await connectedToPeer();
    const second = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: client.self }));
    const secondPeer = await server.accept();

    client.crash(new Error("a line that nobody could parse"));
    expect((await client.peer.readToEnd()).how).toBe("Fin");
    expect((await secondPeer.readToEnd()).how).toBe("Fin");
    for (const socket of [client.socket, second]) {
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
      expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
    }
    await other.peer.send("others live");
    expect(await receive(other.socket, soonMs)).toEqual(bytes("others live"));
  });

  test("that is killed leaves a socket that is gone at once for everybody, for ever", async () => {
    await using client = await connectedToPeer();
    client.process.kill();
    for (let i = 0; i < 2; i++) {
      expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
      expect(await shutdown(client.socket)).toEqual(err("Closed"));
      expect(receiveNextPacketAsMessage(client.socket)).toEqual(err("Closed"));
    }
  });

  test("that is killed with bytes unread resets the peer, and the queue is cut", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "unread");
    unwrap(await send(client.socket, Buffer.alloc(24 * 1024 * 1024)));
    client.process.kill();
    const { data, how } = await client.peer.readToEnd();
    expect(how).toBe("Rst");
    expect(data.length).toBeLessThan(24 * 1024 * 1024);
  });

  test("that is killed with bytes queued for a peer that does not read resets it after linger milliseconds", async () => {
    const clock = createSimulatedClock();
    await using client = await connectedToPeer({ linger: 5_000 }, createRuntime({ clock }));
    const data = Buffer.alloc(24 * 1024 * 1024, "queued");
    unwrap(await send(client.socket, data));
    client.process.kill();
    await clock.advance(5_000);
    const stream = await client.peer.readToEnd();
    expect(stream.how).toBe("Rst");
    expect(stream.data.length).toBeLessThan(data.length);
  });

  test("that calls a listener which has left, as an EventEmitter does, does not end the socket of its new owner", async () => {
    const ends = new EventEmitter();
    const first: Owner = {
      deliver: () => undefined,
      onExit: (listener) => {
        ends.on("end", listener);
        return () => ends.off("end", listener);
      },
    };
    await using server = await peerServer();
    await using next = await startProcess();
    ends.on("end", () => unwrap(controllingProcess(socket, next.self)));
    const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, owner: first }));
    ends.emit("end", Normal);
    expect(await send(socket, "still open")).toEqual(ok());
    next.end();
    await next.process.exited;
    expect(await send(socket, "closed")).toEqual(err("Closed"));
  });

  test("that is killed after shutdown with bytes unread resets the peer that had seen the end", async () => {
    await using client = await connectedToPeer();
    await readAhead(client, "unread");
    unwrap(await shutdown(client.socket));
    expect((await client.peer.readToEnd()).how).toBe("Fin");
    client.process.kill();
    await expect(client.peer.send("x")).rejects.toMatchObject({ syscall: "write" });
  });
});

function endOwner(client: Awaited<ReturnType<typeof startProcess>>, how: string): void {
  if (how === "returns") client.end();
  else if (how === "throws") client.crash(new Error("the owner's own fault"));
  else client.process.kill();
}
