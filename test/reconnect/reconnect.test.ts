import { describe, expect, test } from "@jest/globals";
import {
  close,
  ok,
  type OwnSubject,
  receive,
  receiveNextPacketAsMessage,
  type Result,
  send,
  type SocketError,
  unwrap,
} from "tankard";
import { startSupervisor } from "tankard/otp";
import {
  type Connected,
  type Disconnected,
  type GaveUp,
  type ReconnectingConnection,
  type ReconnectMessage,
  type ReconnectOptions,
  type ReconnectPacket,
  startReconnecting,
} from "tankard/reconnect";
import { beginLending, isReusable } from "../../src/tcp/lending.ts";
import { createWorld, spawnPuppet, thrownBy, type World } from "../support/in-process.ts";
import { closedPort, type Peer, peerServer, type PeerServer, unixPeerServer, until } from "../support/peer.ts";
import { silenceMs } from "../support/test-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

interface Played extends World, AsyncDisposable {
  readonly connection: ReconnectingConnection;
  readonly server: PeerServer;
  readonly messages: readonly ReconnectMessage[];
  readonly types: readonly string[];
  /** Waits until so many messages of this type have come, and gives the last of them. */
  told<T extends ReconnectMessage>(type: T["type"], count?: number): Promise<T>;
  /** Waits for a connection that stands, and gives its other side. */
  connected(count?: number): Promise<Peer>;
}

/** Half-way of what back-off allows, always. */
const backoff = { minMs: 100, maxMs: 1_000, random: () => 0.5 };

async function play(options: Partial<ReconnectOptions> = {}, to?: ReconnectOptions["to"]): Promise<Played> {
  const world = createWorld();
  const server = await peerServer();
  const messages: ReconnectMessage[] = [];
  const { self } = await spawnPuppet(world.runtime);
  const subscriber = collector(world, messages);
  const started = await startReconnecting(
    { to: to ?? { host: "127.0.0.1", port: server.port, timeout: Infinity }, subscriber, backoff, ...options },
    self,
  );
  const connection = unwrap(started).data;
  const told = async <T extends ReconnectMessage>(type: T["type"], count = 1): Promise<T> => {
    const ofType = (): readonly ReconnectMessage[] => messages.filter((message) => message.type === type);
    await until(() => ofType().length >= count, `${count} ${type} were not told`);
    return ofType()[count - 1] as T;
  };
  return {
    ...world,
    connection,
    server,
    messages,
    get types() {
      return messages.map(({ type }) => type);
    },
    told,
    connected: async (count = 1) => {
      const peer = await server.accept();
      await told("Connected", count);
      return peer;
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await world.runtime.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A process that keeps what it is told. */
function collector({ runtime }: World, messages: ReconnectMessage[]) {
  return runtime.spawn(async (self, all: OwnSubject<ReconnectMessage>) => {
    for (;;) messages.push(await self.receiveForever(all));
  }).subject;
}

/** Nothing comes in a while. Only time can show that. */
const silence = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, silenceMs));

/** Reads one word, and says how it was. */
async function password(socket: Parameters<typeof receive>[0]): Promise<Result<undefined, SocketError | "Wrong">> {
  await send(socket, "password? ");
  const word = await receive(socket, -1);
  if (!word.ok) return word;
  return word.value.toString() === "right" ? ok() : { ok: false, error: "Wrong" };
}

describe("startReconnecting", () => {
  test("connects, and tells a packet for each that is asked for", async () => {
    await using played = await play();
    const peer = await played.connected();
    expect(played.messages[0]).toEqual({ type: "Connected", connection: played.connection, attempt: 1 });
    await peer.send("one");
    await silence();
    expect(played.types).toEqual(["Connected"]);
    played.connection.receiveNextPacketAsMessage();
    expect((await played.told<ReconnectPacket>("Packet")).data.toString()).toBe("one");
    await peer.send("two");
    await silence();
    expect(played.types).toEqual(["Connected", "Packet"]);
    played.connection.receiveNextPacketAsMessage();
    await played.told("Packet", 2);
  });

  test("sends in order, also what was sent before it was connected", async () => {
    await using played = await play();
    const sent = ["a", "b", "c"].map((data) => played.connection.send(data));
    const peer = await played.connected();
    sent.push(played.connection.send(["d", Buffer.from("e")]));
    expect((await peer.receive(5)).toString()).toBe("abcde");
    expect(await Promise.all(sent)).toEqual([ok(), ok(), ok(), ok()]);
  });

  test("connects again when the connection has ended, after the back-off", async () => {
    await using played = await play();
    (await played.connected()).close();
    const told = await played.told<Disconnected>("Disconnected");
    expect(told).toEqual({
      type: "Disconnected",
      connection: played.connection,
      reason: { type: "ConnectionLost", error: "Closed" },
      nextAttemptMs: 150,
    });
    expect(played.connection.state).toBe("waiting");
    await played.clock.advance(149);
    expect(played.connection.state).toBe("waiting");
    await played.clock.advance(1);
    await played.connected(2);
    expect(await played.told<Connected>("Connected", 2)).toMatchObject({ attempt: 2 });
    expect(played.types).toEqual(["Connected", "Disconnected", "Connected"]);
  });

  test("says how the connection was lost", async () => {
    await using played = await play({}, undefined);
    const peer = await played.connected();
    peer.reset();
    expect((await played.told<Disconnected>("Disconnected")).reason).toEqual({
      type: "ConnectionLost",
      error: "Closed",
    });
    const shown = { host: "127.0.0.1", port: played.server.port, timeout: Infinity, showEconnreset: true };
    await using other = await play({}, shown);
    const another = await played.server.accept();
    await other.told("Connected");
    another.reset();
    expect((await other.told<Disconnected>("Disconnected")).reason).toEqual({
      type: "ConnectionLost",
      error: "Econnreset",
    });
  });

  test("tells what came before the end, first", async () => {
    await using played = await play();
    const peer = await played.connected();
    await peer.send("last words");
    peer.close();
    await silence();
    played.connection.receiveNextPacketAsMessage();
    expect((await played.told<ReconnectPacket>("Packet")).data.toString()).toBe("last words");
    await played.told("Disconnected");
    expect(played.types).toEqual(["Connected", "Packet", "Disconnected"]);
  });

  test("waits longer with each failure, up to the limit, and tries one host after the other", async () => {
    const ports = [await closedPort(), await closedPort()];
    const to = ports.map((port) => ({
      host: "127.0.0.1",
      port,
      ipVersionPreference: "Ipv4Only" as const,
      timeout: Infinity,
    }));
    await using played = await play({}, to);
    const waits: number[] = [];
    for (let failures = 1; failures <= 6; failures++) {
      const { nextAttemptMs, reason } = await played.told<Disconnected>("Disconnected", failures);
      waits.push(nextAttemptMs);
      expect(reason).toMatchObject({ type: "ConnectFailed", error: { ipv4: "Econnrefused" } });
      await played.clock.advance(nextAttemptMs);
    }
    expect(waits).toEqual([150, 250, 450, 550, 550, 550]);
  });

  test("tries the hosts in turn", async () => {
    await using other = await peerServer();
    const dead = await closedPort();
    const to = [dead, other.port].map((port) => ({ host: "127.0.0.1", port, timeout: Infinity }));
    await using played = await play({}, to);
    await played.told("Disconnected");
    await played.clock.advance(150);
    (await other.accept()).close();
    await played.told("Disconnected", 2);
    await played.clock.advance(250);
    expect(await played.told<Disconnected>("Disconnected", 3)).toMatchObject({ reason: { type: "ConnectFailed" } });
  });

  test("counts failures from 1 again once a connection has been stable", async () => {
    await using played = await play({ stableAfterMs: 5_000 });
    (await played.connected()).close();
    await played.told("Disconnected");
    await played.clock.advance(150);
    const brief = await played.connected(2);
    await played.clock.advance(4_999);
    brief.close();
    expect(await played.told("Disconnected", 2)).toMatchObject({ nextAttemptMs: 250 });
    await played.clock.advance(250);
    const lasting = await played.connected(3);
    await played.clock.advance(5_000);
    lasting.close();
    expect(await played.told("Disconnected", 3)).toMatchObject({ nextAttemptMs: 150 });
  });

  test("gives up after so many failures in a row, and ends", async () => {
    const port = await closedPort();
    await using played = await play({ maxAttempts: 2 }, { host: "127.0.0.1", port, timeout: Infinity });
    const waiting = played.connection.send("x");
    await played.told("Disconnected");
    await played.clock.advance(150);
    const told = await played.told<GaveUp>("GaveUp");
    expect(told).toMatchObject({ attempts: 2, reason: { type: "ConnectFailed" } });
    expect(await waiting).toEqual({ ok: false, error: { type: "Closed" } });
    expect(await played.connection.send("y")).toEqual({ ok: false, error: { type: "Closed" } });
    expect(await played.connection.process.exited).toEqual({ type: "Normal" });
    expect(played.types).toEqual(["Disconnected", "GaveUp"]);
  });

  describe("call", () => {
    test("gives each answer to its call, in order", async () => {
      await using played = await play();
      const early = played.connection.call("1", 1_000);
      const peer = await played.connected();
      const later = played.connection.call("2", 1_000);
      expect((await peer.receive(2)).toString()).toBe("12");
      await peer.send("one");
      expect(unwrap(await early).toString()).toBe("one");
      await peer.send("two");
      expect(unwrap(await later).toString()).toBe("two");
      expect(played.types).toEqual(["Connected"]);
    });

    test("fails at once when the connection ends, and is not sent again; what was not sent is", async () => {
      await using played = await play();
      const peer = await played.connected();
      const calls = [played.connection.call("1", 60_000), played.connection.call("2", 60_000)];
      await peer.receive(2);
      peer.close();
      const lost = { type: "Disconnected", reason: { type: "ConnectionLost", error: "Closed" } };
      expect(await Promise.all(calls)).toEqual([
        { ok: false, error: lost },
        { ok: false, error: lost },
      ]);
      const waiting = played.connection.call("3", 60_000);
      await played.told("Disconnected");
      await played.clock.advance(150);
      const again = await played.connected(2);
      expect((await again.receive(1)).toString()).toBe("3");
      await again.send("three");
      expect(unwrap(await waiting).toString()).toBe("three");
    });

    test("fails when its time is over, and its late answer is nobody else's", async () => {
      await using played = await play();
      const peer = await played.connected();
      const late = played.connection.call("1", 1_000);
      const patient = played.connection.call("2", 60_000);
      await played.clock.advance(1_000);
      expect(await late).toEqual({ ok: false, error: { type: "CallTimeout", withinMs: 1_000 } });
      await peer.send("one");
      await turns();
      await silence();
      await peer.send("two");
      expect(unwrap(await patient).toString()).toBe("two");
    });

    test("is not sent where its time was over while it waited", async () => {
      const port = await closedPort();
      await using played = await play({}, { host: "127.0.0.1", port, timeout: Infinity });
      const late = played.connection.call("late", 100);
      await played.told("Disconnected");
      await played.clock.advance(100);
      expect(await late).toEqual({ ok: false, error: { type: "CallTimeout", withinMs: 100 } });
    });

    test("leaves what is no answer to who asks", async () => {
      await using played = await play({ isAnswer: (data) => data.toString().startsWith("+") });
      const peer = await played.connected();
      const call = played.connection.call("1", 60_000);
      await peer.send("news");
      await silence();
      await peer.send("+one");
      expect(unwrap(await call).toString()).toBe("+one");
      expect(played.types).toEqual(["Connected"]);
      played.connection.receiveNextPacketAsMessage();
      expect((await played.told<ReconnectPacket>("Packet")).data.toString()).toBe("news");
    });

    test("refuses a time that is none, before anything is sent", async () => {
      await using played = await play();
      expect(await thrownBy(() => played.connection.call("x", -1))).toBeInstanceOf(RangeError);
      expect(await thrownBy(() => played.connection.send(5 as never))).toBeInstanceOf(TypeError);
    });
  });

  describe("while there is no connection", () => {
    const full = { ok: false, error: { type: "QueueFull" } };

    test("refuses what has no room, and keeps what has", async () => {
      await using played = await play({ queueLimit: 4 });
      const first = played.connection.send("1234");
      expect(await played.connection.send("5")).toEqual(full);
      const peer = await played.connected();
      expect(await first).toEqual(ok());
      expect((await peer.receive(4)).toString()).toBe("1234");
    });

    test("makes room by refusing the oldest, where it shall", async () => {
      await using played = await play({ queueLimit: 4, overflow: "dropOldest" });
      const sent = ["12", "34", "56"].map((data) => played.connection.send(data));
      expect(await played.connection.send("12345")).toEqual(full);
      const peer = await played.connected();
      expect(await Promise.all(sent)).toEqual([full, ok(), ok()]);
      expect((await peer.receive(4)).toString()).toBe("3456");
    });

    test("lets what was lent not be used again before it is sent", async () => {
      await using played = await play();
      beginLending();
      const data = Buffer.alloc(65_536, "x");
      const sent = played.connection.send(data);
      expect(isReusable(data)).toBe(false);
      expect(isReusable(Buffer.from(data))).toBe(true);
      const peer = await played.connected();
      expect(await sent).toEqual(ok());
      expect((await peer.receive(65_536)).equals(data)).toBe(true);
    });
  });

  test("lends nothing: what answers a call stays as it was while others are answered", async () => {
    await using server = await peerServer();
    const to = { host: "127.0.0.1", port: server.port, reuseBuffers: true };
    await using played = await play({}, to);
    const answers = Array.from({ length: 40 }, async () => {
      const answer = unwrap(await played.connection.call("?", 2_000));
      return { answer, copy: Buffer.from(answer) };
    });
    const peer = await server.accept();
    await peer.receive(40);
    for (const value of answers.keys()) await peer.send(Buffer.alloc(65_536, value)); // a packet each, or more
    for (const { answer, copy } of await Promise.all(answers)) expect(answer.equals(copy)).toBe(true);
  });

  describe("handshake", () => {
    test("runs on every connection, before anything else is sent", async () => {
      await using played = await play({ handshake: password });
      const sent = played.connection.send("hello");
      const shake = async (count: number): Promise<Peer> => {
        const peer = await played.server.accept();
        expect((await peer.receive(10)).toString()).toBe("password? ");
        expect(played.connection.state).toBe("handshaking");
        await peer.send("right");
        await played.told("Connected", count);
        return peer;
      };
      const peer = await shake(1);
      expect((await peer.receive(5)).toString()).toBe("hello");
      expect(await sent).toEqual(ok());
      peer.close();
      await played.told("Disconnected");
      await played.clock.advance(150);
      await shake(2);
    });

    test("that gives an error, or throws, is a failed attempt", async () => {
      for (const [handshake, error] of [
        [password, "Wrong"],
        [
          () => {
            throw new Error("oops");
          },
          new Error("oops"),
        ],
      ] as const) {
        await using played = await play({ handshake });
        const peer = await played.server.accept();
        await peer.send("wrong");
        const { reason, nextAttemptMs } = await played.told<Disconnected>("Disconnected");
        expect(reason).toEqual({ type: "HandshakeFailed", error });
        expect(nextAttemptMs).toBe(150);
        await peer.readToEnd();
        expect(played.types).toEqual(["Disconnected"]);
      }
    });

    test("that takes too long is a failed attempt, and what it gives later is nobody's", async () => {
      await using played = await play({ handshake: password, handshakeTimeoutMs: 1_000 });
      const peer = await played.server.accept();
      await peer.receive(10);
      await played.clock.advance(1_000);
      expect((await played.told<Disconnected>("Disconnected")).reason).toEqual({ type: "HandshakeTimeout" });
      await peer.readToEnd();
      await turns(10);
      expect(played.types).toEqual(["Disconnected"]);
    });

    test("that has read the end is followed by Disconnected", async () => {
      const handshake: ReconnectOptions["handshake"] = async (socket) => {
        await receive(socket, -1);
        return ok();
      };
      await using played = await play({ handshake });
      (await played.server.accept()).close();
      expect((await played.told<Disconnected>("Disconnected")).reason).toEqual({
        type: "ConnectionLost",
        error: "Closed",
      });
    });
  });

  describe("reconnectNow", () => {
    test("waits no longer", async () => {
      await using played = await play();
      (await played.connected()).close();
      await played.told("Disconnected");
      played.connection.reconnectNow();
      expect(played.connection.state).toBe("connecting");
      expect(await played.connected(2)).toBeDefined();
      await played.clock.advance(1_000); // the wait that was cut short begins no second attempt
      expect(played.server.accepted).toBe(2);
    });

    test("cuts a connection, and no message of it comes any more", async () => {
      await using played = await play();
      const peer = await played.connected();
      const call = played.connection.call("x", 60_000);
      await peer.receive(1);
      await peer.send("late");
      played.connection.reconnectNow();
      expect(await call).toEqual({ ok: false, error: { type: "Disconnected", reason: { type: "Asked" } } });
      expect(await played.told("Disconnected")).toMatchObject({ reason: { type: "Asked" }, nextAttemptMs: 0 });
      await played.clock.advance(0);
      await played.connected(2);
      played.connection.receiveNextPacketAsMessage();
      await silence();
      expect(played.types).toEqual(["Connected", "Disconnected", "Connected"]);
    });
  });

  describe("close", () => {
    test("lets what was sent leave, and says nothing more", async () => {
      await using played = await play();
      const peer = await played.connected();
      void played.connection.send("goodbye");
      const call = played.connection.call("?", 60_000);
      await played.connection.close();
      expect(await peer.readToEnd()).toEqual({ data: Buffer.from("goodbye?"), how: "Fin" });
      expect(await call).toEqual({ ok: false, error: { type: "Closed" } });
      expect(await played.connection.process.exited).toEqual({ type: "Normal" });
      played.connection.reconnectNow();
      await played.clock.advance(60_000);
      expect(played.types).toEqual(["Connected"]);
      expect(await isSettledWithin(played.connection.close())).toBe(true);
    });

    test.each(["connecting", "waiting"] as const)("ends it while it is %s", async (state) => {
      const port = state === "waiting" ? await closedPort() : undefined;
      await using played = await play(
        {},
        port === undefined ? undefined : { host: "127.0.0.1", port, timeout: Infinity },
      );
      if (state === "waiting") await played.told("Disconnected");
      const sent = played.connection.send("x");
      await played.connection.close();
      expect(await sent).toEqual({ ok: false, error: { type: "Closed" } });
      await played.clock.advance(60_000);
      expect(played.types).not.toContain("Connected");
    });
  });

  describe("heartbeat", () => {
    const heartbeat = { data: "PING", everyMs: 10_000, withinMs: 2_000 };

    test("finds a peer dead that says nothing", async () => {
      await using played = await play({ heartbeat });
      const peer = await played.connected();
      await played.clock.advance(10_000);
      expect((await peer.receive(4)).toString()).toBe("PING");
      await played.clock.advance(1_999);
      expect(played.types).toEqual(["Connected"]);
      await played.clock.advance(1);
      expect((await played.told<Disconnected>("Disconnected")).reason).toEqual({ type: "PeerSilent" });
      expect((await peer.readToEnd()).how).toBe("Rst");
    });

    test("is put off by every packet, and an answer to it comes to who asks", async () => {
      await using played = await play({ heartbeat });
      const peer = await played.connected();
      await played.clock.advance(9_000);
      await peer.send("news");
      await silence();
      played.connection.receiveNextPacketAsMessage();
      await played.told("Packet");
      await played.clock.advance(9_999);
      await peer.send("more");
      played.connection.receiveNextPacketAsMessage();
      await played.told("Packet", 2);
      await played.clock.advance(10_000);
      expect((await peer.receive(4)).toString()).toBe("PING");
      await peer.send("PONG");
      played.connection.receiveNextPacketAsMessage();
      expect((await played.told<ReconnectPacket>("Packet", 3)).data.toString()).toBe("PONG");
      await played.clock.advance(9_999);
      expect(played.types).not.toContain("Disconnected");
    });

    test("has its turn among the calls, where it is one", async () => {
      await using played = await play({ heartbeat: { ...heartbeat, isCall: true } });
      const peer = await played.connected();
      await played.clock.advance(10_000);
      const call = played.connection.call("GET", 60_000);
      expect((await peer.receive(7)).toString()).toBe("PINGGET");
      await peer.send("PONG");
      await silence();
      await peer.send("value");
      expect(unwrap(await call).toString()).toBe("value");
      expect(played.types).toEqual(["Connected"]);
    });

    test("does not take a peer for dead whose packets nobody asks for", async () => {
      await using played = await play({ heartbeat });
      const peer = await played.connected();
      await peer.send("one");
      await silence();
      await played.clock.advance(60_000);
      expect(played.types).toEqual(["Connected"]);
    });
  });

  test("notices the end by a send that fails, where a packet that nobody asked for hides it", async () => {
    await using played = await play();
    const peer = await played.connected();
    await peer.send("banner");
    await silence();
    peer.reset();
    await silence();
    expect(played.types).toEqual(["Connected"]);
    const sent = await played.connection.send("x");
    expect(sent).toMatchObject({ ok: false, error: { type: "SendFailed" } });
    await played.told("Disconnected");
    await played.clock.advance(150);
    await played.connected(2);
  });

  test("settles whatever waits, in order, where the connection is lost as that is sent", async () => {
    let times = 0;
    const handshake: ReconnectOptions["handshake"] = async (socket) => {
      if (times++ === 0) await close(socket);
      return ok();
    };
    await using played = await play({ handshake });
    const sent = ["1", "2", "3"].map((data) => played.connection.send(data));
    await played.told("Disconnected");
    sent.push(played.connection.send("4"));
    await played.clock.advance(150);
    await played.server.accept();
    const peer = await played.server.accept();
    expect((await peer.receive(3)).toString()).toBe("234");
    expect((await Promise.all(sent)).map((result) => result.ok)).toEqual([false, true, true, true]);

    await using over = await play({ handshake: async (socket) => (await close(socket), ok()), maxAttempts: 1 });
    const lost = ["1", "2", "3"].map((data) => over.connection.send(data));
    await over.told("GaveUp");
    expect((await Promise.all(lost)).map((result) => result.ok)).toEqual([false, false, false]);
  });

  test("does not give up for the loss of a connection that was stable", async () => {
    await using played = await play({ maxAttempts: 1, stableAfterMs: 1_000 });
    const peer = await played.connected();
    await played.clock.advance(1_000);
    peer.close();
    await played.told("Disconnected");
    await played.clock.advance(150);
    (await played.connected(2)).close();
    expect(await played.told("GaveUp")).toMatchObject({ attempts: 1 });
  });

  test("keeps a packet that the handshake has asked for and not taken", async () => {
    const handshake: ReconnectOptions["handshake"] = async (socket) => {
      receiveNextPacketAsMessage(socket);
      await silence();
      return ok();
    };
    await using played = await play({ handshake });
    await (await played.server.accept()).send("one");
    await played.told("Connected");
    played.connection.receiveNextPacketAsMessage();
    expect((await played.told<ReconnectPacket>("Packet")).data.toString()).toBe("one");
  });

  test("takes a handshake that gives no Result for one that has failed", async () => {
    await using played = await play({ handshake: () => Promise.resolve() as never });
    const { reason } = await played.told<Disconnected>("Disconnected");
    expect(reason).toMatchObject({ type: "HandshakeFailed", error: { name: "TypeError" } });
  });

  test("keeps a heartbeat that is a call going beside packets that nobody asks for", async () => {
    await using played = await play({ heartbeat: { data: "PING", everyMs: 10_000, withinMs: 2_000, isCall: true } });
    const peer = await played.connected();
    await peer.send("news");
    await silence();
    await played.clock.advance(10_000);
    expect((await peer.receive(4)).toString()).toBe("PING");
    await played.clock.advance(2_000);
    expect((await played.told<Disconnected>("Disconnected")).reason).toEqual({ type: "PeerSilent" });
  });

  test("connects to a unix socket, and takes no notice of options that are changed later", async () => {
    await using unix = await unixPeerServer();
    const world = createWorld();
    const to = { path: unix.path, host: "", port: 0 };
    const started = await startReconnecting({ to, subscriber: collector(world, []) }, world.runtime);
    to.path = "";
    await unix.accept();
    await until(() => unwrap(started).data.state === "connected", "It is not connected");
    await unwrap(started).data.close();
    await world.runtime.stop();
    expect(unwrap(started).data.state).toBe("over");
  });

  test("ends with the process that has started it, and its socket closes", async () => {
    const world = createWorld();
    await using server = await peerServer();
    const { self } = await spawnPuppet(world.runtime);
    const subscriber = collector(world, []);
    unwrap(
      await startReconnecting({ to: { host: "127.0.0.1", port: server.port, timeout: Infinity }, subscriber }, self),
    );
    const peer = await server.accept();
    self.process.kill();
    expect((await peer.readToEnd()).how).toBe("Fin");
    await world.runtime.stop();
  });

  test("is a child of a supervisor, and is started again when it crashes", async () => {
    const world = createWorld();
    await using server = await peerServer();
    const subscriber = collector(world, []);
    const to = { host: "127.0.0.1", port: server.port, timeout: Infinity };
    const child = { id: "connection", start: startReconnecting.bind(undefined, { to, subscriber }) };
    const { data: supervisor } = unwrap(
      await startSupervisor({ strategy: "OneForOne", children: [child] }, world.runtime),
    );
    const first = await server.accept();
    supervisor.children()[0]?.process?.sendAbnormalExit("bug");
    expect((await first.readToEnd()).how).toBe("Fin");
    const second = await server.accept();
    await supervisor.stop();
    await second.readToEnd();
    await world.runtime.stop();
  });

  test("lets many clients come back from a server that closes at once, with time between the attempts", async () => {
    await using played = await play({ stableAfterMs: 10_000 });
    for (let times = 1; times <= 8; times++) {
      (await played.server.accept()).close();
      const { nextAttemptMs } = await played.told<Disconnected>("Disconnected", times);
      expect(nextAttemptMs).toBe([150, 250, 450, 550][Math.min(times, 4) - 1]);
      await turns(20);
      expect(played.server.accepted).toBe(times);
      await played.clock.advance(nextAttemptMs);
    }
  });

  test("refuses options that no connection can have", async () => {
    const { runtime } = createWorld();
    const subscriber = collector({ runtime } as World, []);
    const to = { host: "127.0.0.1", port: 9 };
    for (const wrong of [
      { to: [] },
      { to: { host: "x" } },
      { subscriber: 5 },
      { handshake: 5 },
      { maxAttempts: 0 },
      { queueLimit: -1 },
      { overflow: "dropAll" },
      { backoff: { minMs: 5, maxMs: 1 } },
      { heartbeat: { data: 5, everyMs: 1, withinMs: 1 } },
      { maxAttempt: 5 },
      { maxAttempts: 1.5 },
      { heartbeat: { data: "x", everyMs: 0, withinMs: 1 } },
    ]) {
      expect(await thrownBy(() => startReconnecting({ to, subscriber, ...wrong } as never, runtime))).toBeInstanceOf(
        Error,
      );
    }
    await runtime.stop();
  });
});
