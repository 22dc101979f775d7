// Draws what `npm run bench -- --json FILE` has measured: `npm run bench:figures -- FILE...` writes a bar chart of the ratios of
// each workload into docs/figures. The rounds of several runs count together.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { barChart } from "./runner/bar-chart.ts";
import { type Measured, ratioOf, type Results, together } from "./runner/results.ts";

const files = process.argv.slice(2);
if (files.length === 0) throw new Error("Usage: npm run bench:figures -- FILE...");

const folder = path.join(import.meta.dirname, "../docs/figures");
const results = together(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Results));
mkdirSync(folder, { recursive: true });
for (const workload of results.workloads) {
  const drawn = chartOf(workload, results);
  if (drawn === undefined) continue;
  const drawing = path.join(folder, `${workload.name}.svg`);
  writeFileSync(drawing, drawn);
  console.log(drawing);
}

/** None where there is nobody to compare with. */
function chartOf(
  { title, unit, isMoreBetter, contestants }: Measured,
  { core, isQuick, node }: Results,
): string | undefined {
  const [first, ...others] = contestants;
  if (first === undefined || others.length === 0) return undefined;
  const where = core === null ? "wherever the system put them" : "client and server on one core";
  const caption = `${unit}, ${isMoreBetter ? "more" : "less"} is better; Node ${node}, ${where}`;
  return barChart({
    title,
    caption: isQuick ? `${caption}; a quick run, which says nothing` : caption,
    unitName: first.name,
    bars: contestants.map((contestant) => ({ name: contestant.name, ...ratioOf(contestant, first) })),
  });
}
