import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inOneSpelling, showBytes } from "./bytes.ts";
import { replay } from "./interpreter.ts";
import { inMemory } from "./memory.ts";
import { actions } from "./model/actions.ts";
import { scenarioOf } from "./model/script.ts";
import { readScenarios, type Scenario } from "./scenario.ts";
import { judge } from "./verdict.ts";

describe("the notation", () => {
  test("writes bytes as text, as a pattern, in hex, or as a size and a digest", () => {
    expect(showBytes(Buffer.from("Hello, Joe!\n"))).toBe('"Hello, Joe!\\n"');
    expect(showBytes(Buffer.from(Array.from({ length: 300 }, (_, i) => (7 + i) % 251)))).toBe(
      "Pattern(from=7, size=300)",
    );
    expect(showBytes(Uint8Array.of(0, 255))).toBe("Hex(00FF)");
    expect(showBytes(Buffer.alloc(1_000, "x"))).toMatch(/^Bytes\(size=1000, sha256=[0-9A-F]{8}\)$/);
  });

  test("takes two spellings of the same bytes for the same", () => {
    expect(inOneSpelling('[Packet(c, "AB"), Ok(Pattern(from=65, size=2))]')).toBe(
      "[Packet(c, Hex(4142)), Ok(Hex(4142))]",
    );
  });

  test("tells what a step showed from what it should have shown, and leaves the rest alone", async () => {
    const scenario = scenarioOf("wrong", [
      { type: "peerSend", size: 3 },
      { type: "arm", actor: "a" },
    ]);
    const wrong: Scenario = {
      ...scenario,
      observed: scenario.observed.map((shown) => shown?.replace("abc", "abd") ?? null),
    };
    const { disagreements } = judge(wrong, await replay(wrong, inMemory()));
    expect(disagreements).toEqual([
      { step: expect.any(Number), expected: ['[Packet(c, "abd")]'], seen: '[Packet(c, "abc")]' },
    ]);
  });

  test("shows a step that it does not know as one that was not run", async () => {
    const steps = [{ op: "fly", actor: "a" }];
    const scenario: Scenario = { name: "unknown", environment: "any", steps, observed: ["Ok"] };
    expect(await replay(scenario, inMemory())).toEqual([{ result: "NotRun(the notation has no operation fly)" }]);
  });
});

describe("in memory", () => {
  const folder = join(import.meta.dirname, "regressions");
  const regressions = readdirSync(folder).flatMap((file) => readScenarios(join(folder, file)));

  test.each(regressions.map((scenario) => [scenario.name, scenario] as const))("%s", async (_name, scenario) => {
    expect(judge(scenario, await replay(scenario, inMemory())).disagreements).toEqual([]);
  });

  test("whatever happens to a socket, each step shows what the model of Erlang's says", async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (script) => {
        const scenario = scenarioOf("generated", script);
        expect(judge(scenario, await replay(scenario, inMemory())).disagreements).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
