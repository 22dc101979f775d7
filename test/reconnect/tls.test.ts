import { describe, expect, test } from "@jest/globals";
import { createRuntime, describeError, type OwnSubject, unwrap } from "tankard";
import { type ReconnectingConnection, type ReconnectMessage, startReconnecting } from "tankard/reconnect";
import type { TlsConnectionOptions } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { thrownBy } from "../support/in-process.ts";
import { until } from "../support/peer.ts";
import { tlsEchoServer } from "../support/tls-peer.ts";

interface Started extends AsyncDisposable {
  readonly connection: ReconnectingConnection;
  readonly messages: readonly ReconnectMessage[];
  /** Waits until so many messages of this type have come. */
  told(type: ReconnectMessage["type"], count: number): Promise<void>;
}

async function startTo(to: TlsConnectionOptions): Promise<Started> {
  const runtime = createRuntime();
  const messages: ReconnectMessage[] = [];
  const { subject: subscriber } = runtime.spawn(async (self, all: OwnSubject<ReconnectMessage>) => {
    for (;;) messages.push(await self.receiveForever(all));
  });
  const started = await startReconnecting(
    { to, subscriber, backoff: { minMs: 1, maxMs: 5 }, maxAttempts: 3, stableAfterMs: 0 },
    runtime,
  );
  const connection = unwrap(started).data;
  const count = (type: ReconnectMessage["type"]): number => messages.filter((message) => message.type === type).length;
  return {
    connection,
    messages,
    told: (type, wanted) => until(() => count(type) >= wanted, `${wanted} ${type} were not told`),
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await runtime.stop();
    },
  };
}

describe("startReconnecting, over TLS", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("comes back, and resumes its session: %s", async (maxVersion) => {
    await using server = await tlsEchoServer({ ...credentials("localhost"), maxVersion });
    await using started = await startTo({ host: "127.0.0.1", port: server.port, tls: { ca } });
    for (let life = 1; life <= 3; life++) {
      await started.told("Connected", life);
      expect(unwrap(await started.connection.call(`life ${life}`, 1_000)).toString()).toBe(`life ${life}`);
      server.sockets.at(-1)?.destroy();
      await started.told("Disconnected", life);
    }
    expect(server.resumed.slice(0, 3)).toEqual([false, true, true]);
  });

  test("takes a certificate that is not accepted for a failed attempt", async () => {
    await using server = await tlsEchoServer(credentials("expired"));
    await using started = await startTo({ host: "127.0.0.1", port: server.port, tls: { ca } });
    await started.told("GaveUp", 1);
    const last = started.messages.at(-1);
    expect(last).toMatchObject({
      type: "GaveUp",
      attempts: 3,
      reason: { type: "ConnectFailed", error: { type: "TlsCertificateRejected", reason: "CertExpired" } },
    });
    if (last?.type !== "GaveUp" || last.reason.type !== "ConnectFailed") throw new Error("of another type");
    expect(describeError(last.reason.error)).toBe(
      "the peer's certificate was rejected: it has expired [CERT_HAS_EXPIRED]",
    );
  });

  test("throws for TLS options that no connection can have, before anything is tried", async () => {
    const runtime = createRuntime();
    const { subject: subscriber } = runtime.spawn((self, all: OwnSubject<ReconnectMessage>) =>
      self.receiveForever(all),
    );
    const to = { host: "127.0.0.1", port: 9 };
    for (const tls of [{ cert: "x" }, { ca: "no PEM" }, { verify: "maybe" }, { serverName: "x" }]) {
      const options = { to: { ...to, tls: tls as object }, subscriber };
      expect(await thrownBy(() => startReconnecting(options, runtime))).toMatchObject({
        message: expect.stringMatching(/^Cannot connect: /),
      });
    }
    await runtime.stop();
  });
});
