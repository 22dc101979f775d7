// Replays scenarios on the Erlang of this machine, with replay.escript.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../support/find-program.ts";
import type { Scenario, Step } from "../scenario.ts";

const SCRIPT = join(import.meta.dirname, "replay.escript");
const START_WITHIN_MS = 30_000;
/** The script gives a scenario 30 seconds, and replays eight at a time. */
const SCENARIO_WITHIN_MS = 4_000;
const LARGEST_OUTPUT = 64 * 1024 * 1024;

export function isErlangHere(): boolean {
  return findProgram("escript") !== undefined;
}

/** What each step of each scenario shows on real Erlang, in the notation of the recordings. */
export async function replayOnErlang(
  scenarios: readonly Pick<Scenario, "steps">[],
): Promise<readonly (readonly string[])[]> {
  const folder = await mkdtemp(join(tmpdir(), "replay-on-erlang-"));
  try {
    const file = join(folder, "scenarios");
    await writeFile(file, scenarios.map(({ steps }) => `${list(steps.map(stepTerm))}.\n`).join(""));
    const output = await runScript(file, START_WITHIN_MS + scenarios.length * SCENARIO_WITHIN_MS);
    return readObservations(output, scenarios);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function runScript(file: string, withinMs: number): Promise<string> {
  const escript = findProgram("escript");
  const options = { timeout: withinMs, killSignal: "SIGKILL", maxBuffer: LARGEST_OUTPUT } as const;
  return new Promise((resolve, reject) => {
    if (escript === undefined) return reject(new Error("Erlang's escript is not installed here"));
    execFile(escript, [SCRIPT, file], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`The replay on Erlang did not end well: ${stderr}`, { cause: error }));
    });
  });
}

/** Scenarios end in any order; each line says which one it is of. */
function readObservations(
  output: string,
  scenarios: readonly Pick<Scenario, "steps">[],
): readonly (readonly string[])[] {
  const lines = output.split("\n").filter((line) => line !== "");
  const observations = new Map(lines.map(readLine));
  return scenarios.map(({ steps }, index) => {
    const observed = observations.get(index);
    if (observed?.length !== steps.length) throw new Error(`The replay on Erlang left out scenario ${index}`);
    return observed;
  });
}

function readLine(line: string): [number, readonly string[]] {
  const { index, observed } = JSON.parse(line) as { readonly index: number; readonly observed: readonly string[] };
  return [index, observed];
}

// ── Erlang terms ──

/** A map with atoms as keys, where `op` is an atom too. */
function stepTerm({ op, ...rest }: Step): string {
  return `#{${[`op => ${atom(op)}`, ...entries(rest)].join(", ")}}`;
}

function term(value: unknown): string {
  if (typeof value === "string") return binary(value);
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return list(value.map(term));
  if (typeof value === "boolean") return atom(String(value));
  if (typeof value === "object") return value === null ? atom("nil") : `#{${entries(value).join(", ")}}`;
  throw new TypeError(`A step has no ${typeof value}`);
}

function entries(object: object): readonly string[] {
  return Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${atom(key)} => ${term(value)}`);
}

function list(terms: readonly string[]): string {
  return `[${terms.join(", ")}]`;
}

function atom(text: string): string {
  return `'${escaped(text)}'`;
}

/** UTF-8 in a binary: one character for each of its bytes. */
function binary(text: string): string {
  return `<<"${escaped(Buffer.from(text).toString("latin1"))}">>`;
}

/** What is not plain ASCII, and the quotes and the backslash, by their numbers. */
function escaped(text: string): string {
  return text.replace(/[^ -~]|["'\\]/gu, (character) => `\\x{${character.codePointAt(0)?.toString(16)}}`);
}

/** Whole numbers are integers, of any size; the others are floats, whose mantissa needs a point. */
function number(value: number): string {
  return Number.isInteger(value) ? String(BigInt(value)) : String(value).replace(/^(-?\d+)e/, "$1.0e");
}
