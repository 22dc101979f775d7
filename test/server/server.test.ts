import { BlockList } from "node:net";
import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  connect,
  err,
  newSelector,
  Normal,
  ok,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  send,
  type Subject,
  tcpMessages,
} from "tankard";
import { continueWith, stop } from "tankard/otp";
import { type Connection, type ServerOptions, startServer, withReply } from "tankard/server";
import { createWorld, thrownBy } from "../support/in-process.ts";
import { until } from "../support/peer.ts";
import { echo, serve } from "../support/served.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

describe("startServer", () => {
  test("serves each connection by an actor that asks by itself, and sends what it replies", async () => {
    await using served = await serve(echo);
    const [one, other] = [await served.peer(), await served.peer()];
    await one.send("Hello, Joe!");
    await other.send("Hello, Mike!");
    expect((await other.receive(12)).toString()).toBe("Hello, Mike!");
    expect((await one.receive(11)).toString()).toBe("Hello, Joe!");
    await one.send("again");
    expect((await one.receive(5)).toString()).toBe("again");
  });

  test("serves by an async process", async () => {
    await using served = await serve(async ({ socket }, self) => {
      for (;;) {
        receiveNextPacketAsMessage(socket);
        const message = await self.receiveForever(tcpMessages);
        if (message.type !== "Packet") return;
        await send(socket, message.data);
      }
    });
    const peer = await served.peer();
    await peer.send("Hello, Robert!");
    expect((await peer.receive(14)).toString()).toBe("Hello, Robert!");
    peer.close();
    await until(() => served.events("ConnectionClosed").length === 1, "the connection does not close");
    expect(served.server.connections()).toEqual([]);
  });

  test("serves by any owner, whose end closes the connection", async () => {
    await using served = await serve({
      createOwner: ({ socket }: Connection) => {
        const owner = ownerFromCallback((message) => {
          if (message.type !== "Packet") return;
          void send(socket, message.data).then(() => {
            owner.exit();
          });
        });
        setImmediate(() => receiveNextPacketAsMessage(socket));
        return owner;
      },
    });
    const peer = await served.peer();
    await peer.send("bye");
    const { data, how } = await peer.readToEnd();
    expect([data.toString(), how]).toEqual(["bye", "Fin"]);
  });

  test("gives its port and address, and each connection its peer's", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    expect(served.server.address).toBe("127.0.0.1");
    expect(served.server.port).toBeGreaterThan(0);
    expect(served.server.connections()).toMatchObject([
      { id: 1, remoteAddress: "127.0.0.1", remotePort: peer.raw.localPort },
    ]);
  });

  test("is Eaddrinuse on a port that is taken, and nothing is left", async () => {
    await using served = await serve(echo);
    const { runtime } = createWorld();
    const options = { host: "127.0.0.1", port: served.server.port };
    expect(await startServer(options, echo, runtime)).toEqual(err("Eaddrinuse"));
    await runtime.idle();
  });

  test.each([
    [{ port: 0, maxConnections: 0 }, "maxConnections must be a whole number, at least 1, or Infinity, received 0"],
    [{ port: 0, maxConections: 1 }, 'unknown option "maxConections", did you mean "maxConnections"?'],
    [
      { port: 0, readTimeoutMs: -1 },
      "readTimeoutMs must be from 0 to 4294967295 milliseconds or Infinity, received -1",
    ],
  ])("throws for %j", async (options, text) => {
    const error = await thrownBy(() => startServer(options as ServerOptions, echo));
    expect(error).toMatchObject({ message: `Cannot start a server: ${text}` });
  });

  test("throws for what is no handler", async () => {
    const error = await thrownBy(() => startServer({ port: 0 }, {} as never));
    expect(error).toMatchObject({
      message:
        "Cannot start a server: the handler must be a function, or have init and onPacket, or createOwner, received {}",
    });
  });
});

describe("a connection handler", () => {
  test("gets what its own selector takes, beside the packets", async () => {
    const shouts: Subject<string>[] = [];
    await using served = await serve<number, string>({
      init: (_connection, self) => {
        const subject = self.newSubject<string>();
        shouts.push(subject);
        return { state: 0, selector: newSelector().select(subject) };
      },
      onPacket: (count, data) => withReply(continueWith(count + data.length), `${count + data.length} `),
      onMessage: (count, message) => withReply(continueWith(count), `${message}@${count} `),
    });
    const peer = await served.peer();
    await peer.send("four");
    expect((await peer.receive(2)).toString()).toBe("4 ");
    shouts[0]?.send("news");
    expect((await peer.receive(7)).toString()).toBe("news@4 ");
  });

  test("that stops ends the connection behind its last word", async () => {
    await using served = await serve({ ...echo, onPacket: () => withReply(stop(), "goodbye") });
    const peer = await served.peer();
    await peer.send("x");
    const { data, how } = await peer.readToEnd();
    expect([data.toString(), how]).toEqual(["goodbye", "Fin"]);
    await served.isServing(0);
    expect(served.events("ConnectionClosed")).toMatchObject([{ connection: { id: 1 }, reason: Normal }]);
  });

  test("that throws on every tenth message ends its own connection only, and the event names it", async () => {
    const error = new Error("the tenth");
    await using served = await serve<number>({
      init: () => ({ state: 0 }),
      onPacket: (count, data) => {
        if (count === 9) throw error;
        return withReply(continueWith(count + 1), data);
      },
    });
    const [one, other] = [await served.peer(), await served.peer()];
    for (let count = 0; count < 9; count++) {
      await one.send("x");
      await one.receive(1);
    }
    await one.send("x");
    await one.readToEnd();
    await other.send("still here");
    expect((await other.receive(10)).toString()).toBe("still here");
    expect(served.events("ConnectionClosed")).toMatchObject([{ connection: { id: 1 }, reason: Abnormal(error) }]);
    expect(served.server.info()).toMatchObject({ open: 1, accepted: 2, crashed: 1 });
  });

  test.each(["closes", "resets"])("hears once by onClose that the peer %s", async (how) => {
    const reasons: unknown[] = [];
    const onClose = (_state: undefined, reason: unknown): void => void reasons.push(reason);
    await using served = await serve({ ...echo, onClose }, { showEconnreset: true });
    const peer = await served.peer();
    await served.isServing(1);
    await turns();
    if (how === "closes") peer.close();
    else peer.reset();
    await served.isServing(0);
    expect(reasons).toEqual([how === "closes" ? "Closed" : "Econnreset"]);
  });

  test("whose onClose throws is heard of, and the server goes on", async () => {
    const error = new Error("in onClose");
    const onClose = (): never => {
      throw error;
    };
    await using served = await serve({ ...echo, onClose });
    (await served.peer()).close();
    await until(() => served.events("CloseFailed").length === 1, "nobody hears of it");
    expect(served.events("CloseFailed")).toMatchObject([{ connection: { id: 1 }, reason: error }]);
    const peer = await served.peer();
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("is not read from while its peer does not read its answers", async () => {
    let packets = 0;
    const large = Buffer.alloc(4 * 1024 * 1024);
    const onPacket = (state: undefined) => {
      packets++;
      return withReply(continueWith(state), large);
    };
    await using served = await serve({ ...echo, onPacket });
    const peer = await served.peer();
    const flood = peer.flood(64 * 1024 * 1024);
    await flood.stalled();
    expect(packets).toBeLessThan(10);
    expect(flood.taken).toBeLessThan(64 * 1024 * 1024);
  });

  test("whose init throws has its connection reset, and the server goes on", async () => {
    let count = 0;
    const init = () => {
      if (count++ === 0) throw new Error("not yet");
      return { state: undefined };
    };
    await using served = await serve({ ...echo, init });
    await served.refusedPeer();
    const second = await served.peer();
    await second.send("x");
    expect((await second.receive(1)).toString()).toBe("x");
    expect(served.events("ConnectionRefused")).toMatchObject([
      { why: "InitFailed", reason: { reason: { message: "not yet" } } },
    ]);
  });
});

describe("limits", () => {
  test("maxConnections lets others wait, unread, and serves them in order as places become free", async () => {
    await using served = await serve(echo, { maxConnections: 1 });
    const peers = [await served.peer(), await served.peer(), await served.peer()] as const;
    for (const peer of peers) await peer.send("x");
    expect((await peers[0].receive(1)).toString()).toBe("x");
    await until(() => served.server.info().waiting === 2, "they do not wait");
    peers[0].close();
    expect((await peers[1].receive(1)).toString()).toBe("x");
    expect(served.server.info()).toMatchObject({ open: 1, waiting: 1 });
    peers[1].close();
    expect((await peers[2].receive(1)).toString()).toBe("x");
    expect(served.events("ConnectionWaits")).toHaveLength(2);
  });

  test("beyond maxWaiting a connection is reset", async () => {
    await using served = await serve(echo, { maxConnections: 1, maxWaiting: 1 });
    await served.peer();
    await served.peer();
    await until(() => served.server.info().waiting === 1, "nobody waits");
    await served.refusedPeer();
    expect(served.server.info()).toMatchObject({ open: 1, waiting: 1, refused: 1 });
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "Full", remoteAddress: "127.0.0.1" }]);
  });

  test("maxPerAddress turns away who has too many already, until one of them is over", async () => {
    await using served = await serve(echo, { maxPerAddress: 1 });
    const first = await served.peer();
    await served.isServing(1);
    await served.refusedPeer();
    first.close();
    await served.isServing(0);
    const third = await served.peer();
    await third.send("x");
    expect((await third.receive(1)).toString()).toBe("x");
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "TooManyFromAddress" }]);
  });

  test("blockList keeps addresses out", async () => {
    await using served = await serve(echo, { blockList: { check: (address) => address === "127.0.0.1" } });
    await served.refusedPeer();
    expect(served.events("ConnectionRefused")).toMatchObject([{ why: "Blocked", remoteAddress: "127.0.0.1" }]);
  });

  test("mailbox bounds what others may send to a connection that waits for its peer, but not the server", async () => {
    const subjects: Subject<number>[] = [];
    const large = Buffer.alloc(12 * 1024 * 1024);
    await using served = await serve<undefined, number>(
      {
        init: (_connection, self) => {
          const subject = self.newSubject<number>();
          subjects.push(subject);
          return { state: undefined, selector: newSelector().select(subject) };
        },
        onPacket: (state) => continueWith(state),
        onMessage: (state) => withReply(continueWith(state), large),
        onDrain: () => stop(),
      },
      { mailbox: { capacity: 2, overflow: "reject" }, linger: 0 },
    );
    await served.peer();
    await served.isServing(1);
    const taken: (boolean | undefined)[] = [];
    for (let number = 0; number < 8; number++) {
      taken.push(subjects[0]?.trySend(number));
      await turns();
    }
    expect(taken).toEqual([true, true, true, true, false, false, false, false]);
    expect(served.deadLetters.map(({ why }) => why)).toEqual(["Refused", "Refused", "Refused", "Refused"]);
    await served.server.stop();
  });

  test("blockList may be Node's", async () => {
    const blockList = new BlockList();
    blockList.addSubnet("127.0.0.0", 8);
    await using served = await serve(echo, { blockList });
    await served.refusedPeer();
    expect(served.server.info()).toMatchObject({ accepted: 0, refused: 1 });
  });

  test("sendTimeout closes a connection whose peer does not read its answers", async () => {
    const large = Buffer.alloc(24 * 1024 * 1024);
    const onPacket = (count: number) => withReply(continueWith(count + 1), count === 0 ? large : "a little");
    await using served = await serve<number>(
      { init: () => ({ state: 0 }), onPacket },
      { sendTimeout: 1_000, linger: 0 },
    );
    const peer = await served.peer();
    await peer.send("x");
    await served.isServing(1);
    await turns(5);
    await peer.send("x"); // the answer to this one has to wait
    await turns(5);
    await served.clock.advance(1_000);
    await served.isServing(0);
    expect(served.events("ConnectionClosed")).toMatchObject([{ reason: "Timeout" }]);
  });

  test("readTimeoutMs closes a connection that sends nothing, and messages of its own do not put it off", async () => {
    const subjects: Subject<string>[] = [];
    const reasons: unknown[] = [];
    await using served = await serve<undefined, string>(
      {
        init: (_connection, self) => {
          const subject = self.newSubject<string>();
          subjects.push(subject);
          return { state: undefined, selector: newSelector().select(subject) };
        },
        onPacket: (state, data) => withReply(continueWith(state), data),
        onMessage: (state) => continueWith(state),
        onClose: (_state, reason) => void reasons.push(reason),
      },
      { readTimeoutMs: 1_000 },
    );
    const peer = await served.peer();
    await served.isServing(1);
    await served.clock.advance(900);
    await peer.send("x"); // this does
    await peer.receive(1);
    await served.clock.advance(900);
    subjects[0]?.send("a message of its own");
    await served.clock.advance(100);
    expect((await peer.readToEnd()).how).toBe("Fin");
    expect(reasons).toEqual(["Timeout"]);
    expect(served.events("ConnectionClosed")).toMatchObject([{ reason: "Timeout" }]);
  });

  test("readTimeoutMs closes a connection that sends nothing although the server sends to it", async () => {
    const subjects: Subject<string>[] = [];
    await using served = await serve<undefined, string>(
      {
        init: (_connection, self) => {
          const subject = self.newSubject<string>();
          subjects.push(subject);
          return { state: undefined, selector: newSelector().select(subject) };
        },
        onPacket: (state) => continueWith(state),
        onMessage: (state, message) => withReply(continueWith(state), message),
      },
      { readTimeoutMs: 1_000 },
    );
    const peer = await served.peer();
    await served.isServing(1);
    await served.clock.advance(600);
    subjects[0]?.send("tick");
    expect((await peer.receive(4)).toString()).toBe("tick");
    await served.clock.advance(400);
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test("readTimeoutMs Infinity closes nobody", async () => {
    await using served = await serve(echo, { readTimeoutMs: Infinity });
    const peer = await served.peer();
    await served.isServing(1);
    await served.clock.advance(1_000_000_000);
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("readTimeoutMs does not run while a handler works", async () => {
    let finish = (): void => undefined;
    const onPacket = async (state: undefined, data: Buffer) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return withReply(continueWith(state), data);
    };
    await using served = await serve({ ...echo, onPacket }, { readTimeoutMs: 1_000 });
    const peer = await served.peer();
    await peer.send("x");
    await served.isServing(1);
    await turns(5);
    await served.clock.advance(5_000);
    finish();
    expect((await peer.receive(1)).toString()).toBe("x");
  });

  test("idleTimeoutMs closes a connection on which nothing moves, whoever serves it", async () => {
    await using served = await serve(({ socket }) => receive(socket, Infinity), {
      idleTimeoutMs: 1_000,
    });
    const peer = await served.peer();
    await served.isServing(1);
    await turns();
    await served.clock.advance(999);
    expect(served.server.info().open).toBe(1);
    await served.clock.advance(251);
    expect((await peer.readToEnd()).how).toBe("Fin");
    expect(served.events("ConnectionClosed")).toMatchObject([{ reason: "Timeout" }]);
  });
});

describe("onEvent", () => {
  test("that throws is an uncaught exception, and harms no connection and no count", async () => {
    const error = new Error("in onEvent");
    await using served = await serve(echo, {
      onEvent: () => {
        throw error;
      },
    });
    const thrown = await uncaughtDuring(async () => {
      const peer = await served.peer();
      await peer.send("x");
      expect((await peer.receive(1)).toString()).toBe("x");
      peer.close();
      await until(() => served.server.info().open === 0, "the connection is still counted");
    });
    expect(thrown).toEqual([error, error]);
    expect(served.server.info()).toMatchObject({ accepted: 1, open: 0, isListening: true });
  });
});

describe("suspend and resume", () => {
  test("refuse new connections, leave the others alone, and let new ones in again on the same port", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    const { port } = served.server;
    await served.server.suspend();
    expect(served.server.info().isListening).toBe(false);
    expect(await connect({ host: "127.0.0.1", port })).toMatchObject({ error: { ipv4: "Econnrefused" } });
    await peer.send("x");
    expect((await peer.receive(1)).toString()).toBe("x");
    expect(await served.server.resume()).toEqual(ok());
    expect(served.server.port).toBe(port);
    const other = await served.peer();
    await other.send("y");
    expect((await other.receive(1)).toString()).toBe("y");
    await peer.send("z");
    expect((await peer.receive(1)).toString()).toBe("z");
  });
});

describe("drain", () => {
  test("lets nobody in, gives connections a chance to say goodbye, and resolves when all have ended", async () => {
    await using served = await serve({ ...echo, onDrain: () => withReply(stop(), "goodbye") });
    const peer = await served.peer();
    await peer.send("x");
    await peer.receive(1);
    const { port } = served.server;
    const drained = served.server.drain(5_000);
    expect((await peer.readToEnd()).data.toString()).toBe("goodbye");
    await drained;
    expect(served.server.process.isAlive).toBe(false);
    expect(await connect({ host: "127.0.0.1", port })).toMatchObject({ ok: false });
  });

  test("tells a handler too that was just beginning", async () => {
    const begins: (() => void)[] = [];
    const init = async () => {
      await new Promise<void>((resolve) => begins.push(resolve));
      return { state: undefined };
    };
    await using served = await serve({ ...echo, init, onDrain: () => withReply(stop(), "goodbye") });
    const peer = await served.peer();
    await until(() => begins.length === 1, "it does not begin");
    const drained = served.server.drain(5_000);
    await turns(5);
    begins[0]?.();
    expect((await peer.readToEnd()).data.toString()).toBe("goodbye");
    await drained;
  });

  test("tells an async process by the signal of its connection", async () => {
    await using served = await serve(async ({ socket, draining }) => {
      await new Promise((resolve) => {
        draining.addEventListener("abort", resolve);
      });
      await send(socket, "goodbye");
    });
    const peer = await served.peer();
    await served.isServing(1);
    await turns();
    const drained = served.server.drain(5_000);
    expect((await peer.readToEnd()).data.toString()).toBe("goodbye");
    await drained;
  });

  test("ends by force whoever has not ended within its time", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    let isOver = false;
    const drained = served.server.drain(5_000).then(() => {
      isOver = true;
    });
    await turns();
    await served.clock.advance(4_999);
    await peer.send("still served");
    expect((await peer.receive(12)).toString()).toBe("still served");
    expect(isOver).toBe(false);
    await served.clock.advance(1);
    expect((await peer.readToEnd()).how).toBe("Fin");
    await drained;
  });

  test("with Infinity waits for the last one, however long that takes", async () => {
    await using served = await serve(echo, { readTimeoutMs: Infinity });
    const peer = await served.peer();
    await served.isServing(1);
    let isOver = false;
    const drained = served.server.drain(Infinity).then(() => {
      isOver = true;
    });
    await turns(5);
    await served.clock.advance(100_000_000);
    expect(isOver).toBe(false);
    peer.close();
    await drained;
  });

  test("that takes too long is cut short by another, and by stop", async () => {
    await using served = await serve(echo);
    const peer = await served.peer();
    await served.isServing(1);
    const drained = served.server.drain(Infinity);
    await turns(5);
    await served.server.stop();
    await drained;
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test("ends a handler that traps exits and does not listen to them by force, after its time to end", async () => {
    await using served = await serve(async (_connection, self) => {
      self.trapExits(true);
      await self.receiveForever(self.newSubject());
    });
    const peer = await served.peer();
    await served.isServing(1);
    const stopped = served.server.stop();
    await turns(10);
    expect(served.server.process.isAlive).toBe(true);
    await served.clock.advance(5_000);
    await stopped;
    expect((await peer.readToEnd()).how).toBe("Fin");
  });

  test("resets who waits to be served", async () => {
    await using served = await serve(echo, { maxConnections: 1 });
    const peers = [await served.peer(), await served.peer()] as const;
    await until(() => served.server.info().waiting === 1, "nobody waits");
    const drained = served.server.drain(1_000);
    expect((await peers[1].readToEnd()).how).toBe("Rst");
    peers[0].close();
    await drained;
  });
});

describe("stop", () => {
  test("ends at once, and what was queued still leaves", async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, "x");
    await using served = await serve({ ...echo, onPacket: (state) => withReply(continueWith(state), large) });
    const peer = await served.peer();
    await peer.send("x");
    await served.isServing(1);
    await turns(5);
    await served.server.stop();
    const { data, how } = await peer.readToEnd();
    expect([data.length, how]).toEqual([large.length, "Fin"]);
    expect(served.crashes).toEqual([]);
  });

  test("twice is stopped once", async () => {
    await using served = await serve(echo);
    await Promise.all([served.server.stop(), served.server.stop(), served.server.drain(10)]);
    expect(served.server.info()).toMatchObject({ open: 0, isListening: false });
  });
});
