import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Restarts } from "../../src/otp/restarts.ts";

describe("Restarts", () => {
  test("tolerates a restart where it and those within the period before it are no more than the intensity", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 4 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat({ max: 12 }), { maxLength: 40 }),
        (intensity, periodMs, gaps) => {
          const restarts = new Restarts({ intensity, periodMs });
          const times: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now += gap;
            times.push(now);
            const within = times.filter((time) => now - time <= periodMs);
            expect(restarts.add(now)).toBe(within.length <= intensity);
          }
        },
      ),
    );
  });
});
