import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createSimulatedClock, type SimulatedClock } from "tankard/testing";
import { Activity } from "../../src/process/activity.ts";
import { Alarm, Alarms, Deadline } from "../../src/process/alarm.ts";
import { Scheduler } from "../../src/process/scheduler.ts";

describe("Alarms", () => {
  test("ring each alarm once, at its moment", async () => {
    const { alarms, clock } = newAlarms();
    const log: number[] = [];
    for (const at of [30, 10, 20]) alarms.set(new Alarm(() => log.push(clock.now())), at);
    await clock.advance(100);
    expect(log).toEqual([10, 20, 30]);
  });

  test("keep one timer of the clock, for the first that is due", async () => {
    const { alarms, clock } = newAlarms();
    for (let at = 100; at > 0; at--) alarms.set(new Alarm(() => undefined), at);
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    expect(clock.pending).toBe(1);
    await clock.advance(50);
    expect(clock.pending).toBe(0);
  });

  test("ring what has been due at once", async () => {
    const { alarms, clock } = newAlarms();
    await clock.advance(100);
    const log: number[] = [];
    alarms.set(new Alarm(() => log.push(clock.now())), 50);
    expect(log).toEqual([]);
    await clock.advance(0);
    expect(log).toEqual([100]);
  });

  test("say of an alarm whether it is set", async () => {
    const { alarms, clock } = newAlarms();
    const alarm = new Alarm(() => undefined);
    expect(alarm.isSet).toBe(false);
    alarms.set(alarm, 10);
    expect(alarm.isSet).toBe(true);
    alarms.clear(alarm);
    alarms.clear(alarm);
    expect(alarm.isSet).toBe(false);
    alarms.set(alarm, 10);
    await clock.advance(10);
    expect(alarm.isSet).toBe(false);
  });

  test("move an alarm that is set again", async () => {
    const { alarms, clock } = newAlarms();
    const log: number[] = [];
    const alarm = new Alarm(() => log.push(clock.now()));
    alarms.set(alarm, 10);
    alarms.set(alarm, 20);
    alarms.set(alarm, 5);
    alarms.set(alarm, 15);
    await clock.advance(100);
    expect(log).toEqual([15]);
  });

  test("let an alarm set itself again, and clear others that are due with it", async () => {
    const { alarms, clock } = newAlarms();
    const log: string[] = [];
    const other = new Alarm(() => log.push("never"));
    const alarm = new Alarm(() => {
      log.push(`at ${clock.now()}`);
      alarms.clear(other);
      if (clock.now() < 30) alarms.set(alarm, clock.now() + 10);
    });
    alarms.set(alarm, 10);
    alarms.set(other, 10);
    await clock.advance(100);
    expect(log).toEqual(["at 10", "at 20", "at 30"]);
  });

  test("never ring one that is set for Infinity, nor ask the clock for it", async () => {
    const { alarms, clock } = newAlarms();
    alarms.set(new Alarm(() => expect(true).toBe(false)), Infinity);
    expect(clock.pending).toBe(0);
    await clock.advance(2 ** 50);
    expect(clock.pending).toBe(0);
  });

  test("never ring too early where the clock's timers do", async () => {
    const clock = createSimulatedClock();
    const hasty = { ...clock, setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms * 0.9) };
    const { alarms } = newAlarms(hasty);
    const log: number[] = [];
    alarms.set(new Alarm(() => log.push(clock.now())), 1_000);
    for (let ms = 0; ms < 1_100; ms++) await clock.advance(1);
    expect(log).toHaveLength(1);
    expect(log[0]).toBeGreaterThanOrEqual(1_000);
  });

  test("count as something that may happen while they are set, except for light ones", async () => {
    const { alarms, clock, activity } = newAlarms();
    const [alarm, light] = [new Alarm(() => undefined), new Alarm(() => undefined, { isLight: true })];
    const isNone: boolean[] = [];
    const look = (): void => void isNone.push(activity.isNone);
    alarms.set(light, 10);
    look();
    alarms.set(alarm, 10);
    alarms.set(alarm, 20);
    look();
    alarms.clear(alarm);
    alarms.clear(alarm);
    look();
    alarms.set(alarm, 30);
    await clock.advance(30);
    look();
    expect(isNone).toEqual([true, false, true, true]);
  });

  describe("as a heap", () => {
    const alarmCount = 40;
    const operation = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant("set" as const),
          alarm: fc.nat({ max: alarmCount - 1 }),
          inMs: fc.nat({ max: 500 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant("clear" as const), alarm: fc.nat({ max: alarmCount - 1 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 20 }) }) },
    );
    type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never;

    test("ring in the order of a sorted array, whatever was set, set again and cleared", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 200, size: "max" }), async (operations) => {
          expect(await rungOf(operations)).toEqual(modelOf(operations));
        }),
        { numRuns: 60 },
      );
    });

    function modelOf(operations: readonly Operation[]): string[] {
      let set: { readonly alarm: number; readonly at: number }[] = [];
      let now = 0;
      const rung: string[] = [];
      for (const operation of [...operations, { do: "wait" as const, ms: 500 }]) {
        if (operation.do !== "wait") set = set.filter(({ alarm }) => alarm !== operation.alarm);
        if (operation.do === "set") set.push({ alarm: operation.alarm, at: now + operation.inMs });
        if (operation.do !== "wait") continue;
        now += operation.ms;
        const due = set.filter(({ at }) => at <= now).sort((one, other) => one.at - other.at);
        rung.push(...due.map(({ alarm, at }) => `${alarm} at ${at}`));
        set = set.filter(({ at }) => at > now);
      }
      return rung;
    }

    async function rungOf(operations: readonly Operation[]): Promise<string[]> {
      const { alarms, clock } = newAlarms();
      const rung: string[] = [];
      const all = Array.from(
        { length: alarmCount },
        (_, index) => new Alarm(() => rung.push(`${index} at ${clock.now()}`)),
      );
      for (const operation of operations) {
        if (operation.do === "wait") await clock.advance(operation.ms);
        else if (operation.do === "set") alarms.set(all[operation.alarm] as Alarm, clock.now() + operation.inMs);
        else alarms.clear(all[operation.alarm] as Alarm);
      }
      await clock.advance(500);
      return rung;
    }
  });
});

function newDeadline(alarms: Alarms, passDeadline: () => void): Deadline {
  return new Deadline(alarms, { passDeadline });
}

describe("Deadline", () => {
  test("passes once, after its time", async () => {
    const { alarms, clock } = newAlarms();
    const log: number[] = [];
    newDeadline(alarms, () => log.push(clock.now())).start(100);
    await clock.advance(1_000);
    expect(log).toEqual([100]);
  });

  test("is the last that was started, longer or shorter than those before", async () => {
    const { alarms, clock } = newAlarms();
    const log: number[] = [];
    const deadline = newDeadline(alarms, () => log.push(clock.now()));
    deadline.start(100);
    deadline.start(300);
    await clock.advance(200);
    deadline.start(50);
    await clock.advance(1_000);
    deadline.start(10);
    await clock.advance(1_000);
    expect(log).toEqual([250, 1_210]);
  });

  test("does not pass after it was stopped, and leaves the clock's timer alone", async () => {
    const { alarms, clock } = newAlarms();
    const deadline = newDeadline(alarms, () => expect(true).toBe(false));
    for (let round = 0; round < 100; round++) {
      deadline.start(100 + round);
      deadline.stop();
    }
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  test("of Infinity never passes", async () => {
    const { alarms, clock } = newAlarms();
    const deadline = newDeadline(alarms, () => expect(true).toBe(false));
    deadline.start(Infinity);
    expect(clock.pending).toBe(0);
    await clock.advance(2 ** 50);
    expect(clock.pending).toBe(0);
  });

  test("can start again when it passes", async () => {
    const { alarms, clock } = newAlarms();
    const log: number[] = [];
    const deadline = newDeadline(alarms, () => {
      log.push(clock.now());
      if (log.length < 3) deadline.start(10);
    });
    deadline.start(10);
    await clock.advance(100);
    expect(log).toEqual([10, 20, 30]);
  });

  test("counts as something that may happen for as long as somebody waits", async () => {
    const { alarms, clock, activity } = newAlarms();
    const deadline = newDeadline(alarms, () => undefined);
    const isNone = [activity.isNone];
    deadline.start(100);
    deadline.start(50);
    isNone.push(activity.isNone);
    deadline.stop();
    deadline.stop();
    isNone.push(activity.isNone);
    deadline.start(10);
    await clock.advance(10);
    isNone.push(activity.isNone);
    deadline.start(10);
    deadline.dispose();
    isNone.push(activity.isNone);
    expect(isNone).toEqual([true, false, true, true, true]);
  });
});

function newAlarms(clock: SimulatedClock = createSimulatedClock()) {
  const activity = new Activity();
  return { clock, activity, alarms: new Alarms(clock, new Scheduler(), activity) };
}
