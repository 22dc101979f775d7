// What TLS has given up: the versions before 1.2, and another handshake in the middle of a connection.

import { once } from "node:events";
import { connect as connectTls, createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import {
  abort,
  accept,
  closeListener,
  err,
  lastError,
  listen,
  ok,
  receive,
  type Result,
  send,
  type Socket,
  unwrap,
} from "tankard";
import { connect, newServerContext, upgrade } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { until, within } from "../support/peer.ts";
import { soonMs } from "../support/test-process.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

/** A socket of ours, or why there is none, and Node's of the other side. */
interface Pair extends AsyncDisposable {
  readonly ours: Result<Socket, unknown>;
  readonly nodes: TLSSocket | undefined;
  /** What has come there. */
  readonly heard: () => string;
}

const sides = ["client", "server"] as const;

/** Of the two, the server is the one that sees it: of Node's it comes as an alert. */
const wrongVersion = {
  client: { type: "TlsAlert", alert: "ProtocolVersion" },
  server: { type: "TlsHandshakeFailed", reason: "ProtocolVersion" },
} as const;

/** We are that side, of a Node that is told `options`. */
async function pair(
  side: (typeof sides)[number],
  options: Pick<TlsOptions, "minVersion" | "maxVersion" | "ciphers">,
): Promise<Pair> {
  let heard = "";
  const listenTo = (raw: TLSSocket): TLSSocket =>
    raw.on("error", () => undefined).on("data", (data: Buffer) => (heard += data.toString()));
  if (side === "client") {
    let nodes: TLSSocket | undefined;
    const server = createServer({ ...credentials("localhost"), ...options }, (raw) => {
      nodes = listenTo(raw);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    const ours = await connect({ host: "127.0.0.1", port, tls: { ca, handshakeTimeout: soonMs } });
    return {
      ours,
      get nodes() {
        return nodes;
      },
      heard: () => heard,
      [Symbol.asyncDispose]: async () => {
        if (ours.ok) abort(ours.value);
        nodes?.destroy();
        server.close();
        await once(server, "close");
      },
    };
  }
  const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
  const { port } = listener;
  const nodes = listenTo(connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }));
  const accepted = unwrap(await accept(listener, soonMs));
  const upgraded = await upgrade(accepted, newServerContext({ ...credentials("localhost"), handshakeTimeout: soonMs }));
  return {
    ours: upgraded.ok ? ok(accepted) : upgraded,
    nodes,
    heard: () => heard,
    [Symbol.asyncDispose]: async () => {
      abort(accepted);
      nodes.destroy();
      await closeListener(listener);
    },
  };
}

describe.each(sides)("the %s", (side) => {
  test.each(["TLSv1", "TLSv1.1"] as const)("does not speak %s, and says that this is why", async (maxVersion) => {
    // OpenSSL itself has given them up, below its security level 1.
    await using old = await pair(side, { minVersion: "TLSv1", maxVersion, ciphers: "ALL:@SECLEVEL=0" });
    expect(old.ours).toMatchObject({ ok: false, error: wrongVersion[side] });
  });
});

describe("another handshake in the middle, over TLS 1.2,", () => {
  /** The code that Node is left with, whose side asks for it. */
  async function refusal({ ours, nodes, heard }: Pair): Promise<string | undefined> {
    unwrap(await send(unwrap(ours), "before"));
    await until(() => heard() === "before", "Nothing comes");
    if (nodes === undefined) throw new Error("not connected");
    const refused = once(nodes, "error") as Promise<[NodeJS.ErrnoException]>;
    nodes.renegotiate({}, () => undefined);
    const [{ code }] = await within(refused, "Nobody refuses it");
    return code;
  }

  test("is refused by the client, over which Node's server ends the connection: Eproto, and no exception", async () => {
    const errors = await uncaughtDuring(async () => {
      await using stood = await pair("client", { maxVersion: "TLSv1.2" });
      expect(await refusal(stood)).toBe("ERR_SSL_NO_RENEGOTIATION");
      const ours = unwrap(stood.ours);
      expect(await receive(ours, soonMs)).toEqual(err("Eproto"));
      expect(lastError(ours)?.code).toMatch(/ALERT_HANDSHAKE_FAILURE$/);
    });
    expect(errors).toEqual([]);
  });

  test("is refused by the server, to whom the client's giving up is Eproto, and no exception", async () => {
    const errors = await uncaughtDuring(async () => {
      await using stood = await pair("server", { maxVersion: "TLSv1.2" });
      expect(await refusal(stood)).toBe("ERR_SSL_NO_RENEGOTIATION");
      const ours = unwrap(stood.ours);
      expect(await receive(ours, soonMs)).toEqual(err("Eproto"));
      expect(lastError(ours)?.code).toMatch(/^ERR_SSL_/);
    });
    expect(errors).toEqual([]);
  });
});
