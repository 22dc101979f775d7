import { describe, expect, test } from "@jest/globals";
import { abort, receive, unwrap } from "tankard";
import {
  connectionInformation,
  newServerContext,
  replaceServerContext,
  session,
  type TlsClientOptions,
  type TlsServerContext,
  type TlsVersion,
} from "tankard/tls";
import { ca, credentials, crl } from "../support/certificates.ts";
import { until } from "../support/peer.ts";
import { soonMs } from "../support/test-process.ts";
import { bothOurs } from "../support/tls-ends.ts";

const versions: readonly TlsVersion[] = ["TLSv1.2", "TLSv1.3"];

/** Whether a client has resumed `kept`, and the session that it has now; or why the server has refused it. */
async function served(
  context: TlsServerContext,
  client: TlsClientOptions,
): Promise<{ readonly isResumed: boolean; readonly session: Buffer } | { readonly refused: unknown }> {
  await using ends = await bothOurs({ client, context });
  if (!ends.server.ok) {
    // Over TLS 1.3 the client has shaken hands before it is refused.
    if (ends.client.ok) {
      expect((await receive(ends.client.value, soonMs)).ok).toBe(false);
      abort(ends.client.value);
    }
    return { refused: ends.server.error };
  }
  const socket = unwrap(ends.client);
  await until(() => session(socket).ok, "No session comes");
  return { isResumed: unwrap(connectionInformation(socket)).sessionResumption, session: unwrap(session(socket)) };
}

async function sessionOf(context: TlsServerContext, client: TlsClientOptions = {}): Promise<Buffer> {
  const first = await served(context, client);
  if ("refused" in first) throw new Error("refused");
  return first.session;
}

describe.each(versions)("a server's crl, over %s,", (version) => {
  const mutual = { ...credentials("localhost"), maxVersion: version, verify: "VerifyPeer", ca } as const;

  test("refuses the certificate of a client that was revoked, and no other", async () => {
    const context = newServerContext({ ...mutual, crl });
    expect(await served(context, credentials("client"))).toMatchObject({ isResumed: false });
    expect(await served(context, credentials("revoked"))).toMatchObject({
      refused: { type: "TlsCertificateRejected", reason: "CertRevoked", peercert: { subject: "CN=localhost" } },
    });
  });

  test("that comes by replaceServerContext refuses it too where it brings a session from before", async () => {
    const context = newServerContext(mutual);
    const kept = await sessionOf(context, credentials("revoked"));
    expect(await served(context, { ...credentials("revoked"), session: kept })).toMatchObject({ isResumed: true });
    replaceServerContext(context, { ...mutual, crl });
    expect(await served(context, { ...credentials("revoked"), session: kept })).toMatchObject({
      refused: { type: "TlsCertificateRejected", reason: "CertRevoked" },
    });
  });
});

describe("replaceServerContext", () => {
  test.each(versions)("lets no session from before go on, over %s, though all is as it was", async (version) => {
    const options = { ...credentials("localhost"), maxVersion: version };
    const context = newServerContext(options);
    const kept = await sessionOf(context);
    expect(await served(context, { session: kept })).toMatchObject({ isResumed: true });
    replaceServerContext(context, options);
    expect(await served(context, { session: kept })).toMatchObject({ isResumed: false });
  });

  test("shows no key of options that are taken for a context", () => {
    const options = credentials("localhost");
    expect(() => {
      replaceServerContext(options as never, options);
    }).toThrow(/^Cannot replace a server context: expected a server context, as newServerContext makes it$/);
  });
});
