// npm run conformance:erlang -- [--seed N] [--count N] [FILE ...]: replays scenarios on real Erlang and on Tankard, and
// holds both against what was recorded, or against the model. Default: the regressions and a sample of generated ones.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { inOneSpelling } from "../bytes.ts";
import { replay } from "../interpreter.ts";
import { loopback } from "../loopback.ts";
import { actions } from "../model/actions.ts";
import { scenarioOf } from "../model/script.ts";
import { allowedResults, readScenarios, type Scenario } from "../scenario.ts";
import { judge } from "../verdict.ts";
import { isErlangHere, replayOnErlang } from "./replay-on-erlang.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    count: { type: "string", default: "100" },
  },
});

if (isErlangHere()) process.exitCode = (await compare()) ? 0 : 1;
else console.log("SKIPPED: there is no escript on the path (Debian: apt-get install erlang-base)");

/** Says whether Erlang showed what it should, and Tankard what Erlang showed. */
async function compare(): Promise<boolean> {
  const seed = Number(values.seed);
  const regressions = join(import.meta.dirname, "../regressions");
  const files = positionals.length > 0 ? positionals : readdirSync(regressions).map((file) => join(regressions, file));
  const scripts = fc.sample(actions, { seed, numRuns: Number(values.count) });
  const scenarios = [
    ...files.flatMap((file) => readScenarios(file)),
    ...scripts.map((script, index) => scenarioOf(`generated_${seed}_${index}`, script)),
  ].filter(({ environment }) => environment === "any");

  const shown = await replayOnErlang(scenarios);
  let wrong = 0;
  let parted = 0;
  for (const [index, scenario] of scenarios.entries()) {
    const observed = shown[index] ?? [];
    if (!print("ERLANG", scenario, isAsExpected(scenario, observed), observed)) wrong++;
    const { disagreements } = judge({ ...scenario, observed }, await replay(scenario, loopback()));
    const seen = new Map(disagreements.map(({ step, seen: what }) => [step - 1, what]));
    const ours = observed.map((what, step) => seen.get(step) ?? what);
    if (!print("TANKARD", { ...scenario, observed }, disagreements.length === 0, ours)) parted++;
  }
  console.log(
    `seed ${seed}: ${scenarios.length} scenarios; Erlang is not as expected in ${wrong}, Tankard not as Erlang in ${parted}`,
  );
  return wrong === 0 && parted === 0;
}

function isAsExpected(scenario: Scenario, observed: readonly string[]): boolean {
  return observed.every((shown, step) =>
    allowedResults(scenario, step).some((result) => inOneSpelling(result) === inOneSpelling(shown)),
  );
}

function print(who: string, scenario: Scenario, isGood: boolean, observed: readonly string[]): boolean {
  if (isGood) return true;
  console.log(`${who} shows something else in ${scenario.name}`);
  for (const [index, step] of scenario.steps.entries()) {
    const expected = allowedResults(scenario, index).join(" or ");
    const shown = observed[index] ?? "nothing";
    console.log(`  ${JSON.stringify(step)} => ${expected}${expected === shown ? "" : `   SHOWN ${shown}`}`);
  }
  return false;
}
