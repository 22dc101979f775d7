// `upgrade` of tankard/tls: a socket that stands goes on in TLS, on either side.

import { once } from "node:events";
import { connect as connectTls, TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  close,
  controllingProcess,
  err,
  getstat,
  ok,
  receive,
  receiveNextPacketAsMessage,
  send,
  setopts,
  shutdown,
  shutdownWrite,
  tcpMessages,
  unwrap,
} from "tankard";
import { newServerContext, peercert, type TlsClientOptions, upgrade } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { inProcess } from "../support/in-process.ts";
import { type Peer, until, within } from "../support/peer.ts";
import {
  bytes,
  connectedToPeer,
  hasRead,
  nextMessage,
  open,
  packet,
  readAhead,
  socketClosed,
  type SocketKind,
  socketKinds,
  soonMs,
  startProcess,
  unasked,
} from "../support/test-process.ts";
import { turns } from "../support/turns.ts";

const asClient: TlsClientOptions = { ca, serverNameIndication: "localhost" };
const asServer = newServerContext(credentials("localhost"));
/** More than the kernel takes from one who sends to nobody. */
const tooMuch = Buffer.alloc(24 * 1024 * 1024, "x");

/** The peer goes on in TLS, in the other role. */
async function secure({ raw }: Peer, role: "server" | "client"): Promise<TLSSocket> {
  if (role === "server") {
    const secured = new TLSSocket(raw, { isServer: true, ...credentials("localhost") });
    secured.on("error", () => undefined);
    await within(once(secured, "secure"), "The peer's handshake does not end");
    return secured;
  }
  const secured = connectTls({ socket: raw, ca, servername: "localhost" });
  secured.on("error", () => undefined);
  await within(once(secured, "secureConnect"), "The peer's handshake does not end");
  return secured;
}

const roles = [
  ["client", asClient, "server"],
  ["server", asServer, "client"],
] as const;

describe.each(roles)("upgrade, as the %s,", (_, tls, peerRole) => {
  test.each<SocketKind>([...socketKinds, "connected over a unix socket"])(
    "goes on in TLS with the same socket, owner and framing, of a socket that was %s",
    async (kind) => {
      await using client = await open(kind, { packet: "line" });
      const { socket, self, peer } = client;
      unwrap(await send(socket, "STARTTLS\r\n"));
      expect((await peer.receive(10)).toString()).toBe("STARTTLS\r\n");
      await peer.send("220 ready\r\n");
      expect(await receive(socket, soonMs)).toEqual(bytes("220 ready"));
      const before = unwrap(getstat(socket));
      const upgrading = upgrade(socket, tls);
      const secured = await secure(peer, peerRole);
      expect(await upgrading).toEqual(ok());
      expect(unwrap(getstat(socket))).toEqual(before); // what the handshake took is not counted
      secured.write("one\r\ntwo\r\nthr");
      receiveNextPacketAsMessage(socket);
      expect(await nextMessage(self)).toEqual(packet(socket, "one"));
      expect(await receive(socket, soonMs)).toEqual(bytes("two"));
      secured.write("ee\r\n");
      expect(await receive(socket, soonMs)).toEqual(bytes("three"));
      unwrap(await send(socket, "four\r\n"));
      const [four] = (await within(once(secured, "data"), "Nothing came")) as [Buffer];
      expect(four.toString()).toBe("four\r\n");
      const after = unwrap(getstat(socket));
      expect(after.recvOct - before.recvOct).toBe("one\r\ntwo\r\nthree\r\n".length);
      expect(after.sendOct - before.sendOct).toBe("four\r\n".length);
      expect(after.sendCnt - before.sendCnt).toBe(1);
      secured.end();
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    },
  );

  test.each(socketKinds)(
    "lets what was sent before leave in plain text, also a long queue, of a socket that was %s",
    async (kind) => {
      await using client = await open(kind);
      const { socket, peer } = client;
      unwrap(await send(socket, tooMuch));
      const waiting = send(socket, "STARTTLS\r\n");
      const upgrading = upgrade(socket, tls);
      expect(unwrap(getstat(socket)).sendPend).toBeGreaterThan(10);
      const plain = await peer.receive(tooMuch.length + 10);
      expect(await waiting).toEqual(ok());
      expect(plain.subarray(tooMuch.length).toString()).toBe("STARTTLS\r\n");
      expect(unwrap(getstat(socket))).toMatchObject({ sendOct: tooMuch.length + 10, sendCnt: 2, sendPend: 0 });
      peer.reset();
      expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed" } });
    },
  );

  test("refuses what cannot be done meanwhile, and counts no more than was sent", async () => {
    await using client = await connectedToPeer();
    const { socket, self, peer } = client;
    unwrap(await send(socket, "STARTTLS\r\n"));
    await peer.receive(10);
    const upgrading = upgrade(socket, tls);
    for (let left = 2; left > 0; left--) {
      expect(await send(socket, "in between")).toEqual(err("Ealready"));
      expect(await send(socket, "")).toEqual(err("Ealready"));
      expect(await receive(socket, 50)).toEqual(err("Ealready"));
      expect(await upgrade(socket, tls)).toEqual(err("Ealready"));
      expect(await shutdown(socket)).toEqual(err("Ealready"));
      expect(await shutdownWrite(socket)).toEqual(err("Ealready"));
      expect(peercert(socket)).toEqual(err("Enotsup"));
      expect(unwrap(getstat(socket))).toMatchObject({ sendOct: 10, sendCnt: 1, recvOct: 0, sendPend: 0 });
      await turns(); // again, when the handshake has begun
    }
    receiveNextPacketAsMessage(socket);
    const secured = await secure(peer, peerRole);
    expect(await upgrading).toEqual(ok());
    expect(await unasked(self)).toEqual(err("Timeout"));
    secured.write("Hello");
    expect(await nextMessage(self)).toEqual(packet(socket, "Hello"));
    expect(await upgrade(socket, tls)).toEqual(err("Enotsup"));
    unwrap(await send(socket, "still there"));
    const [data] = (await within(once(secured, "data"), "Nothing came")) as [Buffer];
    expect(data.toString()).toBe("still there");
  });

  test("is Einval where the socket is armed and Ealready where a receive waits, and nothing has happened", async () => {
    await using client = await connectedToPeer();
    const { socket, self, peer } = client;
    receiveNextPacketAsMessage(socket);
    expect(await upgrade(socket, tls)).toEqual(err("Einval"));
    await peer.send("in plain text");
    expect(await nextMessage(self)).toEqual(packet(socket, "in plain text"));
    const receiving = receive(socket, soonMs);
    expect(await upgrade(socket, tls)).toEqual(err("Ealready"));
    await peer.send("still in plain text");
    expect(await receiving).toEqual(bytes("still in plain text"));
    unwrap(await send(socket, "x"));
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("is Closed or Enotconn where the connection is over", async () => {
    await using client = await connectedToPeer();
    await client.peer.halfClose();
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
    expect(await upgrade(client.socket, tls)).toEqual(err("Enotconn"));
    await close(client.socket);
    expect(await upgrade(client.socket, tls)).toEqual(err("Closed"));
    await using ended = await connectedToPeer();
    await shutdownWrite(ended.socket);
    expect(await upgrade(ended.socket, tls)).toEqual(err("Enotconn"));
  });

  describe("in the middle of it", () => {
    test("hands the socket to another owner, who gets what comes encrypted", async () => {
      await using client = await connectedToPeer();
      await using other = await startProcess();
      const { socket, process, peer } = client;
      const upgrading = upgrade(socket, tls);
      unwrap(controllingProcess(socket, other.self));
      receiveNextPacketAsMessage(socket);
      process.kill();
      const secured = await secure(peer, peerRole);
      expect(await upgrading).toEqual(ok());
      secured.write("Hello");
      expect(await nextMessage(other.self)).toEqual(packet(socket, "Hello"));
    });

    test("changes the framing", async () => {
      await using client = await connectedToPeer();
      const { socket, peer } = client;
      const upgrading = upgrade(socket, tls);
      unwrap(setopts(socket, { packet: "line" }));
      const secured = await secure(peer, peerRole);
      expect(await upgrading).toEqual(ok());
      secured.write("one\ntwo\n");
      expect(await receive(socket, soonMs)).toEqual(bytes("one"));
    });

    const moments = [
      ["at once", () => Promise.resolve()],
      ["a moment later", () => Promise.resolve().then(() => undefined)],
      ["two moments later", () => Promise.resolve().then(() => Promise.resolve())],
      ["three moments later", () => Promise.resolve().then(() => Promise.resolve().then(() => undefined))],
      ["when the handshake is under way", () => turns(5)],
    ] as const;
    const ends = [
      ["close", (client) => close(client.socket)],
      ["abort", (client) => abort(client.socket)],
      ["the owner's end", (client) => client.end()],
      ["the owner's kill", (client) => client.process.kill()],
    ] as const satisfies readonly (readonly [
      string,
      (client: Awaited<ReturnType<typeof connectedToPeer>>) => unknown,
    ])[];
    const cases = moments.flatMap(([when, wait]) => ends.map(([what, act]) => [what, when, wait, act] as const));

    test.each(cases)("ends by %s, %s", async (_what, _when, wait, act) => {
      await using client = await connectedToPeer();
      const upgrading = upgrade(client.socket, tls);
      await wait();
      await act(client);
      expect(await within(upgrading, "The upgrade does not end")).toEqual(err("Closed"));
      await client.peer.readToEnd();
      expect(await send(client.socket, "x")).toEqual(err("Closed"));
    });

    test.each(["Fin", "Rst"] as const)(
      "fails where the peer leaves by %s, and an owner that has asked is told",
      async (how) => {
        await using client = await connectedToPeer();
        const { socket, self, peer } = client;
        const upgrading = upgrade(socket, tls);
        receiveNextPacketAsMessage(socket);
        await turns(5);
        if (how === "Fin") await peer.halfClose();
        else peer.reset();
        const reason = how === "Fin" ? "Closed" : "Econnreset";
        expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed", reason } });
        expect(await nextMessage(self)).toEqual(socketClosed(socket));
        expect(await unasked(self)).toEqual(err("Timeout"));
        expect(await receive(socket, 0)).toEqual(err("Closed"));
      },
    );

    test("after it has failed the connection is over, at once", async () => {
      await using client = await connectedToPeer();
      const { socket, peer } = client;
      const upgrading = upgrade(socket, tls);
      await peer.send("this is no TLS, nor anything like it, and long enough to be seen as such\r\n");
      expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed" } });
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
      expect((await send(socket, "x")).ok).toBe(false);
      expect((await upgrade(socket, tls)).ok).toBe(false);
      await peer.readToEnd();
    });

    test("runs out of time, and an owner that has asked is told", async () => {
      await inProcess(async (_, { runtime, clock }) => {
        await using client = await connectedToPeer({}, runtime);
        const upgrading = upgrade(client.socket, tls);
        receiveNextPacketAsMessage(client.socket);
        await turns(5);
        await clock.advance(9_999);
        expect(unwrap(getstat(client.socket)).recvOct).toBe(0);
        await clock.advance(1);
        expect(await upgrading).toEqual(err({ type: "TlsHandshakeFailed", reason: "Timeout", code: undefined }));
        expect(await client.self.receive(tcpMessages, 0)).toEqual(socketClosed(client.socket));
        await client.peer.readToEnd();
      });
    });

    test("runs out of time while what was sent before does not leave: the peer sees a reset, the owner the end", async () => {
      await inProcess(async (_, { runtime, clock }) => {
        await using client = await connectedToPeer({}, runtime);
        const { socket, peer } = client;
        unwrap(await send(socket, tooMuch));
        const waiting = send(socket, "waits");
        const upgrading = upgrade(socket, tls);
        receiveNextPacketAsMessage(socket);
        await turns(5);
        await clock.advance(10_000);
        expect(await upgrading).toEqual(err({ type: "TlsHandshakeFailed", reason: "Timeout", code: undefined }));
        expect(await waiting).toEqual(err("Closed"));
        expect(await client.self.receive(tcpMessages, 0)).toEqual(socketClosed(socket));
        expect((await peer.readToEnd()).how).toBe("Rst");
      });
    });
  });

  test.each(socketKinds)(
    "fails soon where the peer had left behind what it sent, of a socket that was %s",
    async (kind) => {
      await using client = await open(kind);
      const { socket, peer } = client;
      unwrap(await send(socket, tooMuch));
      const upgrading = upgrade(socket, tls);
      await turns(5);
      await peer.halfClose(); // nobody reads while the queue leaves
      await turns(5);
      await peer.receive(tooMuch.length);
      expect(await within(upgrading, "The upgrade does not fail", soonMs)).toMatchObject({ ok: false });
      expect(await receive(socket, soonMs)).toEqual(err("Closed"));
    },
  );
});

describe("upgrade: what somebody in the middle has put behind the last words in plain text", () => {
  const injected = "250 EVIL\r\n";

  async function ready(kind: SocketKind, text: string): Promise<Awaited<ReturnType<typeof open>>> {
    const client = await open(kind, { packet: "line" });
    await client.peer.send(text);
    expect(await receive(client.socket, soonMs)).toEqual(bytes("220 ready"));
    return client;
  }

  test.each(socketKinds)("makes the handshake fail, in the same packet, of a socket that was %s", async (kind) => {
    await using client = await ready(kind, `220 ready\r\n${injected}`);
    const upgrading = upgrade(client.socket, asClient);
    void secure(client.peer, "server").catch(() => undefined);
    expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed", reason: "NotTls" } });
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
  });

  test.each(socketKinds)("makes the handshake fail, in a later packet, of a socket that was %s", async (kind) => {
    await using client = await ready(kind, "220 ready\r\n");
    await client.peer.send(injected);
    const upgrading = upgrade(client.socket, asClient);
    void secure(client.peer, "server").catch(() => undefined);
    expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed", reason: "NotTls" } });
    expect(await receive(client.socket, soonMs)).toEqual(err("Closed"));
  });

  test.each(socketKinds)("is dropped by Discard, and never received, of a socket that was %s", async (kind) => {
    await using client = await ready(kind, `220 ready\r\n${injected}`);
    const upgrading = upgrade(client.socket, { ...asClient, unread: "Discard" });
    const secured = await secure(client.peer, "server");
    expect(await upgrading).toEqual(ok());
    secured.write("250 good\r\n");
    expect(await receive(client.socket, soonMs)).toEqual(bytes("250 good"));
  });

  test.each(socketKinds)("is never received with Discard, in a later packet, of a socket that was %s", async (kind) => {
    await using client = await ready(kind, "220 ready\r\n");
    await client.peer.send(injected);
    const upgrading = upgrade(client.socket, { ...asClient, unread: "Discard" });
    const securing = secure(client.peer, "server").catch(() => undefined);
    const upgraded = await upgrading;
    if (upgraded.ok) (await securing)?.write("250 good\r\n");
    expect(await receive(client.socket, soonMs)).toEqual(upgraded.ok ? bytes("250 good") : err("Closed"));
  });

  test("is dropped by Discard too where it was read and nobody has been told", async () => {
    await using client = await open("accepted", { packet: "line", readAhead: 1 });
    const { socket, peer } = client;
    await peer.send("220 ready\r\n");
    expect(await receive(socket, soonMs)).toEqual(bytes("220 ready"));
    await readAhead(client, "x"); // the stash is full: Node itself keeps what comes now
    await peer.send(injected);
    await turns(20);
    const upgrading = upgrade(socket, { ...asClient, unread: "Discard" });
    const secured = await secure(peer, "server");
    expect(await upgrading).toEqual(ok());
    secured.write("250 good\r\n");
    expect(await receive(socket, soonMs)).toEqual(bytes("250 good"));
  });

  test.each(socketKinds)("makes a server's handshake fail too, of a socket that was %s", async (kind) => {
    await using client = await open(kind, { packet: "line" });
    const { socket, peer } = client;
    await peer.send("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n");
    expect(await receive(socket, soonMs)).toEqual(bytes("STARTTLS"));
    const upgrading = upgrade(socket, asServer);
    void secure(peer, "client").catch(() => undefined);
    expect(await upgrading).toMatchObject({ error: { type: "TlsHandshakeFailed" } });
    expect(await receive(socket, soonMs)).toEqual(err("Closed"));
  });

  test.each(socketKinds)(
    "is the handshake where it is one: a hello that came with STARTTLS, of a socket that was %s",
    async (kind) => {
      await using client = await open(kind, { packet: "line" });
      const { socket, peer } = client;
      peer.raw.cork();
      peer.raw.write("STARTTLS\r\n");
      const securing = secure(peer, "client");
      await turns(2);
      peer.raw.uncork();
      expect(await receive(socket, soonMs)).toEqual(bytes("STARTTLS"));
      await until(() => unwrap(getstat(socket)).recvOct > 100 || kind === "connected", "The hello does not come");
      expect(await upgrade(socket, asServer)).toEqual(ok());
      (await securing).write("EHLO\r\n");
      expect(await receive(socket, soonMs)).toEqual(bytes("EHLO"));
      await hasRead(socket, 16);
    },
  );
});
