// `session` of tankard/tls: what goes on from an earlier connection, and what must not.

import { describe, expect, test } from "@jest/globals";
import { close, err, lastError, receive, send, type Socket, unwrap } from "tankard";
import { connect, connectionInformation, peercert, session, type TlsClientOptions, type TlsVersion } from "tankard/tls";
import { ca, type CertificateName, credentials } from "../support/certificates.ts";
import { until } from "../support/peer.ts";
import { tlsEchoServer, type TlsServer } from "../support/tls-peer.ts";

const versions: readonly TlsVersion[] = ["TLSv1.2", "TLSv1.3"];

function serverOf(name: CertificateName, version: TlsVersion): Promise<TlsServer> {
  return tlsEchoServer({ ...credentials(name), minVersion: version, maxVersion: version });
}

async function connected(port: number, tls: TlsClientOptions): Promise<Socket> {
  return unwrap(await connect({ host: "localhost", port, ipVersionPreference: "Ipv4Only", tls }));
}

/** Connects, hears something from the server, and takes the session that has come with it. */
async function sessionOf(port: number, tls: TlsClientOptions): Promise<Buffer> {
  await using socket = await connected(port, tls);
  unwrap(await send(socket, "Hello"));
  unwrap(await receive(socket, 1_000));
  await until(() => session(socket).ok, "No session came");
  return unwrap(session(socket));
}

async function isResumed(port: number, tls: TlsClientOptions): Promise<boolean> {
  await using socket = await connected(port, tls);
  return unwrap(connectionInformation(socket)).sessionResumption;
}

describe.each(versions)("session, over %s,", (version) => {
  test("lets a later connection go on from it, to a server that is who it was", async () => {
    await using server = await serverOf("localhost", version);
    const kept = await sessionOf(server.port, { ca });
    await using socket = await connected(server.port, { ca, session: kept });
    expect(unwrap(connectionInformation(socket))).toMatchObject({ protocol: version, sessionResumption: true });
    expect(unwrap(peercert(socket))).toMatchObject({ subject: "CN=localhost" });
    unwrap(await send(socket, "Hello again"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("Hello again");
    await until(() => session(socket).ok, "No session came");
    expect(await isResumed(server.port, { ca, session: unwrap(session(socket)) })).toBe(true);
  });

  test("does not stand in for the proof of another name", async () => {
    await using server = await serverOf("localhost", version);
    const kept = await sessionOf(server.port, { ca });
    const { port } = server;
    const tls = { ca, session: kept, serverNameIndication: "example.org" };
    expect(await connect({ host: "127.0.0.1", port, tls })).toMatchObject({
      error: { type: "TlsCertificateRejected", reason: "HostnameCheckFailed", peercert: { subject: "CN=localhost" } },
    });
  });

  test.each([{ ca }, {}])(
    "of a connection that verified nothing does not make an unknown authority trusted",
    async (extra) => {
      await using server = await serverOf("unknown-ca", version);
      const kept = await sessionOf(server.port, { verify: "VerifyNone", ...extra });
      const { port } = server;
      for (const tls of [{ ca, session: kept }, { session: kept }]) {
        expect(await connect({ host: "127.0.0.1", port, tls })).toMatchObject({
          error: { type: "TlsCertificateRejected", reason: "UnknownCa" },
        });
      }
      expect(await isResumed(port, { verify: "VerifyNone", session: kept, ...extra })).toBe(true);
    },
  );

  test("of a connection that trusted others does not make them trusted", async () => {
    await using server = await serverOf("localhost", version);
    const { port } = server;
    for (const verify of ["VerifyPeer", "VerifyNone"] as const) {
      const kept = await sessionOf(port, { ca, verify });
      expect(await connect({ host: "127.0.0.1", port, tls: { session: kept } })).toMatchObject({
        error: { type: "TlsCertificateRejected", reason: "UnknownCa" },
      });
    }
  });

  test("that is damaged is as one that the server has forgotten", async () => {
    await using server = await serverOf("localhost", version);
    const { port } = server;
    const kept = await sessionOf(port, { ca });
    const flipped = [0, 40, 66, 68, 200, kept.length - 1].map((index) => {
      const copy = Buffer.from(kept);
      copy[index] = (copy[index] ?? 0) ^ 0x55;
      return copy;
    });
    const cut = [0, 1, 35, 68, 200, kept.length - 1].map((size) => kept.subarray(0, size));
    for (const damaged of [...flipped, ...cut, Buffer.concat([kept, Buffer.of(0)]), Buffer.from("no session")]) {
      expect(await isResumed(port, { ca, session: damaged })).toBe(false);
    }
    expect(await isResumed(port, { ca, session: new Uint8Array(kept) })).toBe(true);
  });

  test("that another server does not know is followed by a whole handshake", async () => {
    await using one = await serverOf("localhost", version);
    await using other = await serverOf("localhost", version);
    expect(await isResumed(other.port, { ca, session: await sessionOf(one.port, { ca }) })).toBe(false);
  });
});

describe("session", () => {
  test("says where there is none yet", async () => {
    await using server = await serverOf("localhost", "TLSv1.3");
    const socket = await connected(server.port, { ca });
    expect(session(socket)).toEqual(err("NoSession"));
    expect(lastError(socket)).toBeUndefined();
    await close(socket);
  });
});
