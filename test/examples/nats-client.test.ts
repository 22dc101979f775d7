// The NATS client of the examples at a server that says what the real one rarely does.

import { describe, expect, test } from "@jest/globals";
import { err, ok, type OwnSubject, type Self, unwrap } from "tankard";
import type { NatsOptions } from "../../examples/nats-client/actor.ts";
import { type NatsClient, startNatsClient } from "../../examples/nats-client/client.ts";
import { encodeHeaders, parseHeaders } from "../../examples/nats-client/headers.ts";
import type { NatsMessage, NatsNews } from "../../examples/nats-client/messages.ts";
import { type Peer, peerServer } from "../support/peer.ts";
import { startProcess } from "../support/test-process.ts";

const WITHIN_MS = 3_000;
const INFO = 'INFO {"headers":true,"max_payload":100}\r\n';

interface Testing extends NatsClient {
  readonly news: OwnSubject<NatsNews>;
}

async function client(self: Self, port: number, options: Partial<NatsOptions> = {}): Promise<Testing> {
  const news = self.newSubject<NatsNews>();
  const backoff = { minMs: 5, maxMs: 5 };
  const started = await startNatsClient({ host: "127.0.0.1", port, news, backoff, ...options }, self);
  return { ...unwrap(started).data, news };
}

/** Reads commands of the client up to one that ends as is said. */
async function heard(peer: Peer, end: string): Promise<string> {
  let text = "";
  while (!text.endsWith(end) && text.length < 10_000) text += (await peer.receive(1)).toString("latin1");
  return text;
}

/** Lets a client in that has no subscriptions yet. */
async function letIn(peer: Peer): Promise<void> {
  await peer.send(INFO);
  await heard(peer, "PING\r\n");
  await peer.send("PONG\r\n");
  await heard(peer, ".* 0\r\n");
}

async function newsOf(self: Self, { news }: Testing): Promise<NatsNews> {
  return unwrap(await self.receive(news, WITHIN_MS));
}

describe("the NATS client, when it connects,", () => {
  test("logs in and is let in, then subscribes, then sends what has waited", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port, { credentials: { user: "joe", pass: "secret" } });
    const beers = self.newSubject<NatsMessage>();
    const subscription = nats.subscribe("beers.*", beers, { queue: "bars" });
    nats.unsubscribe(subscription, { afterMessages: 3 });
    nats.unsubscribe(nats.subscribe("wines", beers));
    void nats.publish("beers.new", "Porter", { headers: [["a", "b"]], replyTo: "thanks" });

    await using peer = await server.accept();
    await peer.send(INFO);
    const login = await heard(peer, "PING\r\n");
    expect(JSON.parse(/^CONNECT (.*)\r\nPING\r\n$/.exec(login)?.[1] ?? "")).toEqual({
      ...{ name: "tankard", lang: "node", version: "1.0.0", protocol: 1, verbose: false, pedantic: false },
      ...{ headers: true, no_responders: true, user: "joe", pass: "secret" },
    });
    // A message directly behind the PONG is a subscriber's, not the handshake's.
    await peer.send("PING\r\n+OK\r\nPONG\r\nMSG beers.old 1 5\r\nStout\r\n");
    expect((await heard(peer, "Porter\r\n")).replace(/[0-9a-f]{32}/, "ID")).toBe(
      "PONG\r\nSUB _INBOX.ID.* 0\r\nSUB beers.* bars 1\r\nUNSUB 1 3\r\n" +
        "HPUB beers.new thanks 18 24\r\nNATS/1.0\r\na: b\r\n\r\nPorter\r\n",
    );
    expect(await newsOf(self, nats)).toMatchObject({ type: "Connected" });
    expect(unwrap(await self.receive(beers, WITHIN_MS))).toMatchObject({ subject: "beers.old", headers: [] });

    peer.reset();
    expect(await newsOf(self, nats)).toMatchObject({ type: "Disconnected" });
    await using next = await server.accept();
    await letIn(next);
    expect(await heard(next, "2\r\n")).toBe("SUB beers.* bars 1\r\nUNSUB 1 2\r\n"); // one of the three has come
  });

  test.each<readonly [string, string, unknown]>([
    ["what is no NATS server", "SSH-2.0-OpenSSH_9.2\r\n", "Eproto"],
    ["one that begins with something else", "PING\r\n", { type: "NotNats" }],
    ["one that wants TLS", 'INFO {"tls_required":true}\r\n', { type: "TlsRequired" }],
    [
      "one that is full",
      "-ERR 'maximum connections exceeded'\r\n",
      { type: "ServerError", text: "maximum connections exceeded" },
    ],
    ["one that says all but PONG", `INFO {}\r\n${"+OK\r\n".repeat(20)}`, { type: "NotNats" }],
  ])("does not take %s for one that lets it in, and tries again", async (_, greeting, error) => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port);
    for (let attempt = 0; attempt < 2; attempt++) {
      const peer = await server.accept();
      await peer.send(greeting);
      expect(await newsOf(self, nats)).toMatchObject({
        type: "Disconnected",
        reason: { type: "HandshakeFailed", error },
      });
    }
  });

  test("does without headers where the server has none", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    await using _nats = await client(my.self, server.port);
    await using peer = await server.accept();
    await peer.send("INFO 7\r\n");
    expect(await heard(peer, "PING\r\n")).toContain('"headers":false,"no_responders":false');
  });
});

describe("the NATS client, while it is connected,", () => {
  test("answers PING, shows an error, and passes over what it has not asked for", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port);
    await using peer = await server.accept();
    await letIn(peer);
    expect(await newsOf(self, nats)).toMatchObject({ type: "Connected" });
    await peer.send("+OK\r\nPONG\r\nMSG a 9 1\r\nx\r\n-ERR 'Permissions Violation for Publish to \"a\"'\r\nPING\r\n");
    expect(await newsOf(self, nats)).toEqual({
      type: "ServerError",
      text: 'Permissions Violation for Publish to "a"',
    });
    expect(await heard(peer, "\r\n")).toBe("PONG\r\n");
    await peer.send('INFO {"max_payload":3}\r\nPING\r\n');
    expect(await heard(peer, "\r\n")).toBe("PONG\r\n");
    expect(await nats.publish("a", "four")).toEqual(err({ type: "PayloadTooLarge", byteSize: 4, maxPayload: 3 }));
  });

  test("takes the first answer to a request, and none that comes too late", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port);
    await using peer = await server.accept();
    await letIn(peer);
    const inboxOf = (text: string): string => / (_INBOX\.\S+) 1\r\n/.exec(text)?.[1] ?? "";
    const late = nats.request("price", "a", 20);
    const lateInbox = inboxOf(await heard(peer, "a\r\n"));
    expect(await late).toEqual(err({ type: "CallTimeout", withinMs: 20 }));
    const asked = nats.request("price", "b", WITHIN_MS);
    const inbox = inboxOf(await heard(peer, "b\r\n"));
    expect(inbox).not.toBe(lateInbox);
    await peer.send(`MSG ${lateInbox} 0 4\r\nlate\r\nMSG ${inbox} 0 4\r\n4.50\r\nMSG ${inbox} 0 4\r\n5.00\r\n`);
    expect(unwrap(await asked).payload.toString()).toBe("4.50");
    const nobody = nats.request("price", "c", WITHIN_MS);
    const status = "NATS/1.0 503\r\n\r\n";
    await peer.send(`HMSG ${inboxOf(await heard(peer, "c\r\n"))} 0 ${status.length} ${status.length}\r\n${status}\r\n`);
    expect(await nobody).toEqual(err({ type: "NoResponders" }));
  });

  test("gives each flush a PONG of its own, whatever its heart beats", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port, { heartbeat: { everyMs: 40, withinMs: WITHIN_MS } });
    await using peer = await server.accept();
    await letIn(peer);
    await heard(peer, "PING\r\n"); // the heart
    const flushed = nats.flush(100);
    await heard(peer, "PING\r\n");
    await peer.send("PONG\r\n"); // to the heart
    expect(await flushed).toEqual(err({ type: "CallTimeout", withinMs: 100 }));
    const again = nats.flush(WITHIN_MS);
    void nats.publish("behind", "");
    await heard(peer, "PUB behind 0\r\n\r\n");
    await peer.send("PONG\r\n".repeat(6)); // to the flush that was too late, to the heart, and to this one
    expect(await again).toEqual(ok());
  });

  test.each<readonly [string, string, string]>([
    ["lies about a size", "MSG a 1 -1\r\n", "Eproto"],
    ["sends more than is taken", "MSG a 1 2000000\r\n", "Emsgsize"],
  ])("leaves a server that %s, and subscribes anew", async (_, bytes, error) => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port);
    const first = await server.accept();
    await letIn(first);
    expect(await newsOf(self, nats)).toMatchObject({ type: "Connected" });
    nats.subscribe("a", self.newSubject<NatsMessage>());
    expect(await heard(first, "\r\n")).toBe("SUB a 1\r\n");
    await first.send(bytes);
    expect(await newsOf(self, nats)).toMatchObject({ type: "Disconnected", reason: { type: "ConnectionLost", error } });
    await using second = await server.accept();
    await letIn(second);
    expect(await heard(second, "\r\n")).toBe("SUB a 1\r\n");
  });

  test("leaves a server that is silent", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port, { heartbeat: { everyMs: 20, withinMs: 20 } });
    await letIn(await server.accept());
    expect(await newsOf(self, nats)).toMatchObject({ type: "Connected" });
    expect(await newsOf(self, nats)).toMatchObject({ type: "Disconnected", reason: { type: "PeerSilent" } });
    await using _again = await server.accept();
  });
});

describe("the NATS client, asked for what cannot be,", () => {
  test("throws, and does nothing", async () => {
    await using server = await peerServer();
    await using my = await startProcess();
    const { self } = my;
    await using nats = await client(self, server.port);
    const to = self.newSubject<NatsMessage>();
    for (const subject of ["", ".", "a..b", "a b", "a\r\nPUB b 0", "a\tb", ".a", "a."]) {
      expect(() => nats.subscribe(subject, to)).toThrow("Cannot subscribe: expected a subject, received");
      expect(() => nats.publish(subject, "")).toThrow("Cannot publish: expected a subject, received");
    }
    for (const subject of ["*", ">", "a.*", "a.>", "*.b"]) {
      expect(() => nats.request(subject, "", 1)).toThrow("Cannot request: expected a subject without wildcards");
      nats.subscribe(subject, to);
    }
    expect(() => nats.subscribe("a.>.b", to)).toThrow("expected a subject");
    expect(() => nats.subscribe("a", to, { queue: "b c" })).toThrow("Cannot subscribe with a queue");
    expect(() => nats.subscribe("a".repeat(1_025), to)).toThrow("a subject has 1024 bytes at most");
    expect(() => nats.publish("a", "", { replyTo: "b c" })).toThrow("expected a subject");
    expect(() => nats.publish("a", "", { headers: [["a", "b\r\nc: d"]] })).toThrow("Cannot write a header");
    expect(() => nats.publish("a", "", { headers: [["a:", "b"]] })).toThrow("Cannot write a header");
    for (const time of [-1, NaN, 2 ** 32]) expect(() => nats.flush(time)).toThrow("Cannot flush: withinMs");
    expect(() => nats.unsubscribe({ sid: "1" }, { afterMessages: 1.5 })).toThrow("afterMessages");
  });
});

describe("parseHeaders", () => {
  test("reads what encodeHeaders writes, a status, and leaves out what is no header", () => {
    const headers = [
      ["Beer", "Porter"],
      ["Beer", "caf\u00e9: 4.50"],
    ] as const;
    expect(parseHeaders(encodeHeaders(headers).toString())).toEqual({ status: undefined, headers });
    expect(parseHeaders("NATS/1.0 503\r\n\r\n")).toEqual({ status: 503, headers: [] });
    expect(parseHeaders("NATS/1.0 100 Idle Heartbeat\r\na:b\r\n\r\n")).toEqual({ status: 100, headers: [["a", "b"]] });
    expect(parseHeaders("HTTP/1.1 503\r\nno header\r\n: nor this\r\nc:\r\n")).toEqual({
      status: undefined,
      headers: [["c", ""]],
    });
    expect(parseHeaders("")).toEqual({ status: undefined, headers: [] });
  });
});
