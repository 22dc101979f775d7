// What tankard/tls says of a connection that speaks TLS: `peercert`, `negotiatedProtocol`, `connectionInformation`.

import { describe, expect, test } from "@jest/globals";
import { accept, close, closeListener, err, listen, receive, send, type Socket, unwrap } from "tankard";
import {
  connect,
  connectionInformation,
  negotiatedProtocol,
  newServerContext,
  peercert,
  session,
  type TlsClientOptions,
  type TlsServerOptions,
  type TlsVersion,
  upgrade,
} from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { connectedToPeer } from "../support/test-process.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";

const versions: readonly TlsVersion[] = ["TLSv1.2", "TLSv1.3"];

/** Both ends of a connection, both ours. */
async function bothEnds(
  serverOptions: TlsServerOptions,
  tls: TlsClientOptions,
): Promise<AsyncDisposable & { readonly client: Socket; readonly server: Socket }> {
  const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
  const connecting = connect({ host: "localhost", port: listener.port, ipVersionPreference: "Ipv4Only", tls });
  const server = unwrap(await accept(listener, 1_000));
  await closeListener(listener);
  unwrap(await upgrade(server, newServerContext(serverOptions)));
  const client = unwrap(await connecting);
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([close(client), close(server)]);
    },
  };
}

describe("peercert", () => {
  test.each(versions)("says who the server is, over %s, also after the end", async (version) => {
    await using ends = await bothEnds({ ...credentials("localhost"), maxVersion: version }, { ca });
    const expected = {
      subject: "CN=localhost",
      issuer: "CN=Tankard test authority",
      subjectAltName: "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as unknown,
      raw: expect.any(Buffer) as unknown,
    };
    expect(unwrap(peercert(ends.client))).toMatchObject(expected);
    await close(ends.server);
    expect(await receive(ends.client, 1_000)).toEqual(err("Closed"));
    expect(unwrap(peercert(ends.client))).toMatchObject(expected);
    await close(ends.client);
    expect(unwrap(peercert(ends.client))).toMatchObject(expected);
    expect(connectionInformation(ends.client)).toEqual(err("Closed"));
  });

  test("says what was shown where nothing was verified", async () => {
    for (const name of ["selfsigned", "expired", "example-org", "unknown-ca"] as const) {
      await using ends = await bothEnds(credentials(name), { verify: "VerifyNone" });
      const raw = unwrap(peercert(ends.client)).raw.toString("base64");
      expect(credentials(name).cert.replaceAll("\n", "")).toContain(raw);
    }
  });

  test("has words for a certificate without any", async () => {
    await using ends = await bothEnds(credentials("nameless"), { verify: "VerifyNone" });
    expect(unwrap(peercert(ends.client))).toMatchObject({ subject: "", issuer: "", subjectAltName: "DNS:localhost" });
  });

  test.each(versions)("says who the client is, where it was asked, over %s", async (version) => {
    const server = { ...credentials("localhost"), verify: "VerifyPeer", ca, maxVersion: version } as const;
    await using ends = await bothEnds(server, { ca, ...credentials("client") });
    expect(unwrap(peercert(ends.server))).toMatchObject({ subject: "CN=a client" });
  });

  test("says where the client has shown none", async () => {
    await using unasked = await bothEnds(credentials("localhost"), { ca });
    expect(peercert(unasked.server)).toEqual(err("NoPeercert"));
    const server = { ...credentials("localhost"), verify: "VerifyPeer", failIfNoPeerCert: false, ca } as const;
    await using without = await bothEnds(server, { ca });
    expect(peercert(without.server)).toEqual(err("NoPeercert"));
  });
});

describe("negotiatedProtocol", () => {
  test("says which the server has preferred, or that nobody has named any", async () => {
    const server = { ...credentials("localhost"), alpnPreferredProtocols: ["h2", "http/1.1"] };
    await using ends = await bothEnds(server, { ca, alpnAdvertisedProtocols: ["http/1.1", "h2"] });
    expect([negotiatedProtocol(ends.client), negotiatedProtocol(ends.server)].map(unwrap)).toEqual(["h2", "h2"]);
    await using none = await bothEnds(server, { ca });
    expect(negotiatedProtocol(none.client)).toEqual(err("ProtocolNotNegotiated"));
    expect(negotiatedProtocol(none.server)).toEqual(err("ProtocolNotNegotiated"));
  });
});

describe("connectionInformation", () => {
  test.each(versions)("says the version, the suite and the name that was asked for, over %s", async (version) => {
    const server = { ...credentials("localhost"), minVersion: version, maxVersion: version } as const;
    await using ends = await bothEnds(server, { ca });
    for (const end of [ends.client, ends.server]) {
      const information = unwrap(connectionInformation(end));
      expect(information).toMatchObject({ protocol: version, sniHostname: "localhost", sessionResumption: false });
      expect(information.selectedCipherSuite).toMatch(/^TLS_/);
    }
  });
});

describe("sniHosts", () => {
  test("show each name its certificate, whatever its case, and the rest the first", async () => {
    const server = {
      ...credentials("localhost"),
      sniHosts: { "Example.org": credentials("example-org"), "*.example.net": credentials("example-org") },
    };
    const subjects = ["EXAMPLE.org", "www.example.net", "a.b.example.net", "localhost", "example.com"].map(
      async (serverNameIndication) => {
        await using ends = await bothEnds(server, { verify: "VerifyNone", serverNameIndication });
        return unwrap(peercert(ends.client)).subject;
      },
    );
    expect(await Promise.all(subjects)).toEqual([
      "CN=example.org",
      "CN=example.org",
      "CN=localhost",
      "CN=localhost",
      "CN=localhost",
    ]);
  });
});

describe("a socket that speaks no TLS", () => {
  test("has nothing to say of it", async () => {
    await using plain = await connectedToPeer();
    for (const look of [peercert, negotiatedProtocol, connectionInformation, session]) {
      expect(look(plain.socket)).toEqual(err("Enotsup"));
    }
  });

  test("is told from one that does", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const socket = unwrap(await connect({ host: "127.0.0.1", port: server.port, tls: { ca } }));
    expect(unwrap(connectionInformation(socket)).sniHostname).toBeUndefined(); // an address is not sent
    unwrap(await send(socket, "x"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("x");
    await close(socket);
  });
});
