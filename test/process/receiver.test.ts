import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Clock, createRuntime, err, newSelector, ok, type OwnSubject, type Selector } from "tankard";
import { inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

describe("a mailbox is first in, first out for each sender and receiver", () => {
  test("across more messages than one slice of the scheduler, and across awaits of the senders", () =>
    inProcess(async (self, { runtime }) => {
      const inbox = self.newSubject<{ readonly from: number; readonly number: number }>();
      const perSender = 2_000;
      for (const from of [0, 1, 2]) {
        runtime.spawn(async () => {
          for (let number = 0; number < perSender; number++) {
            inbox.send({ from, number });
            if (number % (7 + from) === 0) await Promise.resolve();
            if (number % (501 + from) === 0) await turns(1);
          }
        });
      }
      const next = [0, 0, 0];
      for (let left = 3 * perSender; left > 0; left--) {
        const { from, number } = await self.receiveForever(inbox);
        if (number !== next[from]) throw new Error(`${number} of ${from} came where ${next[from]} was next`);
        next[from] = number + 1;
      }
      expect(next).toEqual([perSender, perSender, perSender]);
    }));

  test("over all its subjects and untyped messages together", () =>
    inProcess(async (self) => {
      const [a, b] = [self.newSubject<number>(), self.newSubject<number>()];
      const all = newSelector()
        .select(a)
        .select(b)
        .selectOther((message) => message as number);
      const order: number[] = [];
      for (let number = 0; number < 3_000; number++) {
        if (number % 3 === 0) a.send(number);
        else if (number % 3 === 1) b.send(number);
        else self.process.tell(number);
      }
      for (let left = 3_000; left > 0; left--) order.push(await self.receiveForever(all));
      expect(order).toEqual(Array.from({ length: 3_000 }, (_, number) => number));
    }));

  test("handles one message at a time, also across awaits", () =>
    inProcess(async (_self, { runtime }) => {
      const log: string[] = [];
      const worker = runtime.spawn(async (self, jobs: OwnSubject<number>) => {
        for (let left = 3; left > 0; left--) {
          const job = await self.receiveForever(jobs);
          log.push(`begin ${job}`);
          await turns(job);
          log.push(`end ${job}`);
        }
      });
      for (const job of [3, 1, 2]) worker.subject.send(job);
      await worker.exited;
      expect(log).toEqual(["begin 3", "end 3", "begin 1", "end 1", "begin 2", "end 2"]);
    }));
});

describe("receive", () => {
  test("takes the oldest message of the subject and leaves the others", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      subject.send("first");
      subject.send("second");
      expect(await self.receive(subject, 100)).toEqual(ok("first"));
      expect(self.flushMessages()).toBe(1);
    }));

  test("leaves messages that came through no subject", () =>
    inProcess(async (self) => {
      self.process.tell("untyped");
      expect(await self.receive(self.newSubject(), 0)).toEqual(err("Timeout"));
      expect(await self.receive(newSelector().selectOther(String), 0)).toEqual(ok("untyped"));
    }));

  test("with 0 looks and does not wait", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      expect(await self.receive(subject, 0)).toEqual(err("Timeout"));
      subject.send("here");
      expect(await self.receive(subject, 0)).toEqual(ok("here"));
    }));

  test("with 0 finds what is there also when the slice of the scheduler is spent", () =>
    inProcess(async (self) => {
      const [subject, empty] = [self.newSubject<number>(), self.newSubject<number>()];
      for (let number = 0; number < 5_000; number++) subject.send(number);
      for (let number = 0; number < 5_000; number++) {
        const result = await self.receive(number % 2 === 0 ? subject : empty, 0);
        if (result.ok !== (number % 2 === 0)) throw new Error(`Receive ${number} gave ${JSON.stringify(result)}`);
      }
      expect(self.flushMessages()).toBe(2_500);
    }));

  test("says Timeout after its time, and not before", () =>
    inProcess(async (self, { clock }) => {
      const waiting = self.receive(self.newSubject(), 100);
      await clock.advance(99);
      expect(await isSettledWithin(waiting)).toBe(false);
      await clock.advance(1);
      expect(await isSettledWithin(waiting)).toBe(true);
      expect(await waiting).toEqual(err("Timeout"));
    }));

  test("leaves a message that comes after the time-out for the next receive", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const waiting = self.receive(subject, 100);
      await clock.advance(100);
      subject.send("late");
      expect(await waiting).toEqual(err("Timeout"));
      expect(await self.receive(subject, 0)).toEqual(ok("late"));
    }));

  test("has its whole time although an earlier receive had less", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const first = self.receive(subject, 50);
      subject.send("early");
      await first;
      const second = self.receive(subject, 100).then((result) => [clock.now(), result]);
      await clock.advance(200);
      expect(await second).toEqual([100, err("Timeout")]);
    }));

  test("has no more than its time although an earlier receive had more", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const first = self.receive(subject, 100);
      subject.send("early");
      await first;
      const second = self.receive(subject, 50).then((result) => [clock.now(), result]);
      await clock.advance(200);
      expect(await second).toEqual([50, err("Timeout")]);
    }));

  test("with Infinity waits for ever and sets no timer", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const waiting = self.receive(subject, Infinity);
      expect(clock.pending).toBe(0);
      await clock.advance(2 ** 40);
      expect(await isSettledWithin(waiting)).toBe(false);
      subject.send("at last");
      expect(await waiting).toEqual(ok("at last"));
    }));

  test("waits up to 2^32 - 1 ms, which no timer of Node's does", () =>
    inProcess(async (self, { clock }) => {
      const waiting = self.receive(self.newSubject(), 2 ** 32 - 1).then((result) => [clock.now(), result]);
      await clock.advance(2 ** 32);
      expect(await waiting).toEqual([2 ** 32 - 1, err("Timeout")]);
    }));

  test("gives the message that comes in the moment of the time-out", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      self.sendAfter(subject, 100, "just in time");
      const waiting = self.receive(subject, 100);
      await clock.advance(100);
      expect(await waiting).toEqual(ok("just in time"));
    }));

  test("gives a message that came in time, but waits for the next slice of the scheduler", async () => {
    const clock = handClock();
    const runtime = createRuntime({ clock });
    const { self } = await spawnPuppet(runtime);
    const [subject, other] = [self.newSubject<string>(), self.newSubject<number>()];
    const waiting = self.receive(subject, 100);
    for (let number = 0; number < 2_000; number++) other.send(number); // the slice is spent
    subject.send("in time");
    clock.ring(100);
    expect(await waiting).toEqual(ok("in time"));
    await runtime.stop();
  });

  // Erlang looks into the mailbox first; here a wrong time is a mistake whatever waits.
  test.each([-1, -0.5, Number.NaN, 2 ** 32, -Infinity])(
    "throws a RangeError for %p ms, with the number in the text, and takes nothing",
    (withinMs) =>
      inProcess(async (self) => {
        const subject = self.newSubject<string>();
        subject.send("still here");
        expect(await thrownBy(() => self.receive(subject, withinMs))).toEqual(
          new RangeError(
            `Cannot receive: withinMs must be from 0 to 4294967295 milliseconds or Infinity, received ${withinMs}`,
          ),
        );
        expect(await self.receive(subject, 0)).toEqual(ok("still here"));
      }),
  );

  test("throws for a subject of another process", () =>
    inProcess(async (self, { runtime }) => {
      const foreign = runtime.spawn((_other, subject: OwnSubject<string>) => subject);
      const subject = await foreign.result;
      const error = new Error("Cannot receive with a subject owned by another process");
      expect(await thrownBy(() => self.receive(subject, 0))).toEqual(error);
      expect(await thrownBy(() => self.receiveForever(subject))).toEqual(error);
    }));

  test("throws while another receive of the process is pending, which goes on", () =>
    inProcess(async (self) => {
      const [a, b] = [self.newSubject<string>(), self.newSubject<string>()];
      const error = new Error("Cannot receive while another receive of this process is pending");
      const pending = self.receive(a, 100);
      b.send("there");
      expect(await thrownBy(() => self.receive(b, 0))).toEqual(error);
      expect(await thrownBy(() => self.receiveForever(b))).toEqual(error);
      a.send("here");
      expect(await pending).toEqual(ok("here"));
      expect(await self.receive(b, 0)).toEqual(ok("there"));
    }));

  test("works again after one that timed out, threw or was answered", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const late = self.receive(subject, 1);
      await clock.advance(1);
      await late;
      const refused = thrownBy(() =>
        self.receiveForever(
          newSelector().selectMap(subject, () => {
            throw new Error("refused");
          }),
        ),
      );
      subject.send("bad");
      await refused;
      subject.send("good");
      expect(await self.receive(subject, 0)).toEqual(ok("good"));
    }));
});

describe("receiveForever", () => {
  test("gives the message as it is, not as a Result", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      subject.send("was there");
      expect(await self.receiveForever(subject)).toBe("was there");
      const waiting = self.receiveForever(subject);
      subject.send("came later");
      expect(await waiting).toBe("came later");
    }));

  test("takes a selector as well", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<number>();
      const waiting = self.receiveForever(newSelector().selectMap(subject, (number) => number * 2));
      subject.send(21);
      expect(await waiting).toBe(42);
    }));

  test("is not ended by the time of an earlier receive", () =>
    inProcess(async (self, { clock }) => {
      const subject = self.newSubject<string>();
      const first = self.receive(subject, 50);
      subject.send("early");
      await first;
      const second = self.receiveForever(subject);
      await clock.advance(100);
      expect(await isSettledWithin(second)).toBe(false);
      subject.send("late");
      expect(await second).toBe("late");
    }));

  test("waits however long it takes", () =>
    inProcess(async (self, { clock }) => {
      const waiting = self.receiveForever(self.newSubject());
      await clock.advance(2 ** 33);
      expect(await isSettledWithin(waiting)).toBe(false);
      void waiting.catch(() => undefined); // the test's end wakes it
    }));
});

describe("flushMessages", () => {
  test("throws everything away and says how much that was", () =>
    inProcess(async (self, { runtime, clock }) => {
      const subject = self.newSubject<string>();
      subject.send("typed");
      self.process.tell("untyped");
      self.process.tell(["record", 1]);
      self.trapExits(true);
      self.process.sendExit();
      const other = runtime.spawn(() => undefined);
      self.monitor(other);
      await clock.advance(0);
      expect(self.flushMessages()).toBe(5);
      expect(self.flushMessages()).toBe(0);
      expect(await self.receive(newSelector().selectOther(String), 0)).toEqual(err("Timeout"));
    }));

  test("keeps nothing from coming later", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      subject.send("before");
      self.flushMessages();
      subject.send("after");
      expect(await self.receive(subject, 0)).toEqual(ok("after"));
    }));
});

describe("receives with a time-out among messages that come in time", () => {
  interface Arrival {
    readonly subject: number;
    readonly atMs: number;
  }
  interface Wait {
    readonly subjects: readonly number[];
    readonly withinMs: number;
  }
  const subjectNumbers = [0, 1, 2];
  const arrivals = fc.array(
    fc.record({ subject: fc.constantFrom(...subjectNumbers), atMs: fc.integer({ min: 1, max: 30 }) }),
    { maxLength: 15 },
  );
  const waits = fc.array(
    fc.record({ subjects: fc.subarray(subjectNumbers), withinMs: fc.integer({ min: 0, max: 12 }) }),
    { maxLength: 10 },
  );

  const end = fc.option(fc.nat({ max: 60 }), { nil: Infinity });

  test("give what a list of arrivals gives that is searched from the oldest, up to the end of the process", async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, waits, end, async (messages, receives, killedAtMs) => {
        const results = await receiveInTime(messages, receives, killedAtMs);
        expect(results).toEqual(model(messages, receives).filter(({ at }) => at <= killedAtMs));
      }),
      { numRuns: 150 },
    );
  });

  // What is due in one moment comes before the process goes on, and before a time-out of the same moment.
  function model(messages: readonly Arrival[], receives: readonly Wait[]): TimedResult[] {
    const left = messages.map((message, number) => ({ ...message, number })).sort((a, b) => a.atMs - b.atMs);
    let now = 0;
    return receives.map(({ subjects, withinMs }) => {
      const index = left.findIndex(({ subject, atMs }) => subjects.includes(subject) && atMs <= now + withinMs);
      const [found] = index === -1 ? [] : left.splice(index, 1);
      now = found === undefined ? now + withinMs : Math.max(now, found.atMs);
      return { at: now, result: found === undefined ? err("Timeout") : ok(found.number) };
    });
  }

  function receiveInTime(
    messages: readonly Arrival[],
    receives: readonly Wait[],
    killedAtMs: number,
  ): Promise<TimedResult[]> {
    return inProcess(async (_self, { runtime, clock, deadLetters }) => {
      const results: TimedResult[] = [];
      const receiver = runtime.spawn(async (self) => {
        const subjects = subjectNumbers.map(() => self.newSubject<number>());
        messages.forEach(({ subject, atMs }, number) => {
          self.sendAfter(subjects[subject] as OwnSubject<number>, atMs, number);
        });
        for (const wait of receives) {
          const result = await self.receive(selectorOf(subjects, wait), wait.withinMs);
          results.push({ at: clock.now(), result });
        }
        await self.receiveForever(newSelector());
      });
      // In single steps, with turns between them: however many slices the receiver needs, the time is the same.
      for (let ms = 0; ms <= 130; ms++) {
        await turns(1);
        if (ms === killedAtMs) receiver.kill();
        await clock.advance(1);
      }
      if (deadLetters.length > 0) throw new Error("A timer outlived its receiver");
      return results;
    });
  }

  interface TimedResult {
    readonly at: number;
    readonly result: unknown;
  }

  function selectorOf(subjects: readonly OwnSubject<number>[], wait: Wait): Selector<number> {
    let selector: Selector<number> = newSelector();
    for (const subject of wait.subjects) selector = selector.select(subjects[subject] as OwnSubject<number>);
    return selector;
  }
});

/** A clock whose one timer rings when a test says so, at once. */
function handClock(): Clock & { ring(now: number): void } {
  let time = 0;
  let callback = (): void => undefined;
  return {
    now: () => time,
    setTimeout: (ring) => {
      callback = ring;
    },
    clearTimeout: () => undefined,
    ring: (now) => {
      time = now;
      callback();
    },
  };
}
