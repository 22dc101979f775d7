// STARTTLS: a connection begins in plain text, and `withUpgrade` goes on in TLS.

import type { ConnectionOptions } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { connect, newSelector, ok, receive, send, type Subject, unwrap } from "tankard";
import { continueWith, stop } from "tankard/otp";
import { type ConnectionHandler, type ServerOptions, withReply, withUpgrade } from "tankard/server";
import { connectionInformation, newServerContext, peercert, type TlsServerOptions, upgrade } from "tankard/tls";
import { ca, credentials } from "../support/certificates.ts";
import { type Peer, until, within } from "../support/peer.ts";
import { serve, type Served } from "../support/served.ts";
import { clientHello, connectTlsPeer, type TlsPeer } from "../support/tls-peer.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

type Mode = "plain" | "secure";

interface Speaker extends ConnectionHandler<Mode, string> {
  /** What `onPacket` has got, and in which state. */
  readonly got: string[];
  readonly closed: unknown[];
}

/** Answers each packet with its state and what it got, and STARTTLS with an upgrade. */
function speaker(options: Partial<TlsServerOptions> = {}): Speaker {
  const context = newServerContext({ ...credentials("localhost"), ...options });
  const got: string[] = [];
  const closed: unknown[] = [];
  return {
    got,
    closed,
    init: () => ({ state: "plain" }),
    onPacket: (mode, data) => {
      const text = data.toString().trim();
      got.push(`${mode} ${text}`);
      return text.startsWith("STARTTLS")
        ? withUpgrade(withReply(continueWith<Mode>("secure"), "220 ready\r\n"), context)
        : withReply(continueWith(mode), `250 ${text}\r\n`);
    },
    onClose: (_state, reason) => void closed.push(reason),
  };
}

async function ready(served: Served, command = "STARTTLS\r\n"): Promise<Peer> {
  const peer = await served.peer();
  await peer.send(command);
  expect((await peer.receive(11)).toString()).toBe("220 ready\r\n");
  return peer;
}

function secure({ raw }: Peer, options: ConnectionOptions = {}): Promise<TlsPeer> {
  return within(connectTlsPeer({ socket: raw, ...options }), "No hands are shaken");
}

/** Where the connection ends instead of speaking TLS. */
async function refused(peer: Peer): Promise<void> {
  await expect(secure(peer)).rejects.toThrow();
}

const framings: readonly (readonly [string, Partial<ServerOptions>])[] = [
  ["bytes", {}],
  ["lines", { packet: "line" }],
];

describe("withUpgrade", () => {
  test.each(framings)("goes on in TLS behind the reply, in %s", async (_name, options) => {
    const handler = speaker();
    await using served = await serve(handler, options);
    await using peer = await secure(await ready(served));
    for (const text of ["one", "two"]) {
      await peer.send(`${text}\r\n`);
      expect((await peer.receive(9)).toString()).toBe(`250 ${text}\r\n`);
    }
    expect(handler.got).toEqual(["plain STARTTLS", "secure one", "secure two"]);
    peer.close();
    await served.isServing(0);
    expect(served.events("HandshakeFailed")).toEqual([]);
    expect(served.server.info()).toMatchObject({ accepted: 1, crashed: 0, handshakesFailed: 0 });
  });

  test("speaks with our own client, and says who the two are", async () => {
    const seen: unknown[] = [];
    const handler = speaker({ ca, verify: "VerifyPeer" });
    const onPacket: Speaker["onPacket"] = (state, data, connection, self) => {
      seen.push([peercert(connection.socket).ok, connectionInformation(connection.socket).ok]);
      return handler.onPacket(state, data, connection, self);
    };
    await using served = await serve({ ...handler, onPacket }, { packet: "line" });
    const to = { host: "127.0.0.1", port: served.server.port, packet: "line" } as const;
    await using socket = unwrap(await connect(to));
    unwrap(await send(socket, "STARTTLS\r\n"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("220 ready");
    expect(await upgrade(socket, { ca, serverNameIndication: "localhost", ...credentials("client") })).toEqual(ok());
    unwrap(await send(socket, "hello\r\n"));
    expect(unwrap(await receive(socket, 1_000)).toString()).toBe("250 hello");
    expect(seen).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  test("is the same whichever is said first, the reply or the upgrade, and behind a promise", async () => {
    const context = newServerContext(credentials("localhost"));
    const handler: ConnectionHandler<number, never> = {
      init: () => ({ state: 0 }),
      onPacket: async (count, data) => {
        await turns(1);
        return count === 0
          ? withReply(withUpgrade(continueWith(1), context), ["220 ", ["ready\r\n"]])
          : withReply(continueWith(count + 1), [`${count} `, data]);
      },
    };
    await using served = await serve(handler);
    await using peer = await secure(await ready(served));
    await peer.send("hello");
    expect((await peer.receive(7)).toString()).toBe("1 hello");
  });

  describe("lets nothing that came in plain text pass for what came encrypted (CVE-2011-0411)", () => {
    const injected = "RCPT TO:<evil>\r\n";

    test("in one packet with the command, behind its line", async () => {
      const handler = speaker();
      await using served = await serve(handler, { packet: "line" });
      const peer = await ready(served, `STARTTLS\r\n${injected}`);
      await refused(peer); // it was the beginning of a handshake that is none
      await served.isServing(0);
      expect(served.events("HandshakeFailed")).toMatchObject([{ error: { type: "TlsHandshakeFailed" } }]);
      expect(handler.got).toEqual(["plain STARTTLS"]);
    });

    test("in one packet with the command, which is plain then as a whole", async () => {
      const handler = speaker();
      await using served = await serve(handler);
      await using peer = await secure(await ready(served, `STARTTLS\r\n${injected}`));
      await peer.send("hello");
      expect((await peer.receive(11)).toString()).toBe("250 hello\r\n");
      expect(handler.got).toEqual([`plain STARTTLS\r\n${injected.trim()}`, "secure hello"]);
    });

    test.each(framings)("in a packet of its own behind the command, in %s", async (_name, options) => {
      const handler = speaker();
      await using served = await serve(handler, options);
      const peer = await served.peer();
      peer.raw.setNoDelay(true);
      void peer.send("STARTTLS\r\n");
      await turns(1);
      await peer.send(injected);
      await refused(peer);
      await served.isServing(0);
      expect(handler.got.filter((text) => !text.startsWith("plain STARTTLS"))).toEqual([]);
    });

    test("with half a line behind the command, which TLS would have completed", async () => {
      const handler = speaker();
      await using served = await serve(handler, { packet: "line" });
      const peer = await ready(served, `STARTTLS\r\nRCPT TO:`);
      await refused(peer);
      await served.isServing(0);
      expect(handler.got).toEqual(["plain STARTTLS"]);
    });

    test("also where the context discards it, and the handshake succeeds", async () => {
      const handler = speaker({ unread: "Discard" });
      await using served = await serve(handler, { packet: "line" });
      for (const behind of [injected, injected.repeat(3), "RCPT TO:"]) {
        await using peer = await secure(await ready(served, `STARTTLS\r\n${behind}`));
        await peer.send("hello\r\n");
        expect((await peer.receive(11)).toString()).toBe("250 hello\r\n");
      }
      expect(new Set(handler.got)).toEqual(new Set(["plain STARTTLS", "secure hello"]));
    });
  });

  test("that comes to nothing closes the connection, and says so", async () => {
    const handler = speaker();
    await using served = await serve(handler);
    const uncaught = await uncaughtDuring(async () => {
      const peer = await ready(served);
      await peer.send("this is no TLS\r\n");
      await peer.readToEnd();
      await served.isServing(0);
    });
    const error = { type: "TlsHandshakeFailed", reason: "NotTls" };
    expect(uncaught).toEqual([]);
    expect(served.events("HandshakeFailed")).toMatchObject([{ connection: { id: 1 }, error }]);
    expect(served.events("ConnectionClosed")).toMatchObject([{ connection: { id: 1 }, reason: error }]);
    expect(handler.closed).toMatchObject([error]);
    expect(served.server.info()).toMatchObject({ open: 0, accepted: 1, crashed: 0, refused: 0, handshakesFailed: 1 });
    expect(served.crashes).toEqual([]);
  });

  test.each<[string, Partial<ServerOptions>, Partial<TlsServerOptions>, number]>([
    ["handshakeTimeoutMs", { handshakeTimeoutMs: 200 }, {}, 200],
    ["the context's own time", {}, { handshakeTimeout: 300 }, 300],
  ])("is over after %s", async (_name, options, tls, timeMs) => {
    const handler = speaker(tls);
    await using served = await serve(handler, { readTimeoutMs: 100, ...options });
    const peer = await ready(served);
    await peer.send((await clientHello()).subarray(0, 20));
    await turns(20);
    await served.clock.advance(timeMs - 1);
    await turns();
    expect(served.events("ConnectionClosed")).toEqual([]);
    await served.clock.advance(1);
    await served.isServing(0);
    expect(handler.closed).toMatchObject([{ type: "TlsHandshakeFailed", reason: "Timeout" }]);
    await peer.readToEnd();
  });

  test("is over in time where the peer does not take the reply", async () => {
    const context = newServerContext(credentials("localhost"));
    const closed: unknown[] = [];
    await using served = await serve({
      init: () => ({ state: undefined }),
      onPacket: (state) => withUpgrade(withReply(continueWith(state), Buffer.alloc(32_000_000)), context),
      onClose: (_state, reason) => void closed.push(reason),
    });
    const peer = await served.peer();
    await peer.send("STARTTLS\r\n");
    await until(() => (served.server.connections()[0]?.id ?? 0) === 1, "it is not served");
    await peer.receive(10);
    await turns(20);
    await served.clock.advance(5_000);
    await served.isServing(0);
    expect(closed).toMatchObject([{ type: "TlsHandshakeFailed", reason: "Timeout" }]);
    expect((await peer.readToEnd()).how).toBe("Rst");
  });

  test.each(["reset", "close"] as const)("survives a peer that goes by %s", async (how) => {
    const hello = await clientHello();
    const handler = speaker();
    await using served = await serve(handler);
    const uncaught = await uncaughtDuring(async () => {
      for (const share of [0, 0.5, 1]) {
        const peer = await ready(served);
        await peer.send(hello.subarray(0, hello.length * share));
        peer[how]();
      }
      await until(() => handler.closed.length === 3, "they are not closed");
    });
    expect(uncaught).toEqual([]);
    for (const reason of handler.closed) expect(reason).toMatchObject({ type: "TlsHandshakeFailed" });
    await served.isServing(0);
  });

  test("under way when the server stops is no failure, and holds nothing up", async () => {
    const handler = speaker();
    await using served = await serve(handler);
    const peer = await ready(served);
    await peer.send((await clientHello()).subarray(0, 20));
    const uncaught = await uncaughtDuring(async () => {
      await within(served.server.stop(), "It does not stop");
      await peer.readToEnd();
    });
    expect(uncaught).toEqual([]);
    expect(served.events("HandshakeFailed")).toEqual([]);
    expect(handler.closed).toHaveLength(1);
  });

  test("lets what is said to the actor meanwhile wait until hands are shaken", async () => {
    const context = newServerContext(credentials("localhost"));
    const subjects: Subject<string>[] = [];
    const handler: ConnectionHandler<Mode, string> = {
      init: (_connection, self) => {
        const subject = self.newSubject<string>();
        subjects.push(subject);
        return { state: "plain", selector: newSelector().select(subject) };
      },
      onPacket: () => withUpgrade(withReply(continueWith<Mode>("secure"), "220 ready\r\n"), context),
      onMessage: (mode, text) => withReply(continueWith(mode), `${mode} ${text}`),
      onDrain: () => withReply(stop(), "goodbye"),
    };
    await using served = await serve(handler);
    const peer = await ready(served);
    subjects[0]?.send("news");
    const drained = served.server.drain(60_000);
    await turns();
    await using secured = await secure(peer);
    expect((await secured.readToEnd()).data.toString()).toMatch(/^(secure newsgoodbye|goodbye)$/);
    await within(drained, "It does not drain");
  });

  test("crashes the connection where a packet has been asked for, or TLS is spoken already", async () => {
    const context = newServerContext(credentials("localhost"));
    const subjects: Subject<string>[] = [];
    const handler: ConnectionHandler<undefined, string> = {
      init: (_connection, self) => {
        const subject = self.newSubject<string>();
        subjects.push(subject);
        return { state: undefined, selector: newSelector().select(subject) };
      },
      onPacket: (state) => withUpgrade(withReply(continueWith(state), "220 ready\r\n"), context),
      onMessage: (state) => withUpgrade(continueWith(state), context),
    };
    await using served = await serve(handler);
    const peer = await served.peer();
    await served.isServing(1);
    subjects[0]?.send("now");
    await peer.readToEnd();
    await served.isServing(0);
    await using twice = await secure(await ready(served));
    await twice.send("again");
    await twice.readToEnd();
    await served.isServing(0);
    expect(served.events("ConnectionClosed")).toMatchObject([
      { reason: { reason: { message: "Cannot upgrade a connection but by what onPacket returns" } } },
      { reason: { reason: { message: "Cannot upgrade a connection: Enotsup" } } },
    ]);
    expect(served.server.info()).toMatchObject({ crashed: 2, handshakesFailed: 0 });
  });

  test("throws for an actor that ends, and for what is no context", () => {
    const context = newServerContext(credentials("localhost"));
    expect(() => withUpgrade(stop(), context)).toThrow("Cannot upgrade a connection that does not go on");
    expect(() => withUpgrade(continueWith(1), credentials("localhost") as never)).toThrow(
      /^Cannot upgrade a connection: expected a server context, as newServerContext makes it$/, // and no key
    );
  });
});

describe("upgrade", () => {
  test("lets a process go on in TLS by itself", async () => {
    const context = newServerContext(credentials("localhost"));
    await using served = await serve(
      async ({ socket }) => {
        unwrap(await receive(socket, -1));
        unwrap(await send(socket, "220 ready\r\n"));
        unwrap(await upgrade(socket, context));
        unwrap(await send(socket, unwrap(await receive(socket, -1))));
      },
      { packet: "line" },
    );
    await using peer = await secure(await ready(served));
    await peer.send("hello\r\n");
    expect((await peer.readToEnd()).data.toString()).toBe("hello");

    const pipelined = await ready(served, "STARTTLS\r\nRCPT TO:<evil>\r\n");
    await refused(pipelined);
    await served.isServing(0);
  });
});
