// Holds what a replay showed against what Erlang showed.

import { inOneSpelling } from "./bytes.ts";
import { differenceAt, type Difference } from "./differences.ts";
import type { Seen } from "./interpreter.ts";
import { allowedResults, type Scenario } from "./scenario.ts";

export interface Disagreement {
  /** Counted from 1. */
  readonly step: number;
  readonly expected: readonly string[];
  readonly seen: string;
}

/** How one scenario came out. */
export interface Verdict {
  readonly scenario: Scenario;
  readonly disagreements: readonly Disagreement[];
  readonly differences: readonly Difference[];
  /** Why some of its steps have nothing to show here. */
  readonly inexpressible: readonly string[];
}

export function judge(scenario: Scenario, seen: readonly Seen[]): Verdict {
  const disagreements: Disagreement[] = [];
  const differences = new Set<Difference>();
  const inexpressible = new Set<string>();
  for (const [index, shown] of seen.entries()) {
    if ("inexpressible" in shown) {
      inexpressible.add(shown.inexpressible.why);
      continue;
    }
    const expected = allowedResults(scenario, index);
    if (expected.some((result) => isSame(result, shown.result))) continue;
    const difference = differenceAt(scenario, index, expected, shown.result);
    if (difference === undefined) {
      disagreements.push({ step: index + 1, expected, seen: shown.result });
      continue;
    }
    differences.add(difference);
    if (difference.partsWays) break; // from here on the two are in different states
  }
  return { scenario, disagreements, differences: [...differences], inexpressible: [...inexpressible] };
}

function isSame(expected: string, seen: string): boolean {
  if (isThrown(seen) && expected.startsWith("Panic(")) return true; // the words of a panic are Erlang's own
  if (expected.startsWith("NotRun(") && /^(?:NotRun|Exited)\(/.test(seen)) return true; // who should have done it has ended
  if (expected.startsWith("Received(") && seen.startsWith("Received(")) return saysNoLess(expected, seen);
  return inOneSpelling(expected) === inOneSpelling(seen);
}

function isThrown(seen: string): boolean {
  return /^Panic\((?:\w*Error)\b/.test(seen);
}

/** A recording may tell less of what a step received than the replay does. */
function saysNoLess(expected: string, seen: string): boolean {
  const shown = fieldsOf(seen);
  return fieldsOf(expected).every((field) => shown.includes(field));
}

function fieldsOf(received: string): readonly string[] {
  return received.slice("Received(".length, -1).split(/, (?=\w+=)(?!size=|sha256=)/);
}
