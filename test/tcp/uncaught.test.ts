import { once } from "node:events";
import { connect as connectRaw, createServer, type AddressInfo, type Socket as RawSocket } from "node:net";
import { describe, expect, test } from "@jest/globals";
import {
  accept,
  close,
  closeListener,
  connect,
  fromNodeSocket,
  listen,
  receive,
  receiveNextPacketAsMessage,
  send,
  unwrap,
} from "tankard";
import { moments, useEverything } from "../support/moments.ts";
import { connectPeer, peerServer, unixPeerServer } from "../support/peer.ts";
import { connectedToPeer, open, type SocketKind, socketKinds, startProcess } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

describe("no error of a connection is an uncaught exception or an unhandled rejection", () => {
  describe.each(socketKinds)("of a socket that was %s", (kind: SocketKind) => {
    test.each(moments)("when the peer resets while: %s", async (_, act) => {
      const errors = await uncaughtDuring(async () => {
        await using client = await open(kind);
        await act(client);
        client.peer.reset();
        await useEverything(client);
      });
      expect(errors).toEqual([]);
    });

    test.each(moments)("when the peer closes while: %s", async (_, act) => {
      const errors = await uncaughtDuring(async () => {
        await using client = await open(kind);
        await act(client);
        client.peer.close();
        await useEverything(client);
      });
      expect(errors).toEqual([]);
    });
  });

  test.each(moments)("when the peer of a unix socket goes while: %s", async (_, act) => {
    const errors = await uncaughtDuring(async () => {
      await using server = await unixPeerServer();
      await using owner = await startProcess();
      const socket = unwrap(await connect({ host: "", port: 0, path: server.path, owner: owner.self }));
      const client = { ...owner, socket, peer: await server.accept() };
      await act(client);
      client.peer.close();
      await useEverything(client);
    });
    expect(errors).toEqual([]);
  });

  test("before anybody owns it: while it connects, and while it waits to be accepted", async () => {
    const errors = await uncaughtDuring(async () => {
      const rude = createServer((raw) => raw.resetAndDestroy()).listen(0, "127.0.0.1");
      await once(rude, "listening");
      const { port } = rude.address() as AddressInfo;
      for (let i = 0; i < 10; i++) {
        const result = await connect({ host: "127.0.0.1", port, ipVersionPreference: "Ipv4Only" });
        await turns(i);
        if (result.ok) await close(result.value);
      }
      rude.close();

      const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
      for (let i = 0; i < 10; i++) (await connectPeer(listener)).reset();
      await turns(5);
      for (let i = 0; i < 5; i++) await close(unwrap(await accept(listener, 1_000)));
      await closeListener(listener);
    });
    expect(errors).toEqual([]);
  });

  test("at the moment of its adoption, and afterwards", async () => {
    const errors = await uncaughtDuring(async () => {
      const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
      await once(server, "listening");
      for (let moment = 0; moment < 5; moment++) {
        const raw = connectRaw((server.address() as AddressInfo).port, "127.0.0.1");
        const [ours] = (await once(server, "connection")) as [RawSocket];
        raw.on("error", () => undefined).resetAndDestroy();
        const socket = fromNodeSocket(ours);
        await turns(moment);
        void send(socket, "x");
        await receive(socket, 100);
        await close(socket);
        ours.emit("error", new Error("a late error of Node's")); // whatever comes after the end is nobody's
      }
      server.close();
    });
    expect(errors).toEqual([]);
  });

  test("while many connections break at once", async () => {
    const errors = await uncaughtDuring(async () => {
      await using server = await peerServer();
      await using owner = await startProcess();
      const sockets = await Promise.all(
        Array.from({ length: 100 }, () => connect({ host: "127.0.0.1", port: server.port, owner: owner.self })),
      );
      for (const result of sockets) {
        const socket = unwrap(result);
        receiveNextPacketAsMessage(socket);
        void send(socket, "hello");
      }
      for (let i = 0; i < 100; i++) (await server.accept()).reset();
      owner.process.kill();
      await turns(10);
    });
    expect(errors).toEqual([]);
  });

  test("is seen by this file's own eyes: what is thrown in a callback of Node's is found", async () => {
    const errors = await uncaughtDuring(async () => {
      setImmediate(() => {
        throw new Error("seen");
      });
      await turns(3);
    });
    expect(errors).toEqual([new Error("seen")]);
    await using client = await connectedToPeer();
    await close(client.socket);
  });
});
