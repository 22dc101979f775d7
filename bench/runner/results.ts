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

export type Column = "figures" | "beside";

/** Round by round: what was slow for the whole machine cancels out. */
export function ratioOf(one: Figures, other: Figures, column: Column = "figures"): Spread {
  return spreadOf(one[column].map((figure, round) => figure / (other[column][round] ?? NaN)));
}

export function differenceOf(one: Figures, other: Figures, column: Column = "figures"): Spread {
  return spreadOf(one[column].map((figure, round) => figure - (other[column][round] ?? NaN)));
}
