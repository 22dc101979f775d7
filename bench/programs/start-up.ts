// How long a program takes that imports something and ends: `start-up <entry point>`, nothing for Node alone. Prints
// milliseconds, and KiB on the heap of that program.
import { execFileSync } from "node:child_process";

const [entryPoint = ""] = process.argv.slice(2);
const source = `${entryPoint === "" ? "" : `await import(${JSON.stringify(entryPoint)});`}
console.log(process.memoryUsage().heapUsed);`;
const args = ["--input-type=module", "--eval", source];
const cwd = import.meta.dirname; // where `tankard` is known

execFileSync(process.execPath, args, { cwd }); // the files are in the system's memory from now on
const start = performance.now();
const printed = execFileSync(process.execPath, args, { cwd });
console.log(`${performance.now() - start} ${Number(printed) / 1024}`);
