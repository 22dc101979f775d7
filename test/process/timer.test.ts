import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type Clock,
  createRuntime,
  err,
  namedSubject,
  newName,
  newSelector,
  ok,
  type OwnSubject,
  type Self,
  type Subject,
  type Timer,
  unwrap,
} from "tankard";
import { createSimulatedClock, type SimulatedClock } from "tankard/testing";
import { createWorld, inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin } from "../support/turns.ts";

describe("sendAfter", () => {
  test("sends after its time, and not before", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      self.sendAfter(subject, 100, "now");
      await clock.advance(99);
      expect(await self.receive(subject, 0)).toEqual(err("Timeout"));
      await clock.advance(1);
      expect(await self.receive(subject, 0)).toEqual(ok("now"));
      await clock.advance(1_000);
      expect(self.flushMessages()).toBe(0);
    }));

  test("sends in the order of the times, and of equal times in the order of the calls", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      for (const [delayMs, message] of [
        [30, "c"],
        [10, "a1"],
        [20, "b"],
        [10, "a2"],
      ] as const) {
        self.sendAfter(subject, delayMs, message);
      }
      await clock.advance(30);
      expect(await everything(self, subject)).toEqual(["a1", "a2", "b", "c"]);
    }));

  test("with 0 comes after a message that is sent directly", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      self.sendAfter(subject, 0, "timer");
      subject.send("direct");
      await clock.advance(0);
      expect(await everything(self, subject)).toEqual(["direct", "timer"]);
    }));

  test("fires although its creator has ended", () =>
    inProcess(async (self, { runtime, clock }) => {
      const subject = self.newSubject<string>();
      const creator = runtime.spawn((other) => other.sendAfter(subject, 100, "from the dead"));
      await creator.settled;
      await clock.advance(100);
      expect(await self.receive(subject, 0)).toEqual(ok("from the dead"));
    }));

  test("ends with the process that it would send to, and leaves nothing", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const other = await spawnPuppet(runtime);
      const timer = self.sendAfter(other.self.newSubject<string>(), 100, "too late");
      other.process.kill();
      expect(self.cancelTimer(timer)).toEqual(err("TimerNotFound"));
      await clock.advance(100);
      expect(deadLetters).toEqual([]);
    }));

  test("to a process that has ended is no timer", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const gone = runtime.spawn((_gone, _subject: OwnSubject<string>) => undefined);
      await gone.exited;
      const timer = self.sendAfter(gone.subject, 100, "too late");
      expect(self.cancelTimer(timer)).toEqual(err("TimerNotFound"));
      await clock.advance(100);
      expect(deadLetters).toEqual([]);
    }));

  test("to a name finds out who holds it when it fires", () =>
    inProcess(async (self, { runtime, clock }) => {
      const name = newName<string>("later");
      const old = await spawnPuppet(runtime);
      unwrap(old.self.register(name));
      self.sendAfter(namedSubject(name), 100, "to whoever it is");
      await clock.advance(50);
      old.process.kill();
      const inbox = unwrap(self.register(name));
      await clock.advance(50);
      expect(await self.receive(inbox, 0)).toEqual(ok("to whoever it is"));
    }));

  test("to a name that nobody holds when it fires is a dead letter", () =>
    inProcess(async (self, { clock, deadLetters }) => {
      const name = newName<string>("nobody");
      self.sendAfter(namedSubject(name), 100, "lost");
      await clock.advance(99);
      expect(deadLetters).toEqual([]);
      await clock.advance(1);
      expect(deadLetters).toEqual([{ message: "lost", to: "nobody", why: "Unregistered" }]);
    }));

  test("delivers the answer to a call, as a direct send does", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const callee = runtime.spawn(async (other, requests: OwnSubject<{ readonly reply: Subject<string> }>) => {
        const { reply } = await other.receiveForever(requests);
        other.sendAfter(reply, 50, "after some thought");
        await other.receiveForever(requests);
      });
      const answer = self.call(callee.subject, 100, (reply: Subject<string>) => ({ reply }));
      await clock.advance(100);
      expect(await answer).toEqual(ok("after some thought"));
      expect(deadLetters).toEqual([]);
    }));

  test.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])("waits %d ms, though Node's timers may end before", (delayMs) =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      self.sendAfter(subject, delayMs, "at last");
      await clock.advance(delayMs - 1);
      expect(await self.receive(subject, 0)).toEqual(err("Timeout"));
      await clock.advance(1);
      expect(await self.receive(subject, 0)).toEqual(ok("at last"));
    }),
  );

  test("never asks the clock for more than Node's longest delay", async () => {
    const { clock, delays } = recordingClock();
    const runtime = createRuntime({ clock });
    const { self } = await spawnPuppet(runtime);
    self.sendAfter(self.newSubject<string>(), 2 ** 32 - 1, "late");
    await clock.advance(2 ** 32);
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
    await runtime.stop();
  });

  test.each([-1, Number.NaN, 2 ** 32, -Infinity])(
    "throws a RangeError for %p ms, with the number in the text",
    (delayMs) =>
      inProcess(async (self, { clock }) => {
        const subject = self.newSubject<string>();
        const text = `must be from 0 to 4294967295 milliseconds or Infinity, received ${delayMs}`;
        expect(await thrownBy(() => self.sendAfter(subject, delayMs, "x"))).toEqual(
          new RangeError(`Cannot send after a delay: delayMs ${text}`),
        );
        expect(clock.pending).toBe(0);
      }),
  );
});

describe("sendEvery", () => {
  test("sends at every beat, the first after one period", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      self.sendEvery(subject, 100, "beat");
      const counts = [];
      for (const ms of [99, 1, 99, 1, 300]) {
        await clock.advance(ms);
        counts.push((await everything(self, subject)).length);
      }
      expect(counts).toEqual([0, 1, 0, 1, 3]);
    }));

  test("does not drift where the clock's timers are late", async () => {
    const late = lateClock(7);
    const runtime = createRuntime({ clock: late });
    const { self } = await spawnPuppet(runtime);
    const subject = self.newSubject<string>();
    self.sendEvery(subject, 100, "beat");
    const beats = [];
    for (let ms = 0; ms < 2_000; ms++) {
      await late.advance(1);
      for (const _ of await everything(self, subject)) beats.push(late.now());
    }
    // Each is late, but none later than the one before.
    expect(beats.slice(0, 5)).toEqual([107, 207, 307, 407, 507]);
    expect(beats.at(-1)).toBe(1_907);
    await runtime.stop();
  });

  test("leaves out the beats that a busy program slept through, and keeps the beat", async () => {
    const clock = createSimulatedClock();
    let oversleptMs = 0;
    const runtime = createRuntime({ clock: { ...clock, now: () => clock.now() + oversleptMs } });
    const { self } = await spawnPuppet(runtime);
    const subject = self.newSubject<string>();
    self.sendEvery(subject, 100, "beat");
    oversleptMs = 430;
    await clock.advance(100); // it is 530 now: the beats of 200 to 500 have been missed
    expect(await everything(self, subject)).toEqual(["beat"]);
    await clock.advance(69);
    expect(await everything(self, subject)).toEqual([]);
    await clock.advance(1);
    expect(await everything(self, subject)).toEqual(["beat"]); // the one of 600
    await runtime.stop();
  });

  test("goes on until it is cancelled", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const timer = self.sendEvery(subject, 10, "beat");
      await clock.advance(35);
      expect(self.cancelTimer(timer)).toEqual(ok(5));
      await clock.advance(100);
      expect(await everything(self, subject)).toHaveLength(3);
    }));

  test("ends with the process that it sends to, not with its creator", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const receiver = await spawnPuppet(runtime);
      const creator = await spawnPuppet(runtime);
      const subject = receiver.self.newSubject<string>();
      const timer = creator.self.sendEvery(subject, 10, "beat");
      creator.process.kill();
      await clock.advance(20);
      expect(receiver.self.flushMessages()).toBe(2);
      receiver.process.kill();
      await clock.advance(20);
      expect(self.cancelTimer(timer)).toEqual(err("TimerNotFound"));
      expect(deadLetters).toEqual([]);
    }));

  test("to a name reaches whoever holds it at each beat", () =>
    inProcess(async (self, { clock, deadLetters }) => {
      const name = newName<string>("now and then");
      const timer = self.sendEvery(namedSubject(name), 10, "beat");
      await clock.advance(10);
      const inbox = unwrap(self.register(name));
      await clock.advance(20);
      unwrap(self.unregister(name));
      await clock.advance(10);
      expect(await everything(self, inbox)).toEqual(["beat", "beat"]);
      expect(deadLetters.map(({ why }) => why)).toEqual(["Unregistered", "Unregistered"]);
      unwrap(self.cancelTimer(timer));
    }));

  test("stops where the receiver ends because of a beat", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const receiver = runtime.spawn((other, beats: OwnSubject<string>) =>
        other.receiveForever(newSelector().selectMap(beats, () => other.exit({ type: "Normal" }))),
      );
      self.sendEvery(receiver.subject, 10, "beat");
      await clock.advance(100);
      expect(receiver.isAlive).toBe(false);
      expect(deadLetters).toEqual([]);
    }));

  test.each([0, 0.5, -1, Number.NaN, 2 ** 32])("throws a RangeError for a period of %p ms", (periodMs) =>
    inProcess(async (self, { clock }) => {
      const error = await thrownBy(() => self.sendEvery(self.newSubject<string>(), periodMs, "x"));
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).toMatch(/^Cannot send every period: periodMs must be /);
      expect((error as Error).message).toContain(`received ${periodMs}`);
      expect(clock.pending).toBe(0);
    }),
  );
});

describe("cancelTimer", () => {
  test("keeps the message from coming, and gives the milliseconds that were left", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const timer = self.sendAfter(subject, 100, "never");
      await clock.advance(30);
      expect(self.cancelTimer(timer)).toEqual(ok(70));
      await clock.advance(1_000);
      expect(await self.receive(subject, 0)).toEqual(err("Timeout"));
    }));

  test("says TimerNotFound for one that has fired, whose message stays", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const timer = self.sendAfter(subject, 100, "fired");
      await clock.advance(100);
      expect(self.cancelTimer(timer)).toEqual(err("TimerNotFound"));
      expect(await self.receive(subject, 0)).toEqual(ok("fired"));
    }));

  test("says TimerNotFound the second time", () =>
    inProcess((self) => {
      const timer = self.sendAfter(self.newSubject<string>(), 100, "never");
      expect([self.cancelTimer(timer), self.cancelTimer(timer)]).toEqual([ok(100), err("TimerNotFound")]);
    }));

  test("stops anybody's timer", () =>
    inProcess(async (self, { runtime, clock }) => {
      const other = await spawnPuppet(runtime);
      const subject = self.newSubject<string>();
      const timer = self.sendAfter(subject, 100, "never");
      expect(other.self.cancelTimer(timer)).toEqual(ok(100));
      await clock.advance(100);
      expect(self.flushMessages()).toBe(0);
    }));

  test("throws for what is no timer", () =>
    inProcess(async (self) => {
      expect(await thrownBy(() => self.cancelTimer({ id: 1 }))).toEqual(
        new TypeError("Cannot cancel: expected a timer that sendAfter or sendEvery made"),
      );
    }));

  test("leaves a runtime idle that waited for nothing but the timer", async () => {
    const { runtime } = createWorld();
    const receiver = runtime.spawn((self, subject: OwnSubject<string>) => self.receiveForever(subject));
    const timer = await runtime.spawn((self) => self.sendAfter(receiver.subject, 100, "never")).result;
    const idle = runtime.idle();
    expect(await isSettledWithin(idle)).toBe(false);
    await runtime.spawn((self) => self.cancelTimer(timer)).settled;
    expect(await isSettledWithin(idle)).toBe(true);
    await runtime.stop();
  });
});

describe("sleep", () => {
  test.each([-1, Number.NaN, -Infinity])("throws a RangeError for %p ms, with the number in the text", (ms) =>
    inProcess(async (self, { clock }) => {
      const refused = new RangeError(`Cannot sleep: ms must be 0 or more, received ${ms}`);
      expect(await thrownBy(() => self.sleep(ms))).toEqual(refused);
      expect(clock.pending).toBe(0);
    }),
  );

  test("may be longer than Erlang's longest time-out, and for ever", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const long = runtime.spawn((self) => self.sleep(2 ** 32));
      const endless = runtime.spawn((self) => self.sleep(Infinity));
      await clock.advance(2 ** 32 - 1);
      expect(long.isAlive).toBe(true);
      await clock.advance(1);
      expect([long.isAlive, endless.isAlive]).toEqual([false, true]);
    }));

  test("does nothing for its time, while messages wait in order", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const process = runtime.spawn(async (self, subject: OwnSubject<string>) => {
        await self.sleep(100);
        return [clock.now(), await self.receive(subject, 0), await self.receive(subject, 0)];
      });
      process.subject.send("first");
      await clock.advance(50);
      process.subject.send("second");
      await clock.advance(100);
      expect(await process.result).toEqual([100, ok("first"), ok("second")]);
    }));

  test("is several at a time, each of its own length", () =>
    inProcess(async (self, { clock }) => {
      const log: number[] = [];
      const all = [30, 10, 20].map((ms) => self.sleep(ms).then(() => log.push(clock.now())));
      await clock.advance(30);
      await Promise.all(all);
      expect(log).toEqual([10, 20, 30]);
    }));

  test("of 0 ms lets the clock have a look", () =>
    inProcess(async (self, { clock }) => {
      const slept = self.sleep(0);
      expect(await isSettledWithin(slept, 3)).toBe(false);
      await clock.advance(0);
      expect(await isSettledWithin(slept, 1)).toBe(true);
    }));
});

describe("timers of many kinds", () => {
  const order = fc.array(
    fc.record({ delayMs: fc.nat({ max: 40 }), cancelledAtMs: fc.option(fc.nat({ max: 40 }), { nil: undefined }) }),
    { maxLength: 30 },
  );

  test("fire in the order of their times, except for those cancelled before", async () => {
    await fc.assert(
      fc.asyncProperty(order, async (timers) => {
        expect(await firedOf(timers)).toEqual(modelOf(timers));
      }),
      { numRuns: 100 },
    );
  });

  type Timers = typeof order extends fc.Arbitrary<infer T> ? T : never;

  // A cancellation in the very millisecond comes after what is due.
  function modelOf(timers: Timers): unknown[] {
    return timers
      .map((timer, number) => ({ ...timer, number }))
      .filter(({ delayMs, cancelledAtMs }) => cancelledAtMs === undefined || delayMs <= cancelledAtMs)
      .sort((one, other) => one.delayMs - other.delayMs)
      .map(({ delayMs, number }) => `${number} at ${delayMs}`);
  }

  function firedOf(timers: Timers): Promise<unknown[]> {
    return inProcess(async (self, { clock }) => {
      const fired: string[] = [];
      const subject = self.newSubject<number>();
      const set: Timer[] = timers.map(({ delayMs }, number) => self.sendAfter(subject, delayMs, number));
      for (let now = 0; now <= 40; now++) {
        await clock.advance(now === 0 ? 0 : 1);
        for (const number of await everything(self, subject)) fired.push(`${number} at ${now}`);
        timers.forEach(({ cancelledAtMs }, number) => {
          if (cancelledAtMs === now) self.cancelTimer(set[number] as Timer);
        });
      }
      return fired;
    });
  }
});

async function everything<M>(self: Self, subject: OwnSubject<M>): Promise<M[]> {
  const messages: M[] = [];
  for (let next = await self.receive(subject, 0); next.ok; next = await self.receive(subject, 0)) {
    messages.push(next.value);
  }
  return messages;
}

/** A simulated clock that keeps what it was asked for. */
function recordingClock(): { clock: SimulatedClock; delays: number[] } {
  const clock = createSimulatedClock();
  const delays: number[] = [];
  const setTimeout: Clock["setTimeout"] = (callback, ms) => {
    delays.push(ms);
    return clock.setTimeout(callback, ms);
  };
  return { clock: { ...clock, setTimeout }, delays };
}

/** A simulated clock whose timers all ring too late. */
function lateClock(lateMs: number): SimulatedClock {
  const clock = createSimulatedClock();
  return { ...clock, setTimeout: (callback, ms) => clock.setTimeout(callback, ms + lateMs) };
}
