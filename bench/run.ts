// The benchmarks: `npm run bench -- --help`. Measures workloads with all who can take part here, prints a table of each, and
// holds the figures against the goals. The exit code says whether all could be measured, not what it came to.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { goals, goalsElsewhere } from "./goals.ts";
import { readCommandLine, type Settings, usage, UsageError } from "./runner/command-line.ts";
import { Measuring } from "./runner/measure.ts";
import { randomFrom } from "./runner/random.ts";
import type { Measured, Results } from "./runner/results.ts";
import { tableOf } from "./runner/table.ts";
import { find, MissingTool, Toolbox } from "./runner/toolbox.ts";
import { goalTable, verdictsOn } from "./runner/verdicts.ts";
import type { Workload } from "./workload.ts";
import { workloadsIn } from "./workloads.ts";

const args = process.argv.slice(2);
if (args.includes("--help")) console.log(usage);
else {
  try {
    await main(readCommandLine(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  }
}

async function main(asked: Settings): Promise<void> {
  const tools = new Toolbox();
  try {
    const settings = pinnedWherePossible(asked, tools);
    const workloads = askedFor(workloadsIn(tools.folder), settings.names);
    if (settings.isList) list(workloads);
    else await measure(workloads, settings, tools);
  } finally {
    tools.dispose();
  }
}

async function measure(workloads: readonly Workload[], settings: Settings, tools: Toolbox): Promise<void> {
  const { seed, core, isQuick, runs } = settings;
  const where = core === undefined ? "unpinned" : `client and server together on core ${core}`;
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? "?"}, ${where}, ${runs} rounds in random order, --seed ${seed}`,
  );
  if (isQuick) console.log("Quick: this shows that it works. The figures say nothing.");
  const measuring = new Measuring(settings, tools, randomFrom(seed));
  const measured: Measured[] = [];
  for (const workload of workloads) {
    const result = await measuring.measure(workload);
    measured.push(result);
    console.log(tableOf(result));
  }
  const verdicts = verdictsOn(goals, measured);
  const isWhole = settings.names.length === 0;
  if (verdicts.length > 0) console.log(`\n${goalTable(verdicts, isWhole ? goalsElsewhere : [])}`);
  if (isQuick) console.log("\nQuick: no verdict counts, nothing was warm.");
  if (core === undefined) console.log("\nThe goals are for one core: these ratios were not measured on one.");
  for (const what of tools.skipped) console.log(`\nSKIPPED: ${what}`);
  if (settings.json === undefined) return;
  const results: Results = {
    node: process.version,
    cpu: cpus()[0]?.model ?? "",
    core: core ?? null,
    isQuick,
    seed,
    workloads: measured,
    skipped: tools.skipped,
  };
  writeFileSync(settings.json, `${JSON.stringify(results, null, 1)}\n`);
}

/** @throws UsageError for a name that none has */
function askedFor(workloads: readonly Workload[], names: readonly string[]): readonly Workload[] {
  if (names.length === 0) return workloads;
  const isNamed = ({ name }: Workload, asked: string): boolean => name === asked || name.startsWith(`${asked}-`);
  const unknown = names.find((asked) => !workloads.some((workload) => isNamed(workload, asked)));
  if (unknown !== undefined) throw new UsageError(`There is no workload ${unknown}; --list tells those that there are`);
  return workloads.filter((workload) => names.some((asked) => isNamed(workload, asked)));
}

function pinnedWherePossible(settings: Settings, tools: Toolbox): Settings {
  if (settings.core === undefined) return settings;
  try {
    find("taskset", "apt-get install util-linux");
    return settings;
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error;
    tools.skip(new MissingTool(`${error.message}: without it nothing is pinned`));
    return { ...settings, core: undefined };
  }
}

function list(workloads: readonly Workload[]): void {
  for (const { name, title, contestants } of workloads)
    console.log(`${name.padEnd(20)} ${title}: ${contestants.map((contestant) => contestant.name).join("; ")}`);
}
