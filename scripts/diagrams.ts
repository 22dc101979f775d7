// Writes docs/diagrams from the machines of the examples. With --check it writes nothing, and fails where that would change.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pages } from "./diagrams/pages.ts";

const folder = join(import.meta.dirname, "../docs/diagrams");
mkdirSync(folder, { recursive: true });
const there = new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")]));
const changed = [...new Set([...there.keys(), ...pages.keys()])].filter((file) => there.get(file) !== pages.get(file));

if (process.argv.includes("--check")) {
  for (const file of changed) console.error(`docs/diagrams/${file} is not what its machine is: npm run diagrams`);
  if (changed.length > 0) process.exitCode = 1;
} else {
  for (const file of changed) {
    const text = pages.get(file);
    if (text === undefined) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), text);
    console.log(`${text === undefined ? "removed" : "written"}: docs/diagrams/${file}`);
  }
}
