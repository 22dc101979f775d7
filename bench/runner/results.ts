// What a run has brought, as the JSON file has it.
import type { Spread } from "./statistics.ts";
import { spreadOf } from "./statistics.ts";

/** The figures of one contestant, one for each round, in the order of the rounds. */
export interface Figures {
  readonly name: string;
  readonly figures: number[];
  readonly beside: number[];
}

export interface Measured {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly isMoreBetter: boolean;
  /** The unit of the figure that is told beside; empty where there is none. */
  readonly beside: string;
  readonly contestants: readonly Figures[];
  /** Those whose tools are missing. */
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
}

export interface Results {
  readonly node: string;
  readonly cpu: string;
  /** Where client and server ran together; null where the system chose. */
  readonly core: number | null;
  readonly isQuick: boolean;
  readonly seed: number;
  readonly workloads: readonly Measured[];
  readonly skipped: readonly string[];
}

/**
 * Several runs as one: the rounds of each workload one behind the other.
 *
 * @throws Error for runs that are none, or of different kinds
 */
export function together(runs: readonly Results[]): Results {
  const [first, ...others] = runs;
  if (first === undefined) throw new Error("There is no run to tell of");
  for (const { node, cpu, core, isQuick } of others) {
    const isAlike = node === first.node && cpu === first.cpu && core === first.core && isQuick === first.isQuick;
    if (!isAlike) throw new Error("These runs were made by different versions, machines or settings");
  }
  const names = new Set(runs.flatMap(({ workloads }) => workloads.map(({ name }) => name)));
  const workloads = [...names].map((name) =>
    joined(runs.flatMap((run) => run.workloads.filter((one) => one.name === name))),
  );
  return { ...first, workloads, skipped: [...new Set(runs.flatMap(({ skipped }) => skipped))] };
}

/** Of one workload. Whoever is missing in a run is missing: rounds are compared with rounds. */
function joined(measured: readonly Measured[]): Measured {
  const [first] = measured as readonly [Measured];
  const contestants = first.contestants.map(({ name }) => {
    const parts = measured.map((run) => run.contestants.find((contestant) => contestant.name === name));
    const isWhole = parts.every((part) => part !== undefined && part.figures.length > 0);
    const all = isWhole ? (parts as Figures[]) : [];
    return { name, figures: all.flatMap(({ figures }) => figures), beside: all.flatMap(({ beside }) => beside) };
  });
  const failed = new Set(measured.flatMap((run) => run.failed));
  return { ...first, contestants, failed: [...failed] };
}

export type Column = "figures" | "beside";

/** Round by round: what was slow for the whole machine cancels out. */
export function ratioOf(one: Figures, other: Figures, column: Column = "figures"): Spread {
  return spreadOf(one[column].map((figure, round) => figure / (other[column][round] ?? NaN)));
}

export function differenceOf(one: Figures, other: Figures, column: Column = "figures"): Spread {
  return spreadOf(one[column].map((figure, round) => figure - (other[column][round] ?? NaN)));
}
