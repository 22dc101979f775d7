import { describe, expect, jest, test } from "@jest/globals";
import { createRuntime, err, ok } from "tankard";
import { createSimulatedClock, type SimulatedClock } from "tankard/testing";
import {
  type Answer,
  createRedisClient,
  type RedisClient,
  type RedisClientOptions,
} from "../../examples/redis-client/client.ts";
import { encodeCommand } from "tankard/framing";
import type { Argument } from "../../examples/redis-client/client.ts";
import { closedPort, type Peer, peerServer, type PeerServer, until } from "../support/peer.ts";
import { promisedOutput, runExample, startExample, startServerExample } from "../support/run-example.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

jest.setTimeout(60_000);

/** A client whose time stands still, of a server that does as it is told. */
interface Played extends AsyncDisposable {
  readonly server: PeerServer;
  readonly redis: RedisClient;
  readonly clock: SimulatedClock;
  /** Why sessions have ended. */
  readonly losses: readonly string[];
  /** Advances to the next session. */
  nextSession(): Promise<Peer>;
}

const FIRST_BACK_OFF_MS = 1_000;

async function play(options: Partial<RedisClientOptions> = {}): Promise<Played> {
  const server = await peerServer();
  const clock = createSimulatedClock();
  const runtime = createRuntime({ clock });
  const redis = createRedisClient({
    host: "127.0.0.1",
    port: server.port,
    timeout: Infinity, // simulated time may run away from the network's
    firstBackOffMs: FIRST_BACK_OFF_MS,
    random: () => 0.5,
    withinMs: Infinity,
    runtime,
    ...options,
  });
  const losses: string[] = [];
  redis.actor.on("lost", ({ why }) => losses.push(why));
  return {
    server,
    redis,
    clock,
    losses,
    nextSession: async () => {
      await until(() => redis.actor.getSnapshot().matches("waiting"), "The client does not wait");
      await clock.advance(options.maxBackOffMs ?? 10_000);
      return await server.accept();
    },
    [Symbol.asyncDispose]: async () => {
      redis.actor.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Reads exactly these commands. */
async function expectCommands(peer: Peer, ...commands: readonly (readonly Argument[])[]): Promise<void> {
  const expected = Buffer.concat(commands.map((args) => encodeCommand(...args)));
  expect((await peer.receive(expected.length)).toString("latin1")).toBe(expected.toString("latin1"));
}

/** However long one waits, nothing is connected any more. */
async function expectNoSession({ clock, server }: Played): Promise<void> {
  const { accepted } = server;
  await clock.advance(1_000_000);
  await turns();
  expect(server.accepted).toBe(accepted);
}

function get(redis: RedisClient, ...keys: readonly string[]): Promise<Answer>[] {
  return keys.map((key) => redis.command("GET", key));
}

function gets(...keys: readonly string[]): (readonly Argument[])[] {
  return keys.map((key) => ["GET", key]);
}

const bytes = (text: string) => ok(Buffer.from(text, "latin1"));
const lost = (why: string) => err({ type: "ConnectionLost", why });

const mixed =
  "+OK\r\n$5\r\na\r\n\0\xff\r\n:-5\r\n$-1\r\n-ERR no\r\n*3\r\n*1\r\n:1\r\n$0\r\n\r\n-WRONG\r\n*-1\r\n*0\r\n";
const mixedAnswers = [
  ok("OK"),
  bytes("a\r\n\0\xff"),
  ok(-5),
  ok(null),
  err({ type: "ErrorReply", text: "ERR no" }),
  ok([[1], Buffer.of(), { type: "ErrorReply", text: "WRONG" }]),
  ok(null),
  ok([]),
];
const eightKeys = ["a", "b", "c", "d", "e", "f", "g", "h"];

describe("the Redis client", () => {
  test("sends without waiting for answers, and gives each command its own, of many in one packet", async () => {
    await using played = await play();
    const answers = get(played.redis, ...eightKeys);
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets(...eightKeys));
    await peer.send(Buffer.from(mixed, "latin1"));
    expect(await Promise.all(answers)).toEqual(mixedAnswers);
    expect(played.losses).toEqual([]);
  });

  test("takes answers that come byte by byte", async () => {
    await using played = await play();
    const answers = get(played.redis, ...eightKeys);
    const peer = await played.server.accept();
    for (const byte of Buffer.from(mixed, "latin1")) {
      await peer.send(Buffer.of(byte));
      await turns(1);
    }
    expect(await Promise.all(answers)).toEqual(mixedAnswers);
  });

  test("fails at once what is in flight when the connection ends, in the middle of an answer, and never sends it again", async () => {
    await using played = await play();
    const [first, second, third] = get(played.redis, "a", "b", "c");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a", "b", "c"));
    await peer.send("+1\r\n$10\r\nhalf");
    peer.close();
    expect(await first).toEqual(ok("1"));
    expect(await second).toEqual(lost("connection closed"));
    expect(await third).toEqual(lost("connection closed"));
    expect(played.losses).toEqual(["connection closed"]);

    const later = get(played.redis, "d", "e");
    const next = await played.nextSession();
    await expectCommands(next, ...gets("d", "e"));
    await next.send("+4\r\n+5\r\n");
    expect(await Promise.all(later)).toEqual([ok("4"), ok("5")]);
  });

  test("keeps what is given while there is no connection, through failures, and then sends it in order", async () => {
    const port = await closedPort();
    await using played = await play({ port });
    const answers = get(played.redis, "a", "b");
    await until(() => played.losses.length > 0, "The first attempt does not fail");
    await played.clock.advance(10_000);
    await until(() => played.losses.length > 1, "The second attempt does not fail");
    answers.push(...get(played.redis, "c"));
    expect(await isSettledWithin(Promise.race(answers))).toBe(false);
    await using server = await peerServer("127.0.0.1", port);
    await played.clock.advance(10_000);
    answers.push(...get(played.redis, "d"));
    const peer = await server.accept();
    await expectCommands(peer, ...gets("a", "b", "c", "d"));
    expect(await isSettledWithin(Promise.race(answers))).toBe(false);
    await peer.send("+1\r\n+2\r\n+3\r\n+4\r\n");
    expect(await Promise.all(answers)).toEqual([ok("1"), ok("2"), ok("3"), ok("4")]);
  });

  test.each([
    ["what is no reply", "HTTP/1.1 400 Bad Request\r\n", 'protocol error: a reply begins with "H"'],
    ["a string that is longer than it says", "$1\r\nabc\r\n", "protocol error: a string is longer than it says"],
  ])("answers what came before %s, fails the rest, and connects anew", async (_, nonsense, why) => {
    await using played = await play();
    const answers = get(played.redis, "a", "b", "c");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a", "b", "c"));
    await peer.send(`+1\r\n${nonsense}+3\r\n`);
    expect(await Promise.all(answers)).toEqual([ok("1"), lost(why), lost(why)]);
    const next = await played.nextSession();
    const [again] = get(played.redis, "d");
    await expectCommands(next, ...gets("d"));
    await next.send("+4\r\n");
    expect(await again).toEqual(ok("4"));
    expect(played.losses).toEqual([why]);
  });

  test("takes a reply to no command for nonsense, behind the one to a command too", async () => {
    await using played = await play();
    await (await played.server.accept()).send("-ERR max number of clients reached\r\n");
    const peer = await played.nextSession();
    const [answer] = get(played.redis, "a");
    await expectCommands(peer, ...gets("a"));
    await peer.send("+1\r\n+2\r\n");
    expect(await answer).toEqual(ok("1"));
    await played.nextSession();
    expect(played.losses).toEqual(Array(2).fill("protocol error: a reply to no command"));
  });

  test("refuses the newest when too many are without an answer, queued or in flight", async () => {
    await using played = await play({ maxPending: 2 });
    const full = err({ type: "QueueFull", maxPending: 2 });
    const early = get(played.redis, "a", "b", "c");
    expect(await early[2]).toEqual(full);
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a", "b"));
    expect(await get(played.redis, "d")[0]).toEqual(full);
    await peer.send("+1\r\n");
    expect(await early[0]).toEqual(ok("1"));
    const [late] = get(played.redis, "e");
    await expectCommands(peer, ...gets("e"));
    await peer.send("+2\r\n+5\r\n");
    expect(await early[1]).toEqual(ok("2"));
    expect(await late).toEqual(ok("5"));
  });

  test("gives up a command in time, and its late answer to nobody", async () => {
    await using played = await play({ withinMs: 5_000 });
    const [first] = get(played.redis, "a");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a"));
    await played.clock.advance(4_999);
    const [second] = get(played.redis, "b");
    await played.clock.advance(1);
    expect(await first).toEqual(err({ type: "TimedOut", withinMs: 5_000 }));
    await expectCommands(peer, ...gets("b"));
    await peer.send("+1\r\n+2\r\n");
    expect(await second).toEqual(ok("2"));
  });

  test("loses the connection of a server that reads nothing when more than sendQueueLimit waits", async () => {
    await using played = await play({ sendQueueLimit: 100 });
    const set = (size: number) => played.redis.command("SET", "a", Buffer.alloc(size));
    const answers = [set(32_000_000)];
    await until(() => played.redis.actor.getSnapshot().context.inFlight.length > 0, "Nothing is sent");
    answers.push(set(50), set(100));
    expect(await Promise.all(answers)).toEqual(Array(3).fill(lost("SendFailure: cannot send: no buffer space left")));
    await played.nextSession();
  });

  test("fails what is in flight when its actor is stopped from outside", async () => {
    await using played = await play();
    const [answer] = get(played.redis, "a");
    await expectCommands(await played.server.accept(), ...gets("a"));
    played.redis.actor.stop();
    expect(await answer).toMatchObject({ ok: false, error: { type: "ConnectionLost" } });
  });

  test("says why there is no connection", async () => {
    const port = await closedPort();
    await using played = await play({ port });
    await until(() => played.losses.length > 0, "Nobody is told");
    expect(played.losses).toEqual(["could not connect over IPv4 (connection refused: 127.0.0.1)"]);
  });
});

describe("the Redis client's back-off", () => {
  test("is random up to a limit that doubles to a maximum, and begins anew after a stable time", async () => {
    let random = 0.5;
    await using played = await play({ maxBackOffMs: 3_000, stableAfterMs: 60_000, random: () => random });
    let peer = await played.server.accept();

    /** Closes the connection; the next comes after exactly so long. */
    const expectWait = async (milliseconds: number): Promise<void> => {
      const { accepted } = played.server;
      peer.close();
      await until(() => played.redis.actor.getSnapshot().matches("waiting"), "The client does not wait");
      await played.clock.advance(milliseconds - 1);
      expect(played.redis.actor.getSnapshot().matches("waiting")).toBe(true);
      expect(played.server.accepted).toBe(accepted);
      await played.clock.advance(1);
      peer = await played.server.accept();
      await until(() => played.redis.actor.getSnapshot().matches({ session: "online" }), "It is not online");
    };

    await expectWait(500);
    await expectWait(1_000);
    random = 0.25;
    await expectWait(750); // a quarter of 3,000: 4,000 is too much
    random = 0.75;
    await expectWait(2_250);
    await played.clock.advance(59_999);
    await expectWait(2_250);
    await played.clock.advance(60_000);
    await expectWait(750);
  });
});

describe("the Redis client's close", () => {
  test("lets what is in flight finish, says QUIT, refuses what is new, and ends", async () => {
    await using played = await play();
    const answers = get(played.redis, "a", "b");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a", "b"));
    const closed = played.redis.close();
    const again = played.redis.close();
    const [late] = get(played.redis, "c");
    await expectCommands(peer, ["QUIT"]);
    expect(await late).toEqual(err({ type: "Closed" }));
    await peer.send("+1\r\n+2\r\n");
    expect(await Promise.all(answers)).toEqual([ok("1"), ok("2")]);
    expect(await isSettledWithin(closed)).toBe(false);
    await peer.send("+OK\r\n");
    await closed;
    await again;
    expect(await peer.readToEnd()).toEqual({ data: Buffer.of(), how: "Fin" });
    expect(played.redis.actor.getSnapshot()).toMatchObject({ status: "done", value: "closed" });
    expect(await get(played.redis, "d")[0]).toEqual(err({ type: "Closed" }));
    await played.redis.close();
    expect(played.losses).toEqual([]);
    await expectNoSession(played);
  });

  test("waits for answers as long as it is told, and for no new session", async () => {
    await using played = await play({ drainWithinMs: 5_000 });
    const [answer] = get(played.redis, "a");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a"));
    const closed = played.redis.close();
    await expectCommands(peer, ["QUIT"]);
    await played.clock.advance(4_999);
    expect(await isSettledWithin(Promise.race([answer, closed]))).toBe(false);
    await played.clock.advance(1);
    expect(await answer).toEqual(lost("no answer before the client closed"));
    await closed;
    await expectNoSession(played);
  });

  test("ends when the connection does, what is in flight fails", async () => {
    await using played = await play();
    const [answer] = get(played.redis, "a");
    const peer = await played.server.accept();
    await expectCommands(peer, ...gets("a"));
    const closed = played.redis.close();
    await expectCommands(peer, ["QUIT"]);
    peer.close();
    expect(await answer).toEqual(lost("connection closed"));
    await closed;
    await expectNoSession(played);
  });

  test("fails what is queued while there is no connection", async () => {
    await using played = await play();
    (await played.server.accept()).close();
    await until(() => played.redis.actor.getSnapshot().matches("waiting"), "The client does not wait");
    const answers = get(played.redis, "a", "b");
    const closed = played.redis.close();
    answers.push(...get(played.redis, "c"));
    expect(await Promise.all(answers)).toEqual(Array(3).fill(err({ type: "Closed" })));
    await closed;
    await expectNoSession(played);
  });

  test("gives up an attempt to connect", async () => {
    await using played = await play();
    const [answer] = get(played.redis, "a");
    const closed = played.redis.close(); // nothing has come of the network yet
    expect(await answer).toEqual(err({ type: "Closed" }));
    await closed;
  });
});

describe("redis-client.ts", () => {
  test("prints what its comment says, at the key-value server", async () => {
    await using server = await startServerExample("key-value-server");
    const expected = { code: 0, stdout: promisedOutput("redis-client"), stderr: "" };
    expect(await runExample("redis-client", "--port", `${server.port}`)).toEqual(expected);
  });

  test("says how it is used", async () => {
    const usage = { code: 2, stdout: "", stderr: "Usage: redis-client [--host HOST] [--port PORT]\n" };
    expect(await runExample("redis-client", "--port", "x")).toEqual(usage);
  });

  test("says why there is no connection, and ends on Ctrl-C with nothing done", async () => {
    await using example = startExample("redis-client", "--port", `${await closedPort()}`);
    await example.complained(/^No connection: could not connect .*connection refused.*\.\n/);
    example.signal("SIGINT");
    const { code, stdout } = await example.ended;
    expect(code).toBe(1);
    expect(stdout.split("\n").slice(0, -1)).toEqual(
      Array(7).fill(expect.stringMatching(/ -> not sent, the client is closed$/)),
    );
  });
});
