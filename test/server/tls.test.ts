// TLS in `startServer`, against Node's own clients and ours.

import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { connect as connectRaw, type ConnectionOptions } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import {
  describeError,
  ok,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  send,
  tcpMessages,
  unwrap,
} from "tankard";
import { continueWith } from "tankard/otp";
import {
  type Connection,
  type ConnectionHandler,
  type ConnectionOwner,
  type ConnectionProcess,
  type ServerOptions,
  startServer,
  withReply,
} from "tankard/server";
import {
  connect,
  connectionInformation,
  negotiatedProtocol,
  newServerContext,
  peercert,
  replaceServerContext,
  type TlsServerOptions,
} from "tankard/tls";
import { ca, type CertificateName, credentials } from "../support/certificates.ts";
import { thrownBy } from "../support/in-process.ts";
import { type Peer, temporaryFolder, until, within } from "../support/peer.ts";
import { echo, serve, type Served } from "../support/served.ts";
import { clientHello, connectTlsPeer, type TlsPeer } from "../support/tls-peer.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const localhost: TlsServerOptions = credentials("localhost");

function secure({ server }: Served, options: ConnectionOptions = {}): Promise<TlsPeer> {
  return within(connectTlsPeer({ port: server.port, ...options }), "No hands are shaken");
}

/** What goes wrong for a client, if it is only found out when it reads: over TLS 1.3 it may think that all is well. */
async function refusalOf(served: Served, options: ConnectionOptions): Promise<string | undefined> {
  let code: string | undefined;
  try {
    await using peer = await secure(served, options);
    peer.raw.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
    await peer.readToEnd();
    return code;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

async function echoes(peer: Peer, text = "Hello, Joe!"): Promise<void> {
  await peer.send(text);
  expect((await peer.receive(text.length)).toString()).toBe(text);
}

async function failures(served: Served, count: number): Promise<unknown[]> {
  await until(() => served.events("HandshakeFailed").length >= count, `${count} handshakes have not failed`);
  return served.events("HandshakeFailed").map(({ error }) => error);
}

function fingerprint(name: CertificateName): string {
  return new X509Certificate(credentials(name).cert).fingerprint256;
}

const byProcess: ConnectionProcess = async ({ socket }, self) => {
  for (;;) {
    receiveNextPacketAsMessage(socket);
    const message = await self.receiveForever(tcpMessages);
    if (message.type !== "Packet") return;
    await send(socket, message.data);
  }
};

const byOwner: ConnectionOwner = {
  createOwner: ({ socket }: Connection) => {
    const owner = ownerFromCallback((message) => {
      if (message.type !== "Packet") owner.exit();
      else void send(socket, message.data).then(() => receiveNextPacketAsMessage(socket));
    });
    setImmediate(() => receiveNextPacketAsMessage(socket));
    return owner;
  },
};

describe("the option tls", () => {
  test.each<[string, ConnectionHandler<undefined, never> | ConnectionProcess | ConnectionOwner]>([
    ["a connection handler", echo],
    ["a process", byProcess],
    ["an owner", byOwner],
  ])("lets %s speak with clients of TLS", async (_name, handler) => {
    await using served = await serve(handler as ConnectionProcess, { tls: localhost });
    await using one = await secure(served);
    await using other = await secure(served);
    await echoes(one);
    await echoes(other, "Hello, Mike!");
    await echoes(one, "again");
    await served.isServing(2);
    expect(served.server.info()).toMatchObject({ open: 2, accepted: 2, refused: 0, handshakesFailed: 0 });
    expect(served.events("ConnectionOpened")[0]).toMatchObject({
      connection: { remoteAddress: "127.0.0.1", remotePort: one.raw.localPort },
    });
    one.close();
    await served.isServing(1);
  });

  test("lets our own client connect, which verifies the server", async () => {
    await using served = await serve(echo, { tls: localhost, packet: 2 });
    const { port } = served.server;
    await using socket = unwrap(await connect({ host: "127.0.0.1", port, packet: 2, tls: { ca } }));
    unwrap(await send(socket, "Hello, Joe!"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("Hello, Joe!");
  });

  test("tells init who the peer is and what was agreed on", async () => {
    const seen: unknown[] = [];
    await using served = await serve(
      {
        ...echo,
        init: ({ socket }) => {
          seen.push([peercert(socket), negotiatedProtocol(socket), connectionInformation(socket)]);
          return { state: undefined };
        },
      },
      { tls: { ...localhost, ca, verify: "VerifyPeer", alpnPreferredProtocols: ["two", "one"] } },
    );
    await using peer = await secure(served, {
      ...credentials("client"),
      servername: "example.org",
      ALPNProtocols: ["one", "two"],
    });
    await echoes(peer);
    expect(peer.raw.alpnProtocol).toBe("two");
    expect(seen).toEqual([
      [
        ok(expect.objectContaining({ subject: "CN=a client", fingerprint256: fingerprint("client") })),
        ok("two"),
        ok(expect.objectContaining({ protocol: "TLSv1.3", sniHostname: "example.org" })),
      ],
    ]);
  });

  test.each<["TLSv1.2" | "TLSv1.3"]>([["TLSv1.2"], ["TLSv1.3"]])("serves a client of %s only", async (version) => {
    await using served = await serve(echo, { tls: localhost });
    await using peer = await secure(served, { minVersion: version, maxVersion: version });
    await echoes(peer);
    expect(peer.raw.getProtocol()).toBe(version);
  });

  test("refuses a client without a version in common", async () => {
    await using served = await serve(echo, { tls: { ...localhost, minVersion: "TLSv1.3" } });
    expect(await refusalOf(served, { maxVersion: "TLSv1.2" })).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    expect(await failures(served, 1)).toMatchObject([{ type: "TlsHandshakeFailed", reason: "ProtocolVersion" }]);
  });

  test("shows the certificate of the name that is asked for, and the default one for others", async () => {
    await using served = await serve(echo, {
      tls: {
        ...localhost,
        sniHosts: { "example.org": credentials("example-org"), "*.example.net": credentials("selfsigned") },
      },
    });
    const names = ["example.org", "EXAMPLE.ORG", "a.example.net", "b.a.example.net", "example.net", "localhost"];
    const shown: (string | undefined)[] = [];
    for (const servername of names) {
      await using peer = await secure(served, { servername });
      shown.push(peer.raw.getPeerX509Certificate()?.fingerprint256);
      await echoes(peer);
    }
    await using nameless = await secure(served);
    shown.push(nameless.raw.getPeerX509Certificate()?.fingerprint256);
    const [org, net, other] = [fingerprint("example-org"), fingerprint("selfsigned"), fingerprint("localhost")];
    expect(shown).toEqual([org, org, net, other, other, other, other]);
  });

  test("takes a context that is replaced while it runs: old connections stay, new ones see the new certificate", async () => {
    const context = newServerContext(localhost);
    await using served = await serve(echo, { tls: context });
    await using old = await secure(served);
    await echoes(old);
    replaceServerContext(context, credentials("example-org"));
    await using renewed = await secure(served);
    await echoes(renewed);
    await echoes(old);
    expect(old.raw.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint("localhost"));
    expect(renewed.raw.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint("example-org"));
    expect(thrownByReplacing(context)).toMatch(/^Cannot replace a server context: OpenSSL cannot use/);
    await using unharmed = await secure(served);
    expect(unharmed.raw.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint("example-org"));
  });

  test("lets a client in that proves who it is, and no other", async () => {
    const tls: TlsServerOptions = { ...localhost, ca, verify: "VerifyPeer" };
    await using served = await serve(echo, { tls });
    await using peer = await secure(served, credentials("client"));
    await echoes(peer);
    expect(await refusalOf(served, {})).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    await refusalOf(served, credentials("selfsigned"));
    await refusalOf(served, credentials("unknown-ca"));
    await refusalOf(served, { ...credentials("selfsigned"), maxVersion: "TLSv1.2" });
    expect(await failures(served, 4)).toMatchObject([
      { type: "TlsHandshakeFailed", reason: "NoPeerCertificate" },
      { type: "TlsCertificateRejected", reason: "SelfsignedPeer", peercert: { subject: "CN=localhost" } },
      { type: "TlsCertificateRejected", reason: "UnknownCa", peercert: { subject: "CN=localhost" } },
      { type: "TlsCertificateRejected", reason: "SelfsignedPeer" },
    ]);
    expect(served.server.info()).toMatchObject({ open: 1, accepted: 1, refused: 0, handshakesFailed: 4 });
    await echoes(peer, "still here");
  });

  test.each<["TLSv1.2" | "TLSv1.3"]>([["TLSv1.2"], ["TLSv1.3"]])(
    "gives a client that it refuses no session to come back by, over %s",
    async (version) => {
      await using served = await serve(echo, { tls: { ...localhost, ca, verify: "VerifyPeer" } });
      const tickets: Buffer[] = [];
      const raw = connectRaw({
        port: served.server.port,
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        ...credentials("unknown-ca"),
      });
      raw.on("error", () => undefined);
      raw.on("session", (ticket: Buffer) => tickets.push(ticket));
      raw.resume();
      await within(new Promise((resolve) => raw.once("close", resolve)), "It is not refused");
      await failures(served, 1);
      expect(tickets).toEqual([]);
    },
  );

  test("lets a client that has proven who it is come back by its session, as the same", async () => {
    const seen: unknown[] = [];
    const handler: typeof echo = {
      ...echo,
      init: ({ socket }) => {
        const [certificate, information] = [peercert(socket), connectionInformation(socket)];
        seen.push([certificate.ok && certificate.value.subject, information.ok && information.value.sessionResumption]);
        return { state: undefined };
      },
    };
    await using served = await serve(handler, { tls: { ...localhost, ca, verify: "VerifyPeer" } });
    await using first = await secure(served, credentials("client"));
    const session = within(new Promise<Buffer>((resolve) => first.raw.once("session", resolve)), "There is no session");
    await echoes(first);
    await using second = await secure(served, { ...credentials("client"), session: await session });
    await echoes(second);
    expect(seen).toEqual([
      ["CN=a client", false],
      ["CN=a client", true],
    ]);
  });

  test("with failIfNoPeerCert false lets one without a certificate in, and none with a wrong one", async () => {
    const tls: TlsServerOptions = { ...localhost, ca, verify: "VerifyPeer", failIfNoPeerCert: false };
    await using served = await serve(echo, { tls });
    await using nobody = await secure(served);
    await echoes(nobody);
    await using somebody = await secure(served, credentials("client"));
    await echoes(somebody);
    await refusalOf(served, credentials("unknown-ca"));
    expect(await failures(served, 1)).toMatchObject([{ type: "TlsCertificateRejected", reason: "UnknownCa" }]);
  });

  test("refuses a client that offers no protocol of ours, and serves one that offers none at all", async () => {
    await using served = await serve(echo, { tls: { ...localhost, alpnPreferredProtocols: ["two"] } });
    expect(await refusalOf(served, { ALPNProtocols: ["one"] })).toBe("ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
    expect(await failures(served, 1)).toMatchObject([{ type: "TlsHandshakeFailed", reason: "NoApplicationProtocol" }]);
    await using peer = await secure(served);
    await echoes(peer);
  });

  test("lets no client shake hands anew", async () => {
    await using served = await serve(echo, { tls: localhost });
    await using peer = await secure(served, { maxVersion: "TLSv1.2" });
    await using other = await secure(served);
    const uncaught = await uncaughtDuring(async () => {
      const outcome = await within(
        new Promise<unknown>((resolve) => {
          peer.raw.on("error", resolve);
          peer.raw.on("close", () => {
            resolve("closed");
          });
          peer.raw.renegotiate({}, resolve);
          peer.raw.resume();
        }),
        "The renegotiation has no outcome",
      );
      expect(outcome).not.toBeNull();
    });
    expect(uncaught).toEqual([]);
    expect(served.server.info()).toMatchObject({ crashed: 0, handshakesFailed: 0 });
    await echoes(other);
  });

  test("speaks on a unix socket", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "socket");
    await using served = await serve(echo, { path, tls: localhost });
    await using peer = await secure(served, { path });
    await echoes(peer);
    expect(served.events("ConnectionOpened")).toMatchObject([{ connection: { remoteAddress: "", remotePort: 0 } }]);
  });

  test.each<[string, object, string]>([
    ["no certificate", {}, "a server needs a certificate, as cert and key or as pfx"],
    ["a misspelt option", { ...localhost, cerd: "" }, 'unknown option "cerd", did you mean "cert"?'],
    ["what is no certificate", { cert: "x", key: "y" }, "OpenSSL cannot use these certificates, keys or ciphers"],
    ["no options", null as never, "the options must be an object, received null"],
  ])("throws for %s", async (_name, tls, text) => {
    const options = { port: 0, tls } as ServerOptions;
    expect(await thrownBy(() => startServer(options, echo))).toMatchObject({
      message: expect.stringContaining(`Cannot start a server: ${text}`),
    });
  });
});

function thrownByReplacing(context: ReturnType<typeof newServerContext>): string {
  try {
    replaceServerContext(context, { cert: "x", key: "y" });
    return "nothing";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("a handshake that fails", () => {
  test("since the peer speaks plain text is that connection's failure, and is told with who it was", async () => {
    const opened: number[] = [];
    const handler: typeof echo = {
      ...echo,
      init: ({ id }) => {
        opened.push(id);
        return { state: undefined };
      },
    };
    await using served = await serve(handler, { tls: localhost });
    const peer = await served.peer();
    const { localPort } = peer.raw;
    const uncaught = await uncaughtDuring(async () => {
      await peer.send("GET / HTTP/1.1\r\n\r\n");
      await peer.readToEnd();
    });
    expect(uncaught).toEqual([]);
    expect(await failures(served, 1)).toMatchObject([{ type: "TlsHandshakeFailed", reason: "NotTls" }]);
    expect(served.events("HandshakeFailed")).toMatchObject([
      { connection: { id: 1, remoteAddress: "127.0.0.1", remotePort: localPort } },
    ]);
    await until(() => served.server.info().open === 0, "it counts still");
    expect(served.server.info()).toMatchObject({ accepted: 0, refused: 0, crashed: 0, handshakesFailed: 1 });
    expect(served.events("ConnectionRefused")).toEqual([]);
    expect([served.crashes, opened]).toEqual([[], []]);
    await using next = await secure(served);
    await echoes(next);
  });

  test.each<[string, Partial<ServerOptions>, number]>([
    ["handshakeTimeoutMs", { handshakeTimeoutMs: 100 }, 100],
    ["its default", {}, 5_000],
    ["handshakeTimeout of tls, where it is shorter,", { tls: { ...localhost, handshakeTimeout: 50 } }, 50],
    ["handshakeTimeoutMs, where it is shorter,", { tls: { ...localhost, handshakeTimeout: 9_000 } }, 5_000],
  ])("by %s gives its place to who waits, whether or not it had begun", async (_name, options, timeMs) => {
    const hello = await clientHello();
    await using served = await serve(echo, { tls: localhost, maxConnections: 2, ...options });
    const silent = await served.peer();
    const halfway = await served.peer();
    await halfway.send(hello.subarray(0, hello.length / 2));
    await until(() => served.server.info().open === 2, "they have no place");
    const waiting = secure(served);
    await until(() => served.server.info().waiting === 1, "it does not wait");
    await turns(20);
    await served.clock.advance(timeMs - 1);
    await turns();
    expect(served.events("HandshakeFailed")).toEqual([]);
    await served.clock.advance(1);
    expect(await failures(served, 2)).toMatchObject([
      { type: "TlsHandshakeFailed", reason: "Timeout" },
      { type: "TlsHandshakeFailed", reason: "Timeout" },
    ]);
    await using peer = await waiting;
    await echoes(peer);
    await silent.readToEnd();
    await halfway.readToEnd();
    expect(served.server.info()).toMatchObject({ open: 1, waiting: 0, refused: 0, handshakesFailed: 2 });
  });

  test("for want of bytes delays nobody else", async () => {
    await using served = await serve(echo, { tls: localhost });
    for (let count = 0; count < 20; count++) await served.peer();
    await using peer = await secure(served);
    await echoes(peer);
    expect(served.server.info()).toMatchObject({ open: 21, accepted: 1 });
  });

  test.each<[string, number, "reset" | "close"]>([
    ["is reset before it begins", 0, "reset"],
    ["ends before it begins", 0, "close"],
    ["is reset in the middle of its first message", 0.5, "reset"],
    ["ends in the middle of its first message", 0.5, "close"],
    ["is reset behind its first message", 1, "reset"],
    ["ends behind its first message", 1, "close"],
  ])("since the connection %s", async (_name, share, how) => {
    const hello = await clientHello();
    await using served = await serve(echo, { tls: localhost });
    const uncaught = await uncaughtDuring(async () => {
      const peer = await served.peer();
      await peer.send(hello.subarray(0, hello.length * share));
      await until(() => served.server.info().open === 1, "it has no place");
      await turns();
      peer[how]();
      const [error] = await failures(served, 1);
      expect(error).toMatchObject({ type: "TlsHandshakeFailed" });
      expect(describeError(error as never)).toMatch(/closed meanwhile|reset by the peer/);
      await until(() => served.server.info().open === 0, "it counts still");
    });
    expect(uncaught).toEqual([]);
  });

  test("for 200 clients that vanish leaves nothing", async () => {
    const hello = await clientHello();
    await using served = await serve(echo, { tls: localhost, maxPerAddress: 200 });
    const uncaught = await uncaughtDuring(async () => {
      for (let round = 0; round < 4; round++) {
        const peers = await Promise.all(Array.from({ length: 50 }, () => served.peer()));
        await Promise.all(
          peers.map(async (peer, index) => {
            await peer.send(hello.subarray(0, (hello.length * (index % 5)) / 4));
            if (index % 3 === 0) await turns(index % 7);
            if (index % 2 === 0) peer.reset();
            else peer.close();
          }),
        );
      }
      await failures(served, 200);
      await until(() => served.server.info().open === 0, "some count still");
    });
    expect(uncaught).toEqual([]);
    expect(served.server.info()).toMatchObject({ open: 0, waiting: 0, refused: 0, crashed: 0, handshakesFailed: 200 });
    const all = await Promise.all(Array.from({ length: 200 }, () => secure(served)));
    for (const peer of all) await peer[Symbol.asyncDispose](); // each of the 200 places of the address is free again
    await served.isServing(0);
    await served.server.stop();
    await served.runtime.idle();
  });
});

describe("TLS behind the header of the PROXY protocol", () => {
  const header = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";

  test.each([["HandOver"], ["Discard"]] as const)("begins behind it, also in one piece with %s", async (unread) => {
    const who: ConnectionHandler<undefined, never> = {
      init: () => ({ state: undefined }),
      onPacket: (state, data, { remoteAddress }) => withReply(continueWith(state), [remoteAddress, " ", data]),
    };
    await using served = await serve(who, { tls: { ...localhost, unread }, proxyProtocol: true, packet: "line" });
    const peer = await served.peer();
    peer.raw.cork();
    void peer.send(header);
    const securing = connectTlsPeer({ socket: peer.raw });
    await turns();
    peer.raw.uncork();
    await using secured = await within(securing, "No hands are shaken");
    await secured.send("hello\r\n");
    expect((await secured.receive(15)).toString()).toBe("192.0.2.1 hello");
  });

  test("has the time that is left of handshakeTimeoutMs, and names the peer where it fails", async () => {
    await using served = await serve(echo, { tls: localhost, proxyProtocol: true, handshakeTimeoutMs: 100 });
    const peer = await served.peer();
    await turns(10);
    await served.clock.advance(60);
    await peer.send(header);
    await until(() => served.server.connections()[0]?.remotePort === 56_324, "the header is not read");
    await turns();
    await served.clock.advance(39);
    expect(served.events("HandshakeFailed")).toEqual([]);
    await served.clock.advance(1);
    expect(await failures(served, 1)).toMatchObject([{ reason: "Timeout" }]);
    expect(served.events("HandshakeFailed")).toMatchObject([
      { connection: { remoteAddress: "192.0.2.1", remotePort: 56_324 } },
    ]);
    await peer.readToEnd();
  });

  test("does not come where the header is TLS itself", async () => {
    await using served = await serve(echo, { tls: localhost, proxyProtocol: true });
    expect(await refusalOf(served, {})).toBe("ECONNRESET");
    await until(() => served.events("ConnectionRefused").length === 1, "it is not refused");
    expect(served.server.info()).toMatchObject({ refused: 1, handshakesFailed: 0 });
  });
});

describe("a server that ends while hands are shaken", () => {
  test("drains: a handshake that succeeds is served and told, and one that stalls holds it until the deadline", async () => {
    const hello = await clientHello();
    const handler: typeof echo = { ...echo, onDrain: () => withReply(continueWith(undefined), "goodbye") };
    await using served = await serve(handler, { tls: localhost, handshakeTimeoutMs: Infinity });
    const slow = await served.peer();
    const stalled = await served.peer();
    await stalled.send(hello.subarray(0, 10));
    await until(() => served.server.info().open === 2, "they have no place");
    const drained = served.server.drain(1_000);
    await until(() => served.server.connections()[0]?.draining.aborted === true, "It does not drain");
    await using secured = await within(connectTlsPeer({ socket: slow.raw }), "No hands are shaken");
    expect((await secured.receive(7)).toString()).toBe("goodbye");
    await served.clock.advance(1_000);
    await within(drained, "It does not drain");
    await stalled.readToEnd();
    await secured.readToEnd();
    expect(served.events("HandshakeFailed")).toEqual([]); // it was ended by us
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "Draining" }]);
  });

  test("drains at once when the last handshake has failed", async () => {
    await using served = await serve(echo, { tls: localhost });
    const peer = await served.peer();
    await until(() => served.server.info().open === 1, "it has no place");
    const drained = served.server.drain(60_000);
    await turns();
    peer.close();
    await within(drained, "It does not drain");
    expect(await failures(served, 1)).toMatchObject([{ type: "TlsHandshakeFailed" }]);
  });

  test.each<[string, ConnectionHandler<undefined, never> | ConnectionProcess | ConnectionOwner]>([
    ["a connection handler", echo],
    ["a process", byProcess],
    ["an owner", byOwner],
  ])("stops at once, for %s", async (_name, handler) => {
    const hello = await clientHello();
    await using served = await serve(handler as ConnectionProcess, { tls: localhost });
    const peers = await Promise.all(Array.from({ length: 10 }, () => served.peer()));
    for (const [index, peer] of peers.entries()) await peer.send(hello.subarray(0, (hello.length * index) / 9));
    await until(() => served.server.info().open === 10, "they have no place");
    const uncaught = await uncaughtDuring(async () => {
      await within(served.server.stop(), "It does not stop");
      for (const peer of peers) await peer.readToEnd();
    });
    expect(uncaught).toEqual([]);
    expect(served.server.info().open).toBe(0);
    await served.runtime.idle();
  });

  test("suspends, and shakes on", async () => {
    await using served = await serve(echo, { tls: localhost });
    const peer = await served.peer();
    await until(() => served.server.info().open === 1, "it has no place");
    await served.server.suspend();
    await using secured = await within(connectTlsPeer({ socket: peer.raw }), "No hands are shaken");
    await echoes(secured);
    unwrap(await served.server.resume());
    await using next = await secure(served);
    await echoes(next);
  });
});
