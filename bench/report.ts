// Tells again what was measured: `npm run bench:report -- FILE...` prints the tables and the goals of what
// `npm run bench -- --json FILE` has written. The rounds of several runs count together.
import { readFileSync } from "node:fs";
import { goals, goalsElsewhere } from "./goals.ts";
import { type Results, together } from "./runner/results.ts";
import { tableOf } from "./runner/table.ts";
import { goalTable, verdictsOn } from "./runner/verdicts.ts";

const files = process.argv.slice(2);
if (files.length === 0) throw new Error("Usage: npm run bench:report -- FILE...");

const { node, cpu, workloads } = together(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Results));
console.log(`Node ${node}, ${cpu}, ${files.length === 1 ? "one run" : `${files.length} runs together`}`);
for (const workload of workloads) console.log(tableOf(workload));
console.log(`\n${goalTable(verdictsOn(goals, workloads), goalsElsewhere)}`);
