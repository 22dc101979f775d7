import { describe, expect, test } from "@jest/globals";
import { goals } from "../../bench/goals.ts";
import { workloadsIn } from "../../bench/workloads.ts";

const workloads = workloadsIn("/nowhere");

describe("goals", () => {
  test.each(goals.map((goal) => [goal.says, goal] as const))(
    "are about somebody who is measured: %s",
    (_, { workload, of, than }) => {
      const names = workloads.find(({ name }) => name === workload)?.contestants.map(({ name }) => name);

      expect(names).toContain(of);
      expect(names).toContain(than ?? of);
    },
  );
});

describe("workloads", () => {
  test("have names of their own, and so have those who take part in one", () => {
    const all = [workloads, ...workloads.map(({ contestants }) => contestants)];

    for (const named of all) expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
  });
});
