// `connect` of tankard/tls, against Node's own TLS server.

import { getEventListeners, once } from "node:events";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { close, describeError, err, receive, send, unwrap } from "tankard";
import { connect, connectionInformation, peercert, type TlsClientOptions, type TlsError } from "tankard/tls";
import { ca, type CertificateName, credentials, crl } from "../support/certificates.ts";
import { inProcess } from "../support/in-process.ts";
import { hosts } from "../support/names.ts";
import { peerServer, temporaryFolder, until } from "../support/peer.ts";
import { bytes, pending, soFar, startProcess } from "../support/test-process.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";

async function errorOf(port: number, tls: TlsClientOptions, host = "localhost"): Promise<TlsError> {
  const connected = await connect({ host, port, ipVersionPreference: "Ipv4Only", tls });
  if (connected.ok) throw new Error("connected");
  return connected.error as TlsError;
}

describe("connect", () => {
  test("speaks TLS to a server that proves who it is, by name and by address", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const { port } = server;
    for (const host of ["localhost", "127.0.0.1"]) {
      const socket = unwrap(await connect({ host, port, ipVersionPreference: "Ipv4Only", tls: { ca } }));
      unwrap(await send(socket, "Hello, Joe!"));
      expect(unwrap(await receive(socket, 1_000)).toString()).toBe("Hello, Joe!");
      await close(socket);
    }
  });

  test("accepts a certificate that an authority in between has signed", async () => {
    await using server = await tlsEchoServer(credentials("behind-intermediate"));
    const { port } = server;
    const socket = unwrap(await connect({ host: "127.0.0.1", port, tls: { ca } }));
    await close(socket);
  });

  test.each<[CertificateName, TlsClientOptions, string, string]>([
    ["example-org", { ca }, "HostnameCheckFailed", "it is for another host"],
    ["expired", { ca }, "CertExpired", "it has expired"],
    ["not-yet-valid", { ca }, "CertNotYetValid", "it is not valid yet"],
    ["selfsigned", { ca }, "SelfsignedPeer", "it is signed by itself"],
    ["selfsigned", {}, "SelfsignedPeer", "it is signed by itself"],
    ["unknown-ca", { ca }, "UnknownCa", "nobody who is trusted has signed it"],
    ["localhost", {}, "UnknownCa", "nobody who is trusted has signed it"],
    ["localhost", { ca, serverNameIndication: "example.org" }, "HostnameCheckFailed", "it is for another host"],
    ["revoked", { ca, crl }, "CertRevoked", "it was revoked"],
    ["client", { ca }, "InvalidPurpose", "it is not for this purpose"],
  ])("refuses the certificate %s, case %#", async (name, tls, reason, words) => {
    const { cert, key } = credentials(name);
    await using server = await tlsEchoServer({ cert, key });
    const { port } = server;
    const error = await errorOf(port, tls);
    expect(error).toMatchObject({ type: "TlsCertificateRejected", reason, code: expect.any(String) });
    expect(describeError(error)).toContain(words);
    expect(cert).toContain(base64(error.type === "TlsCertificateRejected" ? error.peercert?.raw : undefined));
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
  const describeIpv6 = hasIpv6 ? describe : describe.skip;

  describeIpv6("over IPv6", () => {
    test("speaks TLS to an address and to who wins of both versions", async () => {
      const server = createServer(credentials("localhost"), (raw) => raw.on("error", () => undefined).pipe(raw));
      server.listen(0, "::1");
      await once(server, "listening");
      const { port } = server.address() as { readonly port: number };
      using _ = hosts({ localhost: { 4: ["127.0.0.1"], 6: ["::1"] } });
      const tos = [
        { host: "::1" },
        { host: "localhost", ipVersionPreference: "Ipv6Only" },
        { host: "localhost", ipVersionPreference: "HappyEyeballs" },
      ] as const;
      for (const to of tos) {
        const socket = unwrap(await connect({ ...to, port, tls: { ca } }));
        unwrap(await send(socket, "Hello"));
        expect(await receive(socket, 1_000)).toEqual(bytes("Hello"));
        await close(socket);
      }
      const other = await connect({ host: "::1", port, tls: { ca, serverNameIndication: "::2" } });
      expect(other).toMatchObject({ error: { type: "TlsCertificateRejected", reason: "HostnameCheckFailed" } });
      server.close();
      await once(server, "close");
    });
  });

  test("lets IPv4 win where nobody listens on IPv6", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const { port } = server;
    const socket = unwrap(
      await connect({ host: "localhost", port, ipVersionPreference: "HappyEyeballs", tls: { ca } }),
    );
    await close(socket);
  });

  test("speaks TLS over a unix socket, to the name that is said", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "socket");
    const server = createServer(credentials("localhost"), (raw) => raw.on("error", () => undefined).pipe(raw));
    server.listen(path);
    await once(server, "listening");
    const socket = unwrap(await connect({ host: "", port: 0, path, tls: { ca, serverNameIndication: "localhost" } }));
    unwrap(await send(socket, "Hello"));
    expect(await receive(socket, 1_000)).toEqual(bytes("Hello"));
    await close(socket);
    expect(await connect({ host: "", port: 0, path, tls: { ca, serverNameIndication: "example.org" } })).toMatchObject({
      error: { type: "TlsCertificateRejected", reason: "HostnameCheckFailed" },
    });
    server.close();
    await once(server, "close");
  });

  test("takes a host for the same with a dot at its end", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const { port } = server;
    const tls = { ca, serverNameIndication: "localhost." };
    const socket = unwrap(await connect({ host: "127.0.0.1", port, tls }));
    expect(unwrap(connectionInformation(socket)).sniHostname).toBe("localhost");
    await close(socket);
  });

  test("with VerifyNone speaks to anybody, and peercert tells to whom", async () => {
    await using server = await tlsEchoServer(credentials("selfsigned"));
    const tls = { verify: "VerifyNone" } as const;
    const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, tls }));
    expect(unwrap(peercert(socket))).toMatchObject({ subject: "CN=localhost", issuer: "CN=localhost" });
    await close(socket);
  });
});

// The server takes the connection and says nothing: the handshake hangs.
describe("connect, in the middle of the handshake,", () => {
  test("is called off by its signal, and leaves nothing", async () => {
    await using server = await peerServer();
    const abortion = new AbortController();
    const { signal } = abortion;
    const connecting = connect({ host: "127.0.0.1", port: server.port, signal, tls: { ca } });
    const peer = await server.accept();
    await peer.receive(5);
    abortion.abort();
    expect(await connecting).toEqual(err({ type: "ConnectAborted", cause: "Signal", attempts: [] }));
    expect((await peer.readToEnd()).how).toBe("Rst");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("is called off by the end of the owner", async () => {
    await using server = await peerServer();
    await using owner = await startProcess();
    const connecting = connect({ host: "127.0.0.1", port: server.port, owner: owner.self, tls: { ca } });
    const peer = await server.accept();
    await peer.receive(5);
    owner.end();
    expect(await connecting).toEqual(err({ type: "ConnectAborted", cause: "OwnerExited", attempts: [] }));
    expect((await peer.readToEnd()).data.length).toBeGreaterThan(0);
  });

  test.each([
    ["handshakeTimeout, 10 s where it is not said", {}, 10_000],
    ["handshakeTimeout", { tls: { ca, handshakeTimeout: 700 } }, 700],
    ["deadline, which is for all together", { deadline: 900 }, 900],
    ["deadline, where handshakeTimeout is longer", { deadline: 300, tls: { ca, handshakeTimeout: Infinity } }, 300],
  ])("ends at its %s", async (_, options, limit) => {
    await using server = await peerServer();
    await inProcess(async (self, { clock }) => {
      const connecting = connect({ host: "127.0.0.1", port: server.port, owner: self, tls: { ca }, ...options });
      const peer = await server.accept();
      await peer.receive(5);
      await clock.advance(limit - 1);
      expect(await soFar(connecting)).toBe(pending);
      await clock.advance(1);
      expect(await connecting).toEqual(err({ type: "TlsHandshakeFailed", reason: "Timeout", code: undefined }));
      await peer.readToEnd();
      expect(clock.pending).toBe(0);
    });
  });

  test("does not wait at all for a deadline that Infinity takes away", async () => {
    await using server = await peerServer();
    await inProcess(async (self, { clock }) => {
      const tls = { ca, handshakeTimeout: Infinity };
      const connecting = connect({ host: "127.0.0.1", port: server.port, owner: self, tls });
      const peer = await server.accept();
      await peer.receive(5);
      await clock.advance(1_000_000);
      expect(await soFar(connecting)).toBe(pending);
      peer.reset();
      expect(await connecting).toMatchObject({ error: { type: "TlsHandshakeFailed", reason: "Econnreset" } });
      await until(() => clock.pending === 0, "A timer is left");
    });
  });
});

/** As PEM has it: in lines of 64 characters. */
function base64(der: Buffer | undefined): string {
  return (der?.toString("base64").match(/.{1,64}/g) ?? ["none"]).join("\n");
}
