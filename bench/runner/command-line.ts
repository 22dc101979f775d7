// What `npm run bench -- ...` may be told.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

export interface Settings {
  /** Workloads whose name is one of these, or begins with it. None: all. */
  readonly names: readonly string[];
  /** Contestants whose names contain one of these, beside the first. None: all. */
  readonly only: readonly string[];
  readonly runs: number;
  readonly roundMs: number;
  /** Rounds of each contestant before those that count. */
  readonly warmUps: number;
  readonly isQuick: boolean;
  readonly seed: number;
  /** Where client and server run, together. Absent: wherever the system puts them. */
  readonly core: number | undefined;
  readonly json: string | undefined;
  readonly isList: boolean;
}

/** What was typed cannot be done; the message says why to who typed it. */
export class UsageError extends Error {}

export const usage = `npm run bench -- [workload...] [options]

  echo server-echo-1 ...  only these, by their whole names or their beginnings; --list tells them
  --quick           short rounds and few: to see that it works, not to measure
  --runs N          figures of each contestant that count (15; with --quick 3)
  --round-ms N      how long a round lasts (250; with --quick 60)
  --only A,B        only contestants whose names contain A or B, beside the first
  --unpinned        client and server wherever the system puts them, not on one core
  --core N          the core to pin to (the last)
  --seed N          the seed of the order of rounds, as an earlier run has printed it
  --json FILE       all figures, also as JSON
  --list            the names of the workloads and who takes part, and nothing else`;

/** @throws UsageError for what is no option */
export function readCommandLine(args: readonly string[]): Settings {
  const { values, positionals } = parsed(args);
  const isQuick = values.quick;
  return {
    names: positionals,
    only: values.only.split(",").filter((part) => part !== ""),
    runs: count("--runs", values.runs ?? (isQuick ? "3" : "15")),
    roundMs: count("--round-ms", values["round-ms"] ?? (isQuick ? "60" : "250")),
    warmUps: isQuick ? 1 : 4,
    isQuick,
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : count("--seed", values.seed, 0),
    core: values.unpinned ? undefined : count("--core", values.core ?? `${availableParallelism() - 1}`, 0),
    json: values.json,
    isList: values.list,
  };
}

function count(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`${name} must be a whole number, at least ${least}, received ${text}`);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        runs: { type: "string" },
        "round-ms": { type: "string" },
        only: { type: "string", default: "" },
        unpinned: { type: "boolean", default: false },
        core: { type: "string" },
        seed: { type: "string" },
        json: { type: "string" },
        list: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
