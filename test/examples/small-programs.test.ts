// The programs of one idea each: what they print is what their first comment says.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { runExample } from "../support/run-example.ts";

describe.each(["echo-client", "active-once", "two-sockets", "supervised"])("examples/%s.ts", (name) => {
  test("prints what its comment says, and ends", async () => {
    expect(await runExample(name)).toEqual({ code: 0, stdout: promisedOutput(name), stderr: "" });
  }, 60_000);
});

/** The words after "Prints:" in the first comment of the program, a line each. */
function promisedOutput(name: string): string {
  const source = readFileSync(new URL(`../../examples/${name}.ts`, import.meta.url), "utf8");
  const [comment = ""] = source.split("\n\n", 1);
  const lines = comment
    .slice(comment.indexOf("Prints:") + "Prints:".length)
    .split("\n")
    .map((line) => line.replace(/^\/\//, "").trim());
  return `${lines.join("\n")}\n`;
}
