// The key-value server at the real clients of Redis.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, jest, test } from "@jest/globals";
import { findProgram } from "../support/find-program.ts";
import { startServerExample } from "../support/run-example.ts";

jest.setTimeout(60_000);

const END_WITHIN_MS = 40_000;

const cli = findProgram("redis-cli");
const benchmark = findProgram("redis-benchmark");
const describeWithCli = cli === undefined ? describe.skip : describe;
const describeWithBenchmark = benchmark === undefined ? describe.skip : describe;

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
