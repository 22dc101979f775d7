import { describe, expect, test } from "@jest/globals";
import { createRuntime, type OwnSubject, type Self } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

describe("createSimulatedClock", () => {
  test("stands at 0, and stands still by itself", async () => {
    const clock = createSimulatedClock();
    let isCalled = false;
    clock.setTimeout(() => (isCalled = true), 0);
    await turns();
    expect([clock.now(), isCalled]).toEqual([0, false]);
  });

  test("has a time of its own", async () => {
    const [one, other] = [createSimulatedClock(), createSimulatedClock()];
    await one.advance(10);
    expect([one.now(), other.now()]).toEqual([10, 0]);
  });
});

describe("advance", () => {
  test("lets so much time pass", async () => {
    const clock = createSimulatedClock();
    await clock.advance(10);
    await clock.advance(0);
    await clock.advance(5.5);
    expect(clock.now()).toBe(15.5);
  });

  test("calls what is due in the order of its time, each at that time", async () => {
    const clock = createSimulatedClock();
    const log: string[] = [];
    for (const [name, ms] of [
      ["c", 30],
      ["a", 10],
      ["b", 20],
      ["late", 101],
    ] as const) {
      clock.setTimeout(() => log.push(`${name} at ${clock.now()}`), ms);
    }
    await clock.advance(100);
    expect(log).toEqual(["a at 10", "b at 20", "c at 30"]);
    expect(clock.now()).toBe(100);
    await clock.advance(1);
    expect(log).toHaveLength(4);
  });

  test("calls what is due at the same time in the order in which it was set", async () => {
    const clock = createSimulatedClock();
    const log: number[] = [];
    for (const number of [1, 2, 3]) clock.setTimeout(() => log.push(number), 10);
    await clock.advance(10);
    expect(log).toEqual([1, 2, 3]);
  });

  test("calls what is set meanwhile, if it is due as well", async () => {
    const clock = createSimulatedClock();
    const log: number[] = [];
    const again = (): void => {
      log.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    await clock.advance(35);
    expect(log).toEqual([10, 20, 30]);
  });

  test("lets processes react before the next is due", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    const log: string[] = [];
    const process = runtime.spawn(async (self) => {
      for (let left = 3; left > 0; left--) {
        await self.sleep(10);
        log.push(`awake at ${clock.now()}`);
      }
    });
    await clock.advance(100);
    expect(log).toEqual(["awake at 10", "awake at 20", "awake at 30"]);
    expect(process.isAlive).toBe(false);
  });

  test("lets what has been sent before be received before any time passes", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    const process = runtime.spawn(async (self, subject: OwnSubject<string>) => {
      await self.receiveForever(subject);
      return clock.now();
    });
    process.subject.send("now");
    await clock.advance(100);
    expect(await process.result).toBe(0);
  });

  test("waits until processes have reacted, however many messages that takes them", async () => {
    const clock = createSimulatedClock();
    const runtime = createRuntime({ clock });
    const process = runtime.spawn(async (self) => {
      await self.sleep(10);
      await exchange(self, 5_000);
      return clock.now();
    });
    await clock.advance(100);
    expect(await isSettledWithin(process.settled, 1)).toBe(true);
    expect(await process.result).toBe(10);
  });

  test("never goes back, also where two overlap", async () => {
    const clock = createSimulatedClock();
    await Promise.all([clock.advance(100), clock.advance(10)]);
    expect(clock.now()).toBeGreaterThanOrEqual(100);
  });

  test.each([-1, Number.NaN])("throws a RangeError for %p", async (ms) => {
    const clock = createSimulatedClock();
    expect(await thrownBy(() => clock.advance(ms))).toEqual(
      new RangeError(`Cannot advance: ms must be 0 or more, received ${ms}`),
    );
    expect(clock.now()).toBe(0);
  });

  async function exchange(self: Self, messages: number): Promise<void> {
    const echo = self.spawn(async (other, subject: OwnSubject<OwnSubject<string>>) => {
      for (let left = messages; left > 0; left--) (await other.receiveForever(subject)).send("back");
    });
    const own = self.newSubject<string>();
    for (let left = messages; left > 0; left--) {
      echo.subject.send(own);
      await self.receiveForever(own);
    }
  }
});

describe("a simulated clock's timers", () => {
  test("are counted while they are set", async () => {
    const clock = createSimulatedClock();
    const timer = clock.setTimeout(() => undefined, 10);
    clock.setTimeout(() => undefined, 20);
    expect(clock.pending).toBe(2);
    clock.clearTimeout(timer);
    clock.clearTimeout(timer);
    expect(clock.pending).toBe(1);
    await clock.advance(20);
    expect(clock.pending).toBe(0);
  });

  test("are not called when they were cleared, not even by one that is due at the same time", async () => {
    const clock = createSimulatedClock();
    const log: string[] = [];
    clock.setTimeout(() => clock.clearTimeout(second), 10);
    const second = clock.setTimeout(() => log.push("never"), 10);
    await clock.advance(10);
    expect(log).toEqual([]);
  });

  test("of a negative time are due at once", async () => {
    const clock = createSimulatedClock();
    const log: number[] = [];
    clock.setTimeout(() => log.push(clock.now()), -5);
    await clock.advance(0);
    expect(log).toEqual([0]);
  });
});
