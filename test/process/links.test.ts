import { describe, expect, test } from "@jest/globals";
import { Links } from "../../src/process/links.ts";
import type { Owner } from "../../src/process/owner.ts";
import { randomNumbers } from "../support/cutting.ts";

/** Owners are only told apart. */
const owners = Array.from({ length: 6 }, () => ({}) as Owner);
const leaves = owners.map((_, index) => (index % 2 === 0 ? undefined : () => undefined));

describe("links", () => {
  test("are those of a Map, in its order, whoever comes and goes", () => {
    const random = randomNumbers(7);
    for (let round = 0; round < 50; round++) {
      const links = new Links();
      const model = new Map<Owner, (() => void) | undefined>();
      for (let step = 0; step < 20; step++) {
        const index = random(owners.length);
        const owner = owners[index] as Owner;
        if (model.has(owner)) {
          links.delete(owner);
          model.delete(owner);
        } else {
          links.add(owner, leaves[index]);
          model.set(owner, leaves[index]);
        }
        for (const other of owners) {
          expect(links.has(other)).toBe(model.has(other));
          expect(links.leaveOf(other)).toBe(model.get(other));
        }
      }
      for (const link of model) expect(links.shift()).toEqual(link);
      expect(links.shift()).toBeUndefined();
    }
  });
});
