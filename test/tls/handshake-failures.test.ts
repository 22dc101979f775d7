// What becomes of TLS where the other side does anything but speak it properly.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import {
  close,
  connect as connectPlain,
  err,
  getstat,
  lastError,
  receive,
  receiveNextPacketAsMessage,
  type Result,
  send,
  shutdownWrite,
  type Socket,
  type TcpMessage,
  unwrap,
} from "tankard";
import { connect, type TlsClientOptions } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { randomNumbers } from "../support/cutting.ts";
import { manInTheMiddle } from "../support/man-in-the-middle.ts";
import { type Peer, peerServer, until } from "../support/peer.ts";
import {
  bytes,
  nextMessage,
  pattern,
  silenceMs,
  socketClosed,
  soonMs,
  startProcess,
  tcpError,
} from "../support/test-process.ts";
import { bothOurs } from "../support/tls-ends.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

/** Milliseconds for a handshake of which it is known that it does not end. */
const impatient = 60;

function to(port: number, tls: TlsClientOptions = {}): Promise<Result<Socket, unknown>> {
  return connect({ host: "127.0.0.1", port, tls: { ca, ...tls } });
}

describe("connect to a server that is none of TLS", () => {
  test.each<[string, (peer: Peer) => unknown, string]>([
    ["greets as SMTP does", (peer) => peer.send("220 mail.example.org ESMTP\r\n"), "NotTls"],
    ["answers as HTTP does", (peer) => peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"), "NotTls"],
    ["is silent", () => undefined, "Timeout"],
    ["closes at once", (peer) => peer.halfClose(), "Closed"],
    ["resets", (peer) => peer.receive(5).then(() => peer.reset()), "Econnreset"],
  ])("fails, where it %s", async (_, act, reason) => {
    await using server = await peerServer();
    const connecting = to(server.port, { handshakeTimeout: reason === "Timeout" ? impatient : 2_000 });
    const peer = await server.accept();
    await act(peer);
    expect(await connecting).toMatchObject({ error: { type: "TlsHandshakeFailed", reason } });
    peer.close();
  });

  test("and the other way round: who speaks plain text to a server of TLS sees no more than an alert, and the end", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const socket = unwrap(await connectPlain({ host: "127.0.0.1", port: server.port }));
    unwrap(await send(socket, "GET / HTTP/1.1\r\n\r\n"));
    const alert = await receive(socket, soonMs);
    const end = alert.ok ? await receive(socket, soonMs) : alert;
    expect(end).toEqual(err("Closed"));
    expect(alert.ok ? alert.value[0] : 21).toBe(21); // the kind of record that alerts are
    await close(socket);
  });
});

describe("connect to a server that has nothing in common with it", () => {
  const cases: readonly (readonly [string, TlsOptions, TlsClientOptions, object])[] = [
    ["version", { maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }, { type: "TlsAlert", alert: "ProtocolVersion" }],
    [
      "older version",
      { minVersion: "TLSv1.3" },
      { maxVersion: "TLSv1.2" },
      { type: "TlsAlert", alert: "ProtocolVersion" },
    ],
    [
      "cipher",
      { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
      { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" },
      { type: "TlsAlert", alert: "HandshakeFailure" },
    ],
    [
      "protocol",
      { ALPNProtocols: ["h2"] },
      { alpnAdvertisedProtocols: ["x"] },
      { type: "TlsAlert", alert: "NoApplicationProtocol" },
    ],
  ];
  test.each(cases)("no %s", async (_, options, tls, error) => {
    await using server = await tlsEchoServer({ ...credentials("localhost"), ...options });
    expect(await to(server.port, tls)).toMatchObject({ error });
  });
});

describe("a server that wants a certificate", () => {
  const mutual = { ...credentials("localhost"), ca, requestCert: true, rejectUnauthorized: true };

  test("refuses a client without one in the handshake of TLS 1.2", async () => {
    await using server = await tlsEchoServer({ ...mutual, maxVersion: "TLSv1.2" });
    expect(await to(server.port)).toMatchObject({ error: { type: "TlsAlert", alert: "HandshakeFailure" } });
  });

  test("refuses a client without one behind the handshake of TLS 1.3", async () => {
    await using server = await tlsEchoServer(mutual);
    const socket = unwrap(await to(server.port));
    expect(await receive(socket, soonMs)).toEqual(err("Eproto"));
    expect(lastError(socket)?.code).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    expect(await receive(socket, soonMs)).toEqual(err("Enotconn"));
    await close(socket);
  });

  test("serves a client that has one", async () => {
    await using server = await tlsEchoServer(mutual);
    const socket = unwrap(await to(server.port, credentials("client")));
    unwrap(await send(socket, "x"));
    expect(await receive(socket, soonMs)).toEqual(bytes("x"));
    await close(socket);
  });
});

describe("a stream that goes wrong in the middle", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("is Eproto and then the end, once, over %s", async (version) => {
    await using server = await tlsEchoServer({ ...credentials("localhost"), maxVersion: version });
    await using owner = await startProcess();
    // The echo of so many bytes begins behind the handshake and what follows it.
    await using middle = await manInTheMiddle(server.port, { direction: "ToClient", offset: 20_000, what: "Flip" });
    const { port } = middle;
    const socket = unwrap(await connect({ host: "127.0.0.1", port, owner: owner.self, tls: { ca } }));
    unwrap(await send(socket, Buffer.alloc(40_000, "x")));
    let size = 0;
    let message: TcpMessage;
    do {
      receiveNextPacketAsMessage(socket);
      message = unwrap(await nextMessage(owner.self));
      if (message.type === "Packet") size += message.data.length;
    } while (message.type === "Packet");
    expect(size).toBeLessThan(40_000);
    expect(message).toEqual(unwrap(tcpError(socket, "Eproto")));
    expect(await nextMessage(owner.self)).toEqual(socketClosed(socket));
    expect(lastError(socket)).toMatchObject({ reason: "Eproto", code: expect.stringMatching(/^ERR_SSL_/) as unknown });
    expect(receiveNextPacketAsMessage(socket)).toEqual(err("Closed"));
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("is Eproto to a server, too, over %s", async (maxVersion) => {
    // Behind the whole handshake of either version.
    await using ends = await bothOurs({
      faults: [{ direction: "ToServer", offset: 20_000, what: "Flip" }],
      server: { maxVersion },
    });
    const [client, server] = ends.sockets;
    if (client === undefined || server === undefined) throw new Error("not connected");
    unwrap(await send(client, Buffer.alloc(40_000, "x")));
    let received: Result<Buffer, unknown>;
    do received = await receive(server, soonMs);
    while (received.ok);
    expect(received).toEqual(err("Eproto"));
    expect(lastError(server)).toMatchObject({ reason: "Eproto", code: expect.stringMatching(/^ERR_SSL_/) as unknown });
  });

  test("ends like any other where TLS has not announced it, inside a frame by Ebadmsg", async () => {
    for (const packet of ["raw", "line"] as const) {
      await using server = await tlsEchoServer(credentials("localhost"));
      const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, packet, tls: { ca } }));
      unwrap(await send(socket, "half a line"));
      expect(await receive(socket, silenceMs)).toEqual(packet === "raw" ? bytes("half a line") : err("Timeout"));
      const [raw] = server.sockets;
      (raw as unknown as { _parent: { end(): void } })._parent.end(); // only the connection's, not TLS's
      expect(await receive(socket, soonMs)).toEqual(err(packet === "raw" ? "Closed" : "Ebadmsg"));
      await close(socket);
    }
  });
});

describe("close over TLS", () => {
  test("delivers all that is queued, to a slow reader, and then TLS's own end", async () => {
    const size = 8 * 1024 * 1024;
    const heard = { size: 0, hasEnded: false, error: undefined as string | undefined };
    const server = createTlsServer({ ...credentials("localhost"), allowHalfOpen: true }, (raw) => {
      raw.on("data", (data: Buffer) => (heard.size += data.length));
      raw.on("error", (error: NodeJS.ErrnoException) => (heard.error = error.code));
      raw.on("end", () => {
        heard.hasEnded = true;
        raw.end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = unwrap(await to((server.address() as { readonly port: number }).port));
    unwrap(await send(socket, Buffer.alloc(size)));
    await close(socket);
    await until(() => heard.hasEnded, "The end does not come");
    expect(heard).toEqual({ size, hasEnded: true, error: undefined });
    server.close();
    await once(server, "close");
  });

  test("delivers all that was sent before shutdownWrite, too, whatever the server has sent unasked", async () => {
    const size = 200_000;
    const heard = { size: 0, error: undefined as string | undefined };
    let raw: TLSSocket | undefined;
    const server = createTlsServer({ ...credentials("localhost"), allowHalfOpen: true }, (socket) => {
      raw = socket.pause();
      raw.on("data", (data: Buffer) => (heard.size += data.length));
      raw.on("error", (error: NodeJS.ErrnoException) => (heard.error = error.code));
      raw.on("end", () => socket.end());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = unwrap(await to((server.address() as { readonly port: number }).port));
    unwrap(await send(socket, Buffer.alloc(size)));
    unwrap(await shutdownWrite(socket));
    await new Promise((resolve) => setTimeout(resolve, 0)); // our end is out, and the server's tickets are not here yet
    const closing = close(socket);
    await until(() => raw !== undefined, "The server's handshake does not end");
    await new Promise((resolve) => setTimeout(resolve, silenceMs)); // a reset would have come
    raw?.resume();
    await closing;
    await until(() => raw?.destroyed === true, "The end does not come");
    expect(heard).toEqual({ size, error: undefined });
    server.close();
    await once(server, "close");
  });

  test.each([
    ["client", 0, 1],
    ["server", 1, 0],
  ] as const)("stops a %s whose reader does not ask, and then delivers all of it", async (_, from, to) => {
    await using ends = await bothOurs();
    const [sender, reader] = [ends.sockets[from], ends.sockets[to]];
    if (sender === undefined || reader === undefined) throw new Error("not connected");
    const pieces = 64;
    const sentDigest = createHash("sha256");
    let sent = 0;
    const sending = (async () => {
      for (; sent < pieces; sent++) {
        const piece = pattern(1024 * 1024, sent);
        sentDigest.update(piece);
        unwrap(await send(sender, piece));
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 300)); // that no more is taken, only time can show
    expect(sent).toBeLessThan(16); // the kernel's buffers of both ends, and one read
    expect(unwrap(getstat(reader)).recvOct).toBeLessThanOrEqual(1024 * 1024);
    const digest = createHash("sha256");
    for (let left = pieces * 1024 * 1024; left > 0;) {
      const data = unwrap(await receive(reader, soonMs));
      digest.update(data);
      left -= data.length;
      expect(left).toBeGreaterThanOrEqual(0);
    }
    await sending;
    expect(digest.digest("hex")).toBe(sentDigest.digest("hex"));
  });
});

describe("a handshake with both sides ours", () => {
  test.each(["ToServer", "ToClient"] as const)("succeeds wherever its bytes are cut, %s", async (direction) => {
    for (let offset = 1; offset < 1_000; offset += 1 + (offset % 13)) {
      await using ends = await bothOurs({ faults: [{ direction, offset, what: "Split" }] });
      const [client, server] = ends.sockets;
      if (client === undefined || server === undefined) throw new Error(`not connected, cut at ${offset}`);
      unwrap(await send(client, "x"));
      expect(await receive(server, soonMs)).toEqual(bytes("x"));
    }
  });

  const ways = (["Stall", "End", "Reset", "Garbage"] as const).flatMap((what) =>
    (["ToServer", "ToClient"] as const).map((direction) => [what, direction] as const),
  );
  test.each(ways)(
    "fails soon and leaves nothing where it comes to a %s in the first flight %s",
    async (what, direction) => {
      const errors = await uncaughtDuring(async () => {
        for (const offset of [0, 1, 4, 5, 6, 40, 120, 200]) {
          const time = { handshakeTimeout: impatient };
          await using ends = await bothOurs({ faults: [{ direction, offset, what }], client: time, server: time });
          expect(ends.sockets).toEqual([undefined, undefined]);
        }
      });
      expect(errors).toEqual([]);
    },
  );

  test.each([
    ["connect", 200, 2_200],
    ["upgrade", 100, 2_400],
  ] as const)(
    "ends in every case of %s, and by no exception, whatever is done to it anywhere",
    async (way, runs, bytesAtMost) => {
      const errors = await uncaughtDuring(async () => {
        for (let seed = 0; seed < runs; seed++) {
          const random = randomNumbers(seed);
          const faults = Array.from({ length: 1 + random(2) }, () => ({
            direction: (["ToServer", "ToClient"] as const)[random(2)] ?? "ToServer",
            offset: random(bytesAtMost),
            what: (["Split", "Stall", "End", "Reset", "Flip", "Garbage"] as const)[random(6)] ?? "Split",
          }));
          const time = { handshakeTimeout: impatient };
          const server = { ...time, ...(random(2) === 0 ? { maxVersion: "TLSv1.2" as const } : {}) };
          await using ends = await bothOurs({ faults, client: time, server, isUpgrade: way === "upgrade" });
          for (const socket of ends.sockets) {
            if (socket === undefined) continue;
            await send(socket, "x".repeat(random(500)));
            await receive(socket, 5);
          }
        }
      });
      expect(errors).toEqual([]);
    },
    60_000,
  );
});
