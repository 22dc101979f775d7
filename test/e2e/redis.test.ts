// The key-value server at the real clients of Redis, and beside the real server.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, jest, test } from "@jest/globals";
import { encode } from "../../examples/key-value/resp.ts";
import { findProgram } from "../support/find-program.ts";
import { closedPort, connectPeer } from "../support/peer.ts";
import { startRedis } from "../support/redis.ts";
import { startServerExample } from "../support/run-example.ts";

jest.setTimeout(60_000);

const END_WITHIN_MS = 40_000;

const cli = findProgram("redis-cli");
const benchmark = findProgram("redis-benchmark");
const server = findProgram("redis-server");
const describeWithCli = cli === undefined ? describe.skip : describe;
const describeWithBenchmark = benchmark === undefined ? describe.skip : describe;
const describeWithServer = server === undefined ? describe.skip : describe;

/** What the program prints, to either side. */
async function output(program: string | undefined, port: number, ...args: readonly string[]) {
  const { stdout, stderr } = await promisify(execFile)(program ?? "", ["-p", `${port}`, ...args], {
    timeout: END_WITHIN_MS,
    killSignal: "SIGKILL",
  });
  return { stdout, stderr };
}

describeWithCli("key-value-server at redis-cli", () => {
  test("answers what a person asks", async () => {
    await using example = await startServerExample("key-value-server");
    const text = "caf\u00e9 \\ \" '";
    const dialogue: readonly (readonly [args: readonly string[], answer: string])[] = [
      [["PING"], "PONG"],
      [["SET", "a", text, "EX", "100"], "OK"],
      [["GET", "a"], text],
      [["TTL", "a"], "100"],
      [["INCR", "n"], "1"],
      [["GET", "none"], ""],
      [["CONFIG", "GET", "save"], "save\n"],
      [["INCR", "a"], "ERR value is not an integer or out of range\n"],
      [["FLUSHALL"], "ERR unknown command 'FLUSHALL'\n"],
      [["GET"], "ERR wrong number of arguments for 'get' command\n"],
    ];
    for (const [args, answer] of dialogue)
      expect(await output(cli, example.port, ...args)).toEqual({ stdout: `${answer}\n`, stderr: "" });
  });
});

describeWithBenchmark("key-value-server at redis-benchmark", () => {
  test.each(["1", "16"])(
    "serves 50 clients, %s commands at a time, without an error or a warning",
    async (pipeline) => {
      await using example = await startServerExample("key-value-server");
      const load = [
        "-t",
        "ping_inline,ping_mbulk,set,get,incr",
        "-n",
        "20000",
        "-c",
        "50",
        "-r",
        "1000",
        "-P",
        pipeline,
      ];
      const { stdout, stderr } = await output(benchmark, example.port, "--csv", ...load);
      expect(stderr).toBe("");
      const lines = stdout.trim().split("\n");
      expect(lines).toEqual([
        expect.stringMatching(/^"test","rps"/),
        ...["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"].map((name) =>
          expect.stringMatching(new RegExp(`^"${name}","[0-9.]+",`)),
        ),
      ]);
      example.signal("SIGTERM");
      expect(await example.ended).toMatchObject({ code: 0, stderr: "" });
    },
  );
});

describeWithServer("key-value-server beside redis-server", () => {
  test("answers whatever it is asked as Redis does", async () => {
    await using example = await startServerExample("key-value-server");
    await using redis = await startRedis(server ?? "", await closedPort());
    const anew = ["DEL", ...keys];
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30 }), async (commands) => {
        const said = [anew, ...commands];
        const [ours, theirs] = await Promise.all([answers(example.port, said), answers(redis.port, said)]);
        expect(ours).toBe(theirs);
      }),
      { numRuns: 150 },
    );
  });
});

const keys = ["a", "b", "\xff\r\n"] as const;
const key = fc.constantFrom(...keys);
const value = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "-1",
    "9",
    "x",
    "01",
    " 1",
    "9223372036854775806",
    "9223372036854775807",
    "-9223372036854775809",
  ),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const seconds = fc.constantFrom("100", "1000", "0", "-1", "x", "", "9223372036854775807", "1.5");
const options = fc.array(fc.oneof(fc.constantFrom("NX", "xx", "EX", "px"), seconds), { maxLength: 3 });

/** What a client may say, right or wrong, in any case of letters. */
const command: fc.Arbitrary<readonly string[]> = fc.oneof(
  fc.tuple(fc.constant("SET"), key, value),
  fc.tuple(key, value, options).map(([name, text, more]) => ["SET", name, text, ...more]),
  fc.tuple(fc.constantFrom("GET", "get", "INCR", "TTL", "EXISTS", "DEL"), key),
  fc.tuple(fc.constant("EXPIRE"), key, seconds),
  fc.tuple(fc.constantFrom("EXISTS", "DEL"), fc.array(key, { maxLength: 4 })).map(([name, of]) => [name, ...of]),
  fc.tuple(fc.constantFrom("PING", "ECHO"), fc.array(value, { maxLength: 2 })).map(([name, of]) => [name, ...of]),
  fc
    .tuple(fc.constantFrom("GET", "SET", "INCR", "TTL", "EXPIRE"), fc.array(key, { maxLength: 1 }))
    .map(([name]) => [name]),
);

/** What a server says to the commands, sent in one packet. */
async function answers(port: number, commands: readonly (readonly string[])[]): Promise<string> {
  await using client = await connectPeer({ port });
  await client.send(Buffer.from(commands.map(encode).join(""), "latin1"));
  await client.halfClose();
  const { data } = await client.readToEnd();
  return data.toString("latin1");
}
