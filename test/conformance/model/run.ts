// npm run conformance:model -- [--seed N] [--memory N] [--loopback N]: what once diverged, and generated scenarios
// against the model, over memory one by one and over loopback many at a time. A divergence is shrunk and kept in
// regressions/found.json.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { replay } from "../interpreter.ts";
import { loopback } from "../loopback.ts";
import { inMemory } from "../memory.ts";
import type { Place } from "../place.ts";
import { readScenarios, type Scenario } from "../scenario.ts";
import { type Disagreement, judge } from "../verdict.ts";
import { actions } from "./actions.ts";
import { type Action, scenarioOf } from "./script.ts";

const AT_ONCE = 20;
const REGRESSIONS = join(import.meta.dirname, "../regressions");

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    memory: { type: "string", default: "10000" },
    loopback: { type: "string", default: "500" },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);

const results = [
  await runRegressions("in memory", inMemory),
  await runRegressions("over loopback", loopback),
  await run("in memory", Number(values.memory), 1, inMemory),
  await run("over loopback", Math.ceil(Number(values.loopback) / AT_ONCE), AT_ONCE, loopback),
];
process.exitCode = results.every((isGood) => isGood) ? 0 : 1;

/** Says whether none of them diverges again. */
async function runRegressions(where: string, place: () => Place): Promise<boolean> {
  const scenarios = readdirSync(REGRESSIONS).flatMap((file) => readScenarios(join(REGRESSIONS, file)));
  const verdicts = await Promise.all(
    scenarios.map(async (scenario) => judge(scenario, await replay(scenario, place()))),
  );
  const bad = verdicts.filter(({ disagreements }) => disagreements.length > 0);
  console.log(`${where}: ${scenarios.length} regressions, ${bad.length} diverge`);
  for (const { scenario, disagreements } of bad) console.log(`  ${scenario.name}: ${JSON.stringify(disagreements)}`);
  return bad.length === 0;
}

/** Says whether no scenario diverged. */
async function run(where: string, runs: number, atOnce: number, place: () => Place): Promise<boolean> {
  const started = performance.now();
  const scripts = fc.array(actions, { minLength: atOnce, maxLength: atOnce, size: "max" });
  const property = fc.asyncProperty(scripts, async (all) => {
    const found = await Promise.all(all.map((script) => divergence(script, place())));
    return found.every((disagreements) => disagreements.length === 0);
  });
  const { failed, counterexample } = await fc.check(property, { seed, numRuns: runs });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${where}: ${runs * atOnce} scenarios, ${failed ? "DIVERGED" : "no divergence"} (${seconds} s)`);
  for (const script of counterexample?.[0] ?? []) await keep(script, place);
  return !failed;
}

async function divergence(script: readonly Action[], place: Place): Promise<readonly Disagreement[]> {
  const scenario = scenarioOf("generated", script);
  return judge(scenario, await replay(scenario, place)).disagreements;
}

/** Of those that were replayed at once, the one that diverges. */
async function keep(script: readonly Action[], place: () => Place): Promise<void> {
  const disagreements = await divergence(script, place());
  if (disagreements.length === 0) return;
  const scenario: Scenario = scenarioOf(`found_with_seed_${seed}`, script);
  for (const [index, step] of scenario.steps.entries()) {
    const seen = disagreements.find(({ step: at }) => at === index + 1)?.seen;
    console.log(
      `  ${JSON.stringify(step)} => ${scenario.observed[index]}${seen === undefined ? "" : `   SEEN ${seen}`}`,
    );
  }
  writeFileSync(join(REGRESSIONS, "found.json"), JSON.stringify([scenario]));
}
