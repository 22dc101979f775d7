import { describe, expect, test } from "@jest/globals";
import type { TlsClientOptions } from "tankard/tls";
import { clientContext } from "../../src/tls/secure-context.ts";
import { ca, credentials, crl } from "../support/certificates.ts";

function contextOf(options: TlsClientOptions): unknown {
  return clientContext("connect", options).context;
}

const { cert: otherCa } = credentials("selfsigned");

describe("a client's context", () => {
  test("is one for all who trust the same", () => {
    expect(contextOf({ ca })).toBe(contextOf({ ca: [Buffer.from(ca)], verify: "VerifyNone", handshakeTimeout: 1 }));
  });

  test.each<[string, TlsClientOptions]>([
    ["authorities", { ca: otherCa }],
    ["one authority more", { ca: [ca, otherCa] }],
    ["revoked certificates", { ca, crl }],
    ["ciphers", { ca, ciphers: "TLS_AES_128_GCM_SHA256" }],
    ["versions", { ca, minVersion: "TLSv1.3" }],
    ["versions up to", { ca, maxVersion: "TLSv1.2" }],
  ])("is another for other %s", (_, options) => {
    expect(contextOf(options)).not.toBe(contextOf({ ca }));
    expect(contextOf(options)).toBe(contextOf(options));
    expect(contextOf({ ca })).toBe(contextOf({ ca }));
  });

  test("is another where the bytes of an authority have become others", () => {
    const bytes = Buffer.from(`# one\n${ca}`);
    const before = contextOf({ ca: bytes });
    bytes.write("# two");
    expect(contextOf({ ca: bytes })).not.toBe(before);
  });

  test("is not kept where a certificate of the client's own is in it, nor where Node's authorities are", () => {
    for (const options of [{ ca, ...credentials("client") }, {}]) {
      expect(contextOf(options)).not.toBe(contextOf(options));
    }
  });

  test("is kept for the last eight", () => {
    const trusting = (comment: number): TlsClientOptions => ({ ca: `# ${comment}\n${ca}` });
    const first = contextOf(trusting(0));
    for (let comment = 1; comment < 8; comment++) contextOf(trusting(comment));
    expect(contextOf(trusting(0))).toBe(first);
    contextOf(trusting(8));
    expect(contextOf(trusting(0))).not.toBe(first);
  });
});
