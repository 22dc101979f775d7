// What the replay of one file comes to, in words.

import type { Verdict } from "./verdict.ts";

export type Outcome = Verdict | "environment not here";

/** How many scenarios came out how, and the lines that say it. */
export function report(
  file: string,
  outcomes: readonly Outcome[],
): { readonly lines: string[]; readonly isGood: boolean } {
  const verdicts = outcomes.filter((outcome) => outcome !== "environment not here");
  const disagree = verdicts.filter(({ disagreements }) => disagreements.length > 0);
  const rest = verdicts.filter(({ disagreements }) => disagreements.length === 0);
  const inexpressible = rest.filter((verdict) => verdict.inexpressible.length > 0);
  const differ = rest.filter((verdict) => verdict.inexpressible.length === 0 && verdict.differences.length > 0);
  const agree = rest.length - inexpressible.length - differ.length;
  const elsewhere = outcomes.length - verdicts.length;
  const share = (count: number) => `${count} (${((100 * count) / Math.max(1, verdicts.length)).toFixed(1)} %)`;

  const lines = [
    `${file}: ${outcomes.length} scenarios`,
    `  agree                 ${share(agree)}`,
    `  named difference      ${share(differ.length)}`,
    `  not expressible       ${share(inexpressible.length)}`,
    `  environment not here  ${elsewhere}`,
    `  disagree              ${disagree.length}`,
    ...grouped("named differences", rest, (verdict) => verdict.differences.map(({ name, why }) => `${name}: ${why}`)),
    ...grouped("not expressible, since it", rest, (verdict) => verdict.inexpressible),
    ...disagree.flatMap(disagreement),
  ];
  return { lines, isGood: disagree.length === 0 };
}

function grouped(
  heading: string,
  verdicts: readonly Verdict[],
  reasonsOf: (verdict: Verdict) => readonly string[],
): string[] {
  const scenarios = new Map<string, string[]>();
  for (const verdict of verdicts) {
    for (const reason of reasonsOf(verdict))
      scenarios.set(reason, [...(scenarios.get(reason) ?? []), verdict.scenario.name]);
  }
  if (scenarios.size === 0) return [];
  const lines = [...scenarios].map(([reason, names]) => `    ${names.length} x ${reason}\n        ${names.join(", ")}`);
  return [`  ${heading}:`, ...lines];
}

function disagreement({ scenario, disagreements }: Verdict): string[] {
  return [
    `  DISAGREES: ${scenario.name}`,
    ...disagreements.flatMap(({ step, expected, seen }) => [
      `    step ${step}: ${JSON.stringify(scenario.steps[step - 1])}`,
      `      expected  ${expected.join(" or ")}`,
      `      seen      ${seen}`,
    ]),
  ];
}
