// The Redis client of the examples at the real server.

import { describe, expect, jest, test } from "@jest/globals";
import { createRuntime, type DeadLetter, ok, type Runtime } from "tankard";
import { type Answer, createRedisClient, type RedisClient } from "../../examples/redis-client/client.ts";
import { findProgram } from "../support/find-program.ts";
import { closedPort, temporaryFolder, until, within } from "../support/peer.ts";
import { promisedOutput, runExample } from "../support/run-example.ts";
import { type RunningRedis, startRedis } from "../support/redis.ts";
import { turns } from "../support/turns.ts";

jest.setTimeout(60_000);

const server = findProgram("redis-server") ?? "";
const describeWithServer = server === "" ? describe.skip : describe;

const COMMANDS = 1_000;
const KILLS = 5;
const BURST = 25;

function client(port: number, runtime?: Runtime): RedisClient {
  const times = { firstBackOffMs: 20, maxBackOffMs: 100, withinMs: Infinity };
  return createRedisClient({ host: "127.0.0.1", port, ...times, runtime });
}

/** What has become of the commands, by kind. */
function counted(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const kind = answer.ok ? "Answered" : isLoading(answer.error) ? "Loading" : answer.error.type;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** The server has just started: it has done nothing, and said so. */
function isLoading(error: object): boolean {
  return "text" in error && String(error.text).startsWith("LOADING ");
}

describeWithServer("the Redis client at redis-server", () => {
  test("carries any command, and every kind of reply", async () => {
    await using redis = await startRedis(server, await closedPort());
    await using my = client(redis.port);
    const noise = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    const answers = await Promise.all([
      my.command("SET", "noise", noise),
      my.command("GET", "noise"),
      my.command("GET", "nothing"),
      my.command("INCRBY", "n", 9_007_199_254_740_993n),
      my.command("RPUSH", "list", "a", "", "caf\u00e9"),
      my.command("LRANGE", "list", 0, -1),
      my.command("LPUSH", "n", 1),
      my.command("MULTI"),
      my.command("INCR", "m"),
      my.command("LPUSH", "m", 1),
      my.command("LRANGE", "list", 0, 0),
      my.command("EXEC"),
      my.command("BLPOP", "empty", "0.01"),
      my.command("NONSENSE"),
    ]);
    const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    const bytes = (text: string) => Buffer.from(text);
    expect(answers.map((answer) => (answer.ok ? answer.value : answer.error))).toEqual([
      "OK",
      noise,
      null,
      9_007_199_254_740_993n,
      3,
      [bytes("a"), bytes(""), bytes("caf\u00e9")],
      { type: "ErrorReply", text: wrongType },
      "OK",
      "QUEUED",
      "QUEUED",
      "QUEUED",
      [1, { type: "ErrorReply", text: wrongType }, [bytes("a")]],
      null,
      { type: "ErrorReply", text: expect.stringMatching(/^ERR unknown command 'NONSENSE'/) },
    ]);
  });

  test("answers or fails each of 1,000 increments once while the server is killed and started again, and does none twice", async () => {
    const port = await closedPort();
    await using folder = await temporaryFolder();
    let redis: RunningRedis = await startRedis(server, port, folder.path);
    const unwanted: DeadLetter[] = []; // a second answer to a command would be one
    const my = client(port, createRuntime({ onDeadLetter: (letter) => unwanted.push(letter) }));
    try {
      const answers: Promise<Answer>[] = [];
      /** How often each command has been answered or failed. */
      const ends = Array<number>(COMMANDS).fill(0);
      const give = (count: number): void => {
        for (let left = Math.min(count, COMMANDS - answers.length); left > 0; left--) {
          const index = answers.length;
          const answer = my.command("INCR", "count");
          void answer.then(() => {
            ends[index] = (ends[index] ?? 0) + 1;
          });
          answers.push(answer);
        }
      };
      const isLastAtAnEnd = () => ends[answers.length - 1] === 1;

      for (let kill = 0; kill < KILLS; kill++) {
        for (let burst = 0; burst < 4; burst++) {
          give(BURST);
          await until(isLastAtAnEnd, "The server does not answer");
        }
        give(BURST);
        await turns(kill); // it dies at another moment each time: before it has the burst, or behind
        const killed = redis.kill();
        give(BURST); // in flight, or queued where the client has noticed before
        await killed;
        await until(() => !my.actor.getSnapshot().matches({ session: "online" }), "The client does not notice");
        const firstQueued = answers.length;
        give(BURST);
        await turns();
        expect(my.actor.getSnapshot().context.inFlight).toEqual([]);
        expect(ends.slice(firstQueued)).not.toContain(1);
        redis = await startRedis(server, port, folder.path);
        await until(isLastAtAnEnd, "What was queued is not sent");
        while (!(await my.command("PING")).ok); // who is connected while it reads what it wrote is told to come again
      }
      give(COMMANDS);
      const results = await within(Promise.all(answers), "Some command has no end");
      expect(ends).toEqual(Array(COMMANDS).fill(1));

      const { Answered = 0, ConnectionLost = 0, Loading = 0, ...others } = counted(results);
      expect(others).toEqual({});
      expect(Answered + ConnectionLost + Loading).toBe(COMMANDS);
      expect(Answered).toBeGreaterThanOrEqual(COMMANDS - KILLS * 3 * BURST);
      expect(ConnectionLost).toBeGreaterThan(0);
      expect(ConnectionLost).toBeLessThanOrEqual(KILLS * 2 * BURST);

      // The server writes down what it does before it answers. So the answers grow, and no further from one to the next
      // than there were commands: what is between them was done once, or not at all.
      let last = { index: -1, count: 0 };
      for (const [index, result] of results.entries()) {
        if (!result.ok) continue;
        const count = result.value as number;
        expect(count).toBeGreaterThan(last.count);
        expect(count - last.count).toBeLessThanOrEqual(index - last.index);
        last = { index, count };
      }
      expect(await my.command("GET", "count")).toEqual(ok(Buffer.from(`${last.count}`)));
    } finally {
      await my.close();
      await redis.kill();
    }
    expect(my.actor.getSnapshot().value).toBe("closed");
    expect(unwanted).toEqual([]);
  });

  test("closes behind what is in flight", async () => {
    await using redis = await startRedis(server, await closedPort());
    const my = client(redis.port);
    await my.command("PING");
    const answers = Array.from({ length: COMMANDS }, () => my.command("INCR", "count"));
    await my.close();
    expect(counted(await Promise.all(answers))).toEqual({ Answered: COMMANDS });
  });
});

describeWithServer("redis-client.ts at redis-server", () => {
  test("prints what its comment says", async () => {
    await using redis = await startRedis(server, await closedPort());
    const expected = { code: 0, stdout: promisedOutput("redis-client"), stderr: "" };
    expect(await runExample("redis-client", "--port", `${redis.port}`)).toEqual(expected);
  });
});
