// npm run conformance -- [FILE ...]: replays recorded scenarios of real Erlang, and ends with 1 if one disagrees.

import { lookup } from "node:dns/promises";
import { join, relative } from "node:path";
import { replay } from "./interpreter.ts";
import { loopback } from "./loopback.ts";
import { type Outcome, report } from "./report.ts";
import { readScenarios, type Scenario } from "./scenario.ts";
import { judge } from "./verdict.ts";

/** Most of a scenario is waiting; but those that move megabytes must not make the others late. */
const AT_ONCE = 12;
const SCENARIO_WITHIN_MS = 90_000;

const recorded = join(import.meta.dirname, "recorded");
const given = process.argv.slice(2);
const files = given.length > 0 ? given : [join(recorded, "tcp.json"), join(recorded, "process.json")];

const environments = new Set(["any", await localhost()]);
let isGood = true;
for (const file of files) {
  const outcomes = await replayAll(readScenarios(file));
  const reported = report(relative(process.cwd(), file), outcomes);
  console.log(reported.lines.join("\n"));
  isGood &&= reported.isGood;
}
process.exitCode = isGood ? 0 : 1;

async function replayAll(scenarios: readonly Scenario[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const entries = scenarios.entries(); // shared: each worker takes the next
  const worker = async () => {
    for (const [index, scenario] of entries) outcomes[index] = await replayOne(scenario);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcomes;
}

async function replayOne(scenario: Scenario): Promise<Outcome> {
  if (!environments.has(scenario.environment)) return "environment not here";
  const timeout = AbortSignal.timeout(SCENARIO_WITHIN_MS);
  const tooLong = new Promise<never>((_, reject) => {
    timeout.addEventListener("abort", () => {
      reject(new Error(`${scenario.name} is not over after ${SCENARIO_WITHIN_MS} ms`));
    });
  });
  return judge(scenario, await Promise.race([replay(scenario, loopback()), tooLong]));
}

/** Which of the environments that speak of localhost is this one. */
async function localhost(): Promise<string> {
  const families = new Set((await lookup("localhost", { all: true })).map(({ family }) => family));
  if (families.has(4)) return families.has(6) ? "localhost_dual" : "localhost_v4";
  return "localhost_v6";
}
