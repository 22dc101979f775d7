// `connect` of tankard/tls, against Node's own TLS server.

import { describe, expect, test } from "@jest/globals";
import { close, describeError, receive, send, unwrap } from "tankard";
import { connect, type TlsClientOptions, type TlsError } from "tankard/tls";
import { ca, type CertificateName, credentials, crl } from "../support/certificates.ts";
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
});

/** As PEM has it: in lines of 64 characters. */
function base64(der: Buffer | undefined): string {
  return (der?.toString("base64").match(/.{1,64}/g) ?? ["none"]).join("\n");
}
