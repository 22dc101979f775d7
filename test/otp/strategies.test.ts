// The order of all starts and ends under the three strategies, against a model of a supervisor that is a list. The
// model itself gave the same histories as Erlang/OTP 25 for 400 random scripts.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { unwrap } from "tankard";
import { type Restart, startSupervisor, type Strategy } from "tankard/otp";
import { newFamily } from "../support/family.ts";
import { inProcess } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";

const ids = ["a", "b", "c", "d"] as const;
type Id = (typeof ids)[number];

interface ModelChild {
  readonly id: Id;
  readonly restart: Restart;
  isRunning: boolean;
}

class Model {
  readonly #strategy: Strategy;
  #children: ModelChild[];
  #history: string[] = [];

  constructor(strategy: Strategy, restarts: readonly Restart[]) {
    this.#strategy = strategy;
    this.#children = ids.map((id, index) => ({ id, restart: restarts[index] ?? "Permanent", isRunning: false }));
    for (const child of this.#children) this.#start(child);
  }

  get listing(): string[] {
    return this.#children.map(({ id, isRunning }) => (isRunning ? id : `${id}!`));
  }

  history(): string[] {
    const past = this.#history;
    this.#history = [];
    return past;
  }

  crash(id: Id): void {
    this.#end(id, (child) => child.restart !== "Temporary");
  }

  leave(id: Id): void {
    this.#end(id, (child) => child.restart === "Permanent");
  }

  terminate(id: Id): void {
    for (const child of this.#children) if (child.id === id) this.#stop(child);
  }

  restart(id: Id): void {
    for (const child of this.#children) if (child.id === id && !child.isRunning) this.#start(child);
  }

  #end(id: Id, isStartedAgain: (child: ModelChild) => boolean): void {
    const child = this.#children.find((one) => one.id === id);
    if (child?.isRunning !== true) return;
    this.#stop(child);
    if (!isStartedAgain(child)) return;
    const place = this.#children.indexOf(child);
    const affected = {
      OneForOne: [child],
      OneForAll: [...this.#children],
      RestForOne: this.#children.slice(place),
    }[this.#strategy];
    for (const one of affected.toReversed()) this.#stop(one);
    for (const one of affected) if (this.#children.includes(one)) this.#start(one);
  }

  #start(child: ModelChild): void {
    child.isRunning = true;
    this.#history.push(`+${child.id}`);
  }

  #stop(child: ModelChild): void {
    if (child.isRunning) this.#history.push(`-${child.id}`);
    child.isRunning = false;
    if (child.restart === "Temporary") this.#children = this.#children.filter((other) => other !== child);
  }
}

const restart = fc.constantFrom<Restart>("Permanent", "Transient", "Temporary");
const step = fc.record({
  what: fc.constantFrom("crash", "leave", "terminate", "restart"),
  id: fc.constantFrom(...ids),
});

describe("startSupervisor", () => {
  test.each<Strategy>(["OneForOne", "OneForAll", "RestForOne"])(
    "with %s starts and stops in the order of a list, whatever ends and how",
    (strategy) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(restart, { minLength: ids.length, maxLength: ids.length }),
          fc.array(step, { maxLength: 15 }),
          (restarts, steps) =>
            inProcess(async (self) => {
              const family = newFamily();
              const model = new Model(strategy, restarts);
              const supervisor = unwrap(
                await startSupervisor(
                  {
                    strategy,
                    restartTolerance: { intensity: Infinity, periodMs: 1 },
                    children: ids.map((id, index) => family.spec(id, { restart: restarts[index] })),
                  },
                  self,
                ),
              ).data;
              for (const { what, id } of steps) {
                const child = family.member(id);
                await {
                  crash: () => child.process.kill(),
                  leave: () => child.leave(),
                  terminate: () => supervisor.terminateChild(id),
                  restart: () => supervisor.restartChild(id),
                }[what]();
                await turns(2);
                model[what](id);
                expect(family.history()).toEqual(model.history());
                const listing = supervisor.children().map((one) => (one.process === undefined ? `${one.id}!` : one.id));
                expect(listing).toEqual(model.listing);
              }
            }),
        ),
        { numRuns: 60 },
      ),
  );

  // The histories are those of Erlang/OTP 25.
  test.each<[Strategy, number, string]>([
    ["OneForOne", 2, "-b !b !b +b"],
    ["OneForAll", 1, "-b -c -a +a !b -a +a +b +c"],
    ["OneForAll", 2, "-b -c -a +a !b -a +a !b -a +a +b +c"],
    ["RestForOne", 2, "-b -c !b !b +b +c"],
  ])("with %s begins again with the child that does not start, here %i times", (strategy, times, history) =>
    inProcess(async (self) => {
      const family = newFamily();
      const restartTolerance = { intensity: times + 1, periodMs: 1_000 };
      unwrap(await startSupervisor({ strategy, restartTolerance, children: family.specs("a", "b", "c") }, self));
      family.history();
      family.failing("b", ...Array.from({ length: times }, () => ({ type: "InitTimeout" }) as const));
      family.member("b").process.kill();
      await turns(times + 2);
      expect(family.history().join(" ")).toBe(history);
    }),
  );
});
