// A scenario of the notation in recorded/format.md: a script of steps, and what each of them showed on real Erlang.

import { readFileSync } from "node:fs";

/** One step. `op` says what is done and `actor` who does it; the other keys are its arguments. */
export interface Step {
  readonly op: string;
  readonly actor?: string;
  readonly [argument: string]: unknown;
}

/** What a step showed in some of the runs, where they differed. */
export interface Varying {
  /** Counted from 1. */
  readonly step: number;
  readonly variants: readonly { readonly result: string }[];
}

export interface Scenario {
  readonly name: string;
  /** What the machine has to be like: `any`, or a name of format.md. */
  readonly environment: string;
  readonly steps: readonly Step[];
  /** What each step showed; null where the runs differed. */
  readonly observed: readonly (string | null)[];
  readonly varying?: readonly Varying[];
}

export function readScenarios(file: string): readonly Scenario[] {
  const parsed: unknown = JSON.parse(keepFloats(readFileSync(file, "utf8")));
  if (!Array.isArray(parsed) || !parsed.every(isScenario)) throw new TypeError(`${file} is no array of scenarios`);
  return parsed;
}

/** What step `index` may show. */
export function allowedResults(scenario: Scenario, index: number): readonly string[] {
  const observed = scenario.observed[index] ?? null;
  if (observed !== null) return [observed];
  const varying = scenario.varying?.find(({ step }) => step === index + 1);
  return varying?.variants.map(({ result }) => result) ?? [];
}

function isScenario(value: unknown): value is Scenario {
  const { name, steps, observed } = (value ?? {}) as Partial<Record<keyof Scenario, unknown>>;
  return (
    typeof name === "string" && Array.isArray(steps) && Array.isArray(observed) && steps.length === observed.length
  );
}

/** To Erlang 1.0 is not 1; to JSON.parse it is. So `1.0` is read as `{"float": 1}`. */
function keepFloats(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d+\.0+(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token : `{"float": ${token}}`,
  );
}
