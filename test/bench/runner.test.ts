import { describe, expect, test } from "@jest/globals";
import type { Goal } from "../../bench/goals.ts";
import { barChart } from "../../bench/runner/bar-chart.ts";
import { readCommandLine, UsageError } from "../../bench/runner/command-line.ts";
import { randomFrom, shuffled } from "../../bench/runner/random.ts";
import { type Measured, type Results, together } from "../../bench/runner/results.ts";
import { spreadOf } from "../../bench/runner/statistics.ts";
import { verdictsOn } from "../../bench/runner/verdicts.ts";

describe("shuffled", () => {
  test("brings an order back by its seed", () => {
    const orderOf = (seed: number): number[] => shuffled([...Array(20).keys()], randomFrom(seed));

    expect(orderOf(7)).toEqual(orderOf(7));
    expect(orderOf(7)).not.toEqual(orderOf(8));
    expect(orderOf(7).sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
  });
});

describe("spreadOf", () => {
  test("gives the middle and a quarter on each side, between two figures where it has to", () => {
    expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ low: 2, median: 3, high: 4 });
    expect(spreadOf([1, 2])).toEqual({ low: 1.25, median: 1.5, high: 1.75 });
  });
});

describe("together", () => {
  const figuresOf = (name: string, ...figures: number[]) => ({ name, figures, beside: figures });
  const runOf = (contestants: Measured["contestants"], node = "v20.0.0"): Results => ({
    node,
    cpu: "",
    core: 1,
    isQuick: false,
    seed: 1,
    skipped: [],
    workloads: [
      { name: "echo-1", title: "", unit: "", isMoreBetter: true, beside: "", contestants, skipped: [], failed: [] },
    ],
  });

  test("puts the rounds of several runs one behind the other", () => {
    const runs = [runOf([figuresOf("ours", 1, 2)]), runOf([figuresOf("ours", 3)])];
    expect(together(runs).workloads[0]?.contestants).toEqual([figuresOf("ours", 1, 2, 3)]);
  });

  test("leaves out who was missing in one of them, as rounds are compared with rounds", () => {
    const runs = [
      runOf([figuresOf("ours", 1), figuresOf("theirs", 1)]),
      runOf([figuresOf("ours", 2), figuresOf("theirs")]),
    ];
    expect(together(runs).workloads[0]?.contestants).toEqual([figuresOf("ours", 1, 2), figuresOf("theirs")]);
  });

  test("refuses runs of different versions, and none", () => {
    expect(() => together([runOf([]), runOf([], "v24.0.0")])).toThrow("different versions");
    expect(() => together([])).toThrow("no run");
  });
});

describe("verdictsOn", () => {
  const goal: Goal = {
    says: "as fast",
    workload: "echo-1",
    of: "ours",
    than: "theirs",
    by: "ratio",
    bound: "at least",
    goal: 1,
  };
  const measured = (ours: number[], theirs: number[], name = "echo-1"): Measured => ({
    name,
    title: "",
    unit: "",
    isMoreBetter: true,
    beside: "",
    contestants: [
      { name: "ours", figures: ours, beside: ours },
      { name: "theirs", figures: theirs, beside: theirs },
    ],
    skipped: [],
    failed: [],
  });
  const verdictOf = (given: Goal, workload: Measured): string | undefined =>
    verdictsOn([given], [workload])[0]?.verdict;

  test("compare round by round, so that a slow round of the machine is nobody's", () => {
    expect(verdictOf(goal, measured([11, 110, 1.1], [10, 100, 1]))).toBe("pass");
  });

  test("say that it was close where the middle half lies on both sides", () => {
    expect(verdictOf(goal, measured([8, 11, 12], [10, 10, 10]))).toBe("pass, narrowly");
    expect(verdictOf(goal, measured([8, 9, 12], [10, 10, 10]))).toBe("MISS, narrowly");
    expect(verdictOf(goal, measured([7, 8, 9], [10, 10, 10]))).toBe("MISS");
  });

  test("know goals that are bounds from above, differences and figures of one", () => {
    expect(verdictOf({ ...goal, bound: "at most" }, measured([9], [10]))).toBe("pass");
    expect(verdictOf({ ...goal, by: "difference", bound: "at most" }, measured([11], [10]))).toBe("pass");
    expect(verdictOf({ ...goal, by: "figure", goal: 12 }, measured([11], [10]))).toBe("MISS");
  });

  test("take rates for how long one takes where the goal is in nanoseconds", () => {
    const nanoseconds = { ...goal, by: "nanoseconds", bound: "at most", goal: 60 } as const;

    expect(verdictOf(nanoseconds, measured([1e9 / 150], [1e9 / 100]))).toBe("pass");
    expect(verdictOf(nanoseconds, measured([1e9 / 170], [1e9 / 100]))).toBe("MISS");
  });

  test("say who took no part, and leave out what nobody asked for", () => {
    expect(verdictOf({ ...goal, than: "absent" }, measured([1], [1]))).toBe("not measured: absent took no part");
    expect(verdictsOn([goal], [measured([1], [1], "echo-100")])).toEqual([]);
  });
});

describe("readCommandLine", () => {
  test("takes workloads and options", () => {
    const settings = readCommandLine(["echo", "spawn", "--runs", "7", "--core", "0", "--seed", "5", "--only", "a,b"]);

    expect(settings).toMatchObject({ names: ["echo", "spawn"], runs: 7, core: 0, seed: 5, only: ["a", "b"] });
    expect(readCommandLine(["--unpinned", "--quick"])).toMatchObject({ core: undefined, runs: 3, isQuick: true });
  });

  test.each([["--no-such-option"], ["--runs", "0"], ["--core", "x"]])("refuses %s %s in words", (...args) => {
    expect(() => readCommandLine(args)).toThrow(UsageError);
  });
});

describe("barChart", () => {
  test("draws a bar for each and escapes what they are called", () => {
    const bars = [
      { name: "raw `data` & <net>", low: 1, median: 1, high: 1 },
      { name: "ours", low: 0.9, median: 1.5, high: 2 },
    ];

    const drawn = barChart({ title: "echo", caption: "more is better", unitName: "raw", bars });

    expect(drawn.match(/<rect /g)).toHaveLength(2);
    expect(drawn).toContain("raw data &amp; &lt;net>");
    expect(drawn).toContain("prefers-color-scheme: dark");
    expect(drawn).toContain(">1.50<");
  });
});
