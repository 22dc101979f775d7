import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect as connectRaw, createServer, Socket as RawSocket } from "node:net";
import tls from "node:tls";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  err,
  fromNodeSocket,
  getstat,
  peername,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  send,
  unwrap,
} from "tankard";
import { connectPeer, type Peer, until, within } from "../support/peer.ts";
import { bytes, inMailbox, nextMessage, packet, soonMs, startProcess, unasked } from "../support/test-process.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const adoptAnything = fromNodeSocket as (raw: unknown, context?: unknown) => unknown;

describe("fromNodeSocket", () => {
  test("refuses a socket that is not connected, or that turns its bytes into text", async () => {
    expect(() => fromNodeSocket(new RawSocket())).toThrow(new TypeError("Cannot adopt a socket: it is not connected"));
    await using raw = await rawPair();
    raw.ours.setEncoding("utf8");
    expect(() => fromNodeSocket(raw.ours)).toThrow(
      new TypeError("Cannot adopt a socket: its bytes are turned into text, received utf8"),
    );
    raw.ours.destroy();
  });

  test.each(["abort", "the owner's end over unread bytes"])(
    "closes a socket of TLS at %s, which has no reset",
    async (how) => {
      await using pair = await tlsPair();
      await using owner = await startProcess();
      const errors = await uncaughtDuring(async () => {
        const socket = fromNodeSocket(pair.client, { owner: owner.self, head: Buffer.from("unread") });
        if (how === "abort") abort(socket);
        else owner.end();
        await within(pair.serverClosed, "The socket stays open");
      });
      expect(errors).toEqual([]);
    },
  );

  test("reads and writes over TLS", async () => {
    await using pair = await tlsPair();
    await using socket = fromNodeSocket(pair.client);
    unwrap(await send(socket, "over TLS"));
    expect(await receive(socket, soonMs)).toEqual(bytes("over TLS"));
  });

  test("makes a socket of a connection of node:net, passive and of its owner", async () => {
    await using raw = await rawPair();
    await using owner = await startProcess();
    const socket = fromNodeSocket(raw.ours, { owner: owner.self });
    await raw.peer.send("hello");
    expect(await unasked(owner.self)).toEqual(err("Timeout"));
    receiveNextPacketAsMessage(socket);
    expect(await nextMessage(owner.self)).toEqual(packet(socket, "hello"));
    unwrap(await send(socket, "back"));
    expect((await raw.peer.receive(4)).toString()).toBe("back");
    expect(unwrap(peername(socket)).port).toBe(raw.peer.raw.localPort);
    owner.process.kill();
    expect((await raw.peer.readToEnd()).how).toBe("Fin");
  });

  test("stops one that was flowing: nothing is read before it is asked for", async () => {
    await using raw = await rawPair();
    raw.ours.resume();
    await turns();
    await using socket = fromNodeSocket(raw.ours);
    await raw.peer.send("hello");
    await turns(10);
    expect(unwrap(getstat(socket)).recvOct).toBe(0);
    expect(await receive(socket, soonMs)).toEqual(bytes("hello"));
  });

  test("puts `head`, what had been read before, in front", async () => {
    await using raw = await rawPair();
    await using owner = await startProcess();
    const head = Buffer.from("head ");
    const socket = fromNodeSocket(raw.ours, { owner: owner.self, head });
    head.fill("x"); // what was handed over is its own
    receiveNextPacketAsMessage(socket);
    expect(await inMailbox(owner.self)).toEqual(packet(socket, "head "));
    await raw.peer.send("and tail");
    expect(await receive(socket, soonMs)).toEqual(bytes("and tail"));
  });

  test("joins `head` with what comes", async () => {
    await using raw = await rawPair();
    await using socket = fromNodeSocket(raw.ours, { head: Buffer.from("Hel") });
    await raw.peer.send("lo, Joe!");
    expect(await receiveExact(socket, 5, soonMs)).toEqual(bytes("Hello"));
  });

  test("has what Node had read before, though nobody listened", async () => {
    await using raw = await rawPair();
    raw.ours.pause();
    await raw.peer.send("early");
    raw.ours.read(0); // Node reads into its own buffer
    await until(() => raw.ours.readableLength === 5, "Node does not read");
    await using socket = fromNodeSocket(raw.ours);
    expect(await receive(socket, soonMs)).toEqual(bytes("early"));
  });

  test("takes over the connection of an HTTP upgrade", async () => {
    const http = createHttpServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const upgraded = once(http, "upgrade") as Promise<[unknown, RawSocket, Buffer]>;
    await using peer = await connectPeer({ port: (http.address() as AddressInfo).port });
    await peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nfirst words");
    const [, stream, head] = await upgraded;
    {
      await using socket = fromNodeSocket(stream, { head });
      unwrap(await send(socket, "HTTP/1.1 101 Switching Protocols\r\n\r\n"));
      expect(await receiveExact(socket, 11, soonMs)).toEqual(bytes("first words"));
      await peer.send("more");
      expect(await receive(socket, soonMs)).toEqual(bytes("more"));
    }
    expect((await peer.readToEnd()).data.toString()).toContain("101 Switching Protocols");
    http.close();
  });

  test("takes the options of any socket", async () => {
    await using raw = await rawPair();
    await using socket = fromNodeSocket(raw.ours, { buffer: 2, showEconnreset: true });
    await raw.peer.send("1234");
    expect(await receive(socket, soonMs)).toEqual(bytes("12"));
    expect(await receive(socket, soonMs)).toEqual(bytes("34"));
    const waiting = receive(socket, soonMs);
    await until(() => getstat(socket).ok, "It is not open");
    raw.peer.reset();
    expect(await waiting).toEqual(err("Econnreset"));
  });

  test("of one that Node has destroyed gives a socket whose end has come", async () => {
    await using raw = await rawPair();
    raw.ours.destroy();
    await using socket = fromNodeSocket(raw.ours);
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    expect((await send(socket, "x")).ok).toBe(false);
  });

  test("of one whose end Node has read already gives a socket whose end has come", async () => {
    await using raw = await rawPair();
    raw.ours.resume();
    await raw.peer.halfClose();
    await once(raw.ours, "end");
    await using socket = fromNodeSocket(raw.ours);
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
  });

  test("for an owner that has ended gives a socket that is closed", async () => {
    await using raw = await rawPair();
    await using owner = await startProcess();
    owner.process.kill();
    const socket = fromNodeSocket(raw.ours, { owner: owner.self });
    expect(getstat(socket)).toEqual(err("Closed"));
    expect((await raw.peer.readToEnd()).how).toBe("Fin");
  });

  test("lets no error of the connection out, whoever listened before", async () => {
    await using raw = await rawPair();
    const socket = fromNodeSocket(raw.ours);
    const received = receive(socket, soonMs);
    raw.peer.reset();
    expect(await received).toEqual(err("Closed"));
    await close(socket);
  });

  test("keeps its hands off what a hook on the socket's writing has seen", async () => {
    await using raw = await rawPair();
    const seen: Buffer[] = [];
    const write = raw.ours._write.bind(raw.ours);
    Object.assign(raw.ours, { _writev: null }); // so that Node writes piece by piece
    raw.ours._write = (chunk: Buffer, encoding, done) => {
      seen.push(chunk);
      write(chunk, encoding, done);
    };
    await using socket = fromNodeSocket(raw.ours);
    const texts = Array.from({ length: 12 }, (_, index) => `piece ${String(index)}, `);
    for (const [index, text] of texts.entries()) {
      void send(socket, text);
      if (index % 4 === 3) await turns();
    }
    expect(Buffer.concat(seen).toString()).toBe(texts.join(""));
    expect((await raw.peer.receive(texts.join("").length)).toString()).toBe(texts.join(""));
  });

  test("throws for what is still connecting, is no socket, or for options that nobody has", async () => {
    await using raw = await rawPair();
    const connecting = connectRaw(1, "127.0.0.1").on("error", () => undefined);
    expect(() => fromNodeSocket(connecting)).toThrow(new TypeError("Cannot adopt a socket: it is still connecting"));
    connecting.destroy();
    expect(() => adoptAnything({})).toThrow("Cannot adopt a socket: the socket must be ");
    expect(() => adoptAnything(raw.ours, { heads: Buffer.alloc(1) })).toThrow('did you mean "head"?');
    expect(() => adoptAnything(raw.ours, { owner: 5 })).toThrow("received 5");
    expect(() => adoptAnything(raw.ours, { buffer: 0 })).toThrow("received 0");
  });
});

/** A connection of plain node:net with both of its sides. */
async function rawPair(): Promise<AsyncDisposable & { readonly ours: RawSocket; readonly peer: Peer }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const connected = once(server, "connection") as Promise<[RawSocket]>;
  const peer = await connectPeer({ port: (server.address() as AddressInfo).port });
  const [ours] = await connected;
  server.close();
  return {
    ours,
    peer,
    [Symbol.asyncDispose]: async () => {
      ours.destroy();
      await peer[Symbol.asyncDispose]();
    },
  };
}

interface TlsPair extends AsyncDisposable {
  readonly client: tls.TLSSocket;
  readonly serverClosed: Promise<unknown>;
}

/** A client of an echo server over TLS, by a key that both know: no certificate is needed. */
async function tlsPair(): Promise<TlsPair> {
  const key = Buffer.from("a key that both know");
  const common = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
  const server = tls.createServer({ ...common, pskCallback: () => key, pskIdentityHint: "test" });
  const serverClosed = new Promise((resolve) => {
    server.on("secureConnection", (socket) => {
      socket.on("error", () => undefined).on("close", resolve);
      socket.pipe(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({
    ...common,
    host: "127.0.0.1",
    port,
    pskCallback: () => ({ psk: key, identity: "client" }),
    checkServerIdentity: () => undefined,
  });
  await once(client, "secureConnect");
  return {
    client,
    serverClosed,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      server.close();
      await serverClosed;
    },
  };
}
