import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { namedDifferences } from "./differences.ts";

describe("the named differences", () => {
  test("stand in the README with their reasons, in the same order", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
    const [, section = ""] = readme.split("## Where we differ from mug and the BEAM");
    const [table = ""] = section.split("And in form");
    const rows = table.split("\n").filter((line) => line.startsWith("| "));
    const cells = rows.slice(2).map((row) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim()));
    expect(cells.map((row) => ({ name: row[0], why: row[3] }))).toEqual(
      namedDifferences.map(({ name, why }) => ({ name, why })),
    );
  });
});
