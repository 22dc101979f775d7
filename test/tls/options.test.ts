// The options of tankard/tls: what nobody can connect or serve with is thrown at once.

import tls from "node:tls";
import { describe, expect, jest, test } from "@jest/globals";
import { close, err, receive, send, unwrap } from "tankard";
import { createSocketPair } from "tankard/testing";
import {
  connect,
  connectionInformation,
  negotiatedProtocol,
  newServerContext,
  peercert,
  session,
  type TlsClientOptions,
  upgrade,
} from "tankard/tls";
import { errorFromNode } from "../../src/tls/error.ts";
import { ca, credentials } from "../support/certificates.ts";
import { runProgram } from "../support/run-program.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";
import { bytes, connectedToPeer } from "../support/test-process.ts";

const bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const { cert, key } = credentials("localhost");

const impossible: readonly (readonly [string, unknown, string])[] = [
  ["that are none", null, "the options must be an object"],
  ["with a misspelt name", { serverNameIndicaton: "x" }, 'did you mean "serverNameIndication"?'],
  ["with authorities that are no PEM", { ca: "junk" }, "no certificate in ca"],
  ["with authorities that are another PEM", { ca: key }, "no certificate in ca"],
  ["with an authority that cannot be read", { ca: bad }, "OpenSSL cannot use"],
  ["with a second authority that cannot be read", { ca: ca + bad }, "OpenSSL cannot use"],
  ["with one of several authorities that cannot be read", { ca: [ca, bad] }, "OpenSSL cannot use"],
  ["with empty authorities", { ca: "" }, "ca must be PEM"],
  ["with a crl that cannot be read", { ca, crl: "junk" }, "Failed to parse CRL"],
  ["with a certificate that cannot be read", { cert: "junk", key }, "OpenSSL cannot use"],
  ["with a key that cannot be read", { cert, key: "junk" }, "OpenSSL cannot use"],
  ["with a key of another certificate", { cert, key: credentials("client").key }, "key values mismatch"],
  ["with a certificate and no key", { cert }, "cert and key need each other"],
  ["with a key and no certificate", { key }, "cert and key need each other"],
  ["with a pfx that cannot be read", { pfx: Buffer.from("junk") }, "OpenSSL cannot use"],
  ["with ciphers that nobody knows", { ciphers: "NOPE" }, "no cipher match"],
  ["with a version that is not supported", { minVersion: "TLSv1.1" }, "minVersion must be"],
  ["with no version between the two", { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "must not be above"],
  ["with a time below zero", { handshakeTimeout: -1 }, "handshakeTimeout must be"],
  ["with verify of another library", { verify: true }, "verify must be"],
  ["with unread that is no word", { unread: "Keep" }, "unread must be"],
];

const impossibleForClients: typeof impossible = [
  ...impossible,
  ["with an empty name", { serverNameIndication: "" }, "serverNameIndication must be"],
  ["with a name that hides another", { serverNameIndication: "localhost\0.example.org" }, "serverNameIndication must"],
  ["with no protocol to offer", { alpnAdvertisedProtocols: [] }, "alpnAdvertisedProtocols must be"],
  ["with a protocol too long", { alpnAdvertisedProtocols: ["x".repeat(256)] }, "alpnAdvertisedProtocols must be"],
  ["with a session as text", { session: "text" }, "session must be bytes"],
];

describe("authorities", () => {
  test("are read where they are others than those of the last time", () => {
    newServerContext({ cert, key, ca: [ca, ca] });

    expect(() => newServerContext({ cert, key, ca: [ca, bad] })).toThrow("OpenSSL cannot use");
    expect(() => newServerContext({ cert, key, ca: [ca, ca, bad] })).toThrow("OpenSSL cannot use");
  });
});

describe("connect", () => {
  test.each(impossibleForClients)("throws at once for options %s", (_, options, words) => {
    const act = (): unknown => connect({ host: "127.0.0.1", port: 1, tls: options as TlsClientOptions });
    expect(act).toThrow("Cannot connect: ");
    expect(act).toThrow(words);
  });

  test("throws for a server's context, which would wait for the other side to begin", () => {
    const context = newServerContext({ cert, key }) as unknown as TlsClientOptions;
    expect(() => connect({ host: "127.0.0.1", port: 1, tls: context })).toThrow(
      "Cannot connect: tls must be a client's options",
    );
  });

  test("throws for a unix socket without a name to insist on", () => {
    expect(() => connect({ path: "/tmp/none", tls: { ca } } as never)).toThrow("serverNameIndication must say whom");
  });

  test.each([
    { cert: key, key: cert },
    { cert, key: [key] },
    { pfx: key },
    { session: key },
    { passphrase: [key] },
    key,
  ])("does not show keys in what it throws: %#", (tls) => {
    expect(() => connect({ host: "127.0.0.1", port: 1, tls: tls as TlsClientOptions })).toThrow(
      /^(?!.*PRIVATE KEY)Cannot connect/s,
    );
  });

  // In a program of its own, since Node reads the environment when it likes.
  test("does not listen to the environment variable that makes Node trust everybody", async () => {
    await using server = await tlsEchoServer(credentials("unknown-ca"));
    const program = `
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
      const { connect } = await import("tankard/tls");
      const connected = await connect({ host: "127.0.0.1", port: ${server.port} });
      console.log(connected.ok ? "connected" : connected.error.reason);`;
    expect(await runProgram(program)).toMatchObject({ code: 0, stdout: "UnknownCa\n" });
  });

  test("takes a certificate that Node cannot make sense of for a bad one", async () => {
    await using server = await tlsEchoServer(credentials("localhost"));
    const spy = jest.spyOn(tls, "checkServerIdentity").mockImplementation(() => {
      throw Object.assign(new Error("Invalid subject alternative name string"), {
        code: "ERR_TLS_CERT_ALTNAME_FORMAT",
      });
    });
    const connected = await connect({ host: "127.0.0.1", port: server.port, tls: { ca } });
    spy.mockRestore();
    expect(connected).toMatchObject({ error: { type: "TlsCertificateRejected", code: "ERR_TLS_CERT_ALTNAME_FORMAT" } });
  });
});

describe("newServerContext", () => {
  // A certificate and its key are there in each case, so that nothing else is wrong.
  const forServers = impossible.filter(
    ([, options]) => options === null || !/cert|key/.test(Object.keys(options as object).join()),
  );

  test.each(forServers)("throws at once for options %s", (_, options, words) => {
    const act = (): unknown =>
      newServerContext((options === null ? null : { cert, key, ...(options as object) }) as never);
    expect(act).toThrow("Cannot make a server context: ");
    expect(act).toThrow(words.startsWith("did you mean") ? "unknown option" : words);
  });

  test.each([
    ["no certificate", {}, "a server needs a certificate"],
    ["a name without a certificate", { cert, key, sniHosts: { "a.example": {} } }, "a.example in sniHosts needs"],
    ["names that are none", { cert, key, sniHosts: null as never }, "sniHosts must be an object"],
    ["a name whose credentials are a key", { cert, key, sniHosts: { "a.example": key as never } }, /object(?!.*KEY)/],
    ["a name without a certificate's key", { cert, key, sniHosts: { "a.example": { cert } } }, "need each other"],
    [
      "a name whose key is another's",
      { cert, key, sniHosts: { "a.example": { cert, key: credentials("client").key } } },
      "key values mismatch",
    ],
    ["no protocol", { cert, key, alpnPreferredProtocols: [] }, "alpnPreferredProtocols must be"],
  ])("throws for %s", (_, options, words) => {
    expect(() => newServerContext(options)).toThrow(words);
  });
});

describe("upgrade", () => {
  test.each(impossibleForClients)("throws at once for options %s, and the socket stands", async (_, options, words) => {
    await using client = await connectedToPeer();
    const named = options === null ? null : { serverNameIndication: "localhost", ...(options as object) };
    const act = (): unknown => upgrade(client.socket, named as TlsClientOptions);
    expect(act).toThrow("Cannot upgrade: ");
    expect(act).toThrow(words);
  });

  test("throws where nobody says whom the certificate has to be for", async () => {
    await using client = await connectedToPeer();
    expect(() => upgrade(client.socket, { ca })).toThrow("Cannot upgrade: serverNameIndication must say whom");
  });

  test("is Enotsup for a socket in memory, which goes on in plain text", async () => {
    const [one, other] = createSocketPair();
    expect(await upgrade(one, { verify: "VerifyNone" })).toEqual(err("Enotsup"));
    for (const look of [peercert, session, negotiatedProtocol, connectionInformation]) {
      expect(look(one)).toEqual(err("Enotsup"));
    }
    unwrap(await send(one, "in plain text"));
    expect(await receive(other, 1_000)).toEqual(bytes("in plain text"));
    await close(one);
    await close(other);
  });
});

describe("a code of Node's", () => {
  test.each([
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", { type: "TlsAlert", alert: "HandshakeFailure" }],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", { type: "TlsAlert", alert: "HandshakeFailure" }], // since OpenSSL 3.2
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", { type: "TlsAlert", alert: "CertificateUnknown" }],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", { type: "TlsAlert", alert: "UnknownCa" }],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", { type: "TlsAlert", alert: "CertificateRequired" }],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", { type: "TlsAlert", alert: "UnrecognizedName" }],
    ["ERR_SSL_WRONG_VERSION_NUMBER", { type: "TlsHandshakeFailed", reason: "NotTls" }],
    ["EPROTO", { type: "TlsHandshakeFailed", reason: "ProtocolViolation" }],
    ["EPIPE", { type: "TlsHandshakeFailed", reason: "Econnreset" }],
    ["ERR_SSL_WHATEVER_MAY_COME", { type: "TlsHandshakeFailed", reason: "ProtocolViolation" }],
  ])("%s has its reason", (code, expected) => {
    expect(errorFromNode(Object.assign(new Error(code), { code }))).toEqual({ ...expected, code });
  });
});
