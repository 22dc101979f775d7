// The diagrams in docs are those of the machines: npm run diagrams writes them.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { pages } from "../../scripts/diagrams/pages.ts";

const folder = new URL("../../docs/diagrams/", import.meta.url);

describe("docs/diagrams", () => {
  test.each([...pages])("%s shows its machine as it is (npm run diagrams writes it)", (file, text) => {
    expect(readFileSync(new URL(file, folder), "utf8")).toBe(text);
  });

  test("has no page of a machine that is gone", () => {
    expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
  });
});
