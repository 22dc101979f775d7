import { describe, expect, test } from "@jest/globals";
import { measured } from "./measured.ts";

interface Counted {
  readonly steps: number;
  readonly mapped: number;
}

const receives = 100;
const hows = ["subject", "selector"];

describe("a selective receive", () => {
  test.each(hows)(
    "takes as many steps behind 10,000 other messages as behind 10: by a %s",
    async (how) => {
      const [few, many] = await Promise.all([10, 10_000].map((others) => measured<Counted>("steps", [how, others])));

      expect(few?.steps).toBeGreaterThan(receives);
      expect(many?.steps).toBeLessThanOrEqual((few?.steps ?? 0) * 1.05); // the run queue's slices begin and end where they like
    },
    60_000,
  );

  test("maps the message that it takes, and no other", async () => {
    const { mapped } = await measured<Counted>("steps", ["selector", 10_000]);

    expect(mapped).toBe(receives);
  }, 60_000);
});
