// Holds what was measured against the goals.
import { type Goal, type GoalElsewhere } from "../goals.ts";
import { differenceOf, type Figures, type Measured, ratioOf } from "./results.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { markdown, rounded } from "./table.ts";

export interface Verdict {
  readonly says: string;
  readonly goal: string;
  readonly measured: Spread | undefined;
  readonly verdict: string;
}

/** Of the goals whose workloads were measured; the others were not asked for. */
export function verdictsOn(goals: readonly Goal[], workloads: readonly Measured[]): Verdict[] {
  return goals.flatMap((goal) => {
    const workload = workloads.find(({ name }) => name === goal.workload);
    return workload === undefined ? [] : [verdictOn(goal, workload)];
  });
}

export function goalTable(verdicts: readonly Verdict[], elsewhere: readonly GoalElsewhere[]): string {
  const rows = verdicts.map(({ says, goal, measured, verdict }) => [
    says,
    goal,
    measured === undefined ? "" : rounded(measured.median),
    measured === undefined ? "" : `${rounded(measured.low)} to ${rounded(measured.high)}`,
    verdict,
  ]);
  for (const { says, where } of elsewhere) rows.push([says, "", "", "", `not measured here: ${where}`]);
  return markdown(["goal", "", "measured", "middle half", "verdict"], rows);
}

function verdictOn(goal: Goal, { contestants }: Measured): Verdict {
  const find = (name: string | undefined): Figures | undefined =>
    contestants.find((contestant) => contestant.name === name && contestant.figures.length > 0);
  const said = { says: goal.says, goal: `${goal.bound} ${rounded(goal.goal)}` };
  const missing = [goal.of, ...(goal.than === undefined ? [] : [goal.than])].find((name) => find(name) === undefined);
  if (missing !== undefined) return { ...said, measured: undefined, verdict: `not measured: ${missing} took no part` };
  const measured = valueOf(goal, find(goal.of) as Figures, find(goal.than) as Figures);
  const isMet = (value: number): boolean => (goal.bound === "at least" ? value >= goal.goal : value <= goal.goal);
  const isClear = isMet(measured.low) === isMet(measured.high);
  const verdict = isMet(measured.median) ? "pass" : "MISS";
  // Where the middle half of the rounds stands on both sides, one run says little.
  return { ...said, measured, verdict: isClear ? verdict : `${verdict}, narrowly` };
}

function valueOf({ by, column }: Goal, of: Figures, than: Figures): Spread {
  switch (by) {
    case "ratio":
      return ratioOf(of, than, column);
    case "difference":
      return differenceOf(of, than, column);
    case "figure":
      return spreadOf(of[column ?? "figures"]);
    case "nanoseconds":
      return differenceOf(each(of), each(than));
  }
}

/** Nanoseconds of one operation. */
function each({ name, figures }: Figures): Figures {
  return { name, figures: figures.map((perSecond) => 1e9 / perSecond), beside: [] };
}
