import { describe, expect, test } from "@jest/globals";
import {
  createRuntime,
  err,
  Killed,
  namedSubject,
  newName,
  newSelector,
  ok,
  type OwnSubject,
  type Self,
  type Subject,
  spawn,
} from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { createWorld, inProcess, spawnIdle, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

describe("spawn never runs the function inside the call", () => {
  test.each<[string, (self: Self) => Self["spawn"]]>([
    ["spawn", () => spawn],
    ["runtime.spawn", ({ runtime }) => runtime.spawn.bind(runtime)],
    ["self.spawn", (self) => self.spawn.bind(self)],
    ["self.spawnUnlinked", (self) => self.spawnUnlinked.bind(self)],
  ])("%s", (_how, spawnOf) =>
    inProcess(async (self) => {
      const log: string[] = [];
      const process = spawnOf(self)(() => log.push("function"));
      expect(process.isAlive).toBe(true);
      log.push("spawn has returned");
      await process.settled;
      expect(log).toEqual(["spawn has returned", "function"]);
    }),
  );

  test("from within a mapper, an exit listener or a crash hook either", async () => {
    const log: string[] = [];
    const begin = (where: string): void => {
      runtime.spawn(() => log.push(`function from ${where}`));
      log.push(`spawned in ${where}`);
    };
    const runtime = createRuntime({ onCrash: () => begin("a hook") });
    const process = runtime.spawn((self, subject: OwnSubject<string>) =>
      self.receiveForever(
        newSelector().selectMap(subject, () => {
          begin("a mapper");
          throw new Error("oh");
        }),
      ),
    );
    process.onExit(() => begin("a listener"), "resource");
    await turns(1);
    process.subject.send("go");
    await turns();
    expect(log).toEqual([
      "spawned in a mapper",
      "function from a mapper",
      "spawned in a listener",
      "spawned in a hook",
      "function from a listener",
      "function from a hook",
    ]);
  });
});

describe("spawn", () => {
  test("starts processes in the order of the calls", () =>
    inProcess(async (_self, { runtime }) => {
      const log: number[] = [];
      const processes = [1, 2, 3].map((number) => runtime.spawn(() => log.push(number)));
      await Promise.all(processes.map(({ settled }) => settled));
      expect(log).toEqual([1, 2, 3]);
    }));

  test("hands the function its self and the subject behind process.subject", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async (self, subject: OwnSubject<string>) => [
        self.process,
        self.runtime,
        await self.receiveForever(subject),
      ]);
      process.subject.send("hello");
      const [itself, ...others] = await process.result;
      expect(itself).toBe(process);
      expect(others).toEqual([runtime, "hello"]);
    }));

  test("gives every process of a runtime a number of its own", () =>
    inProcess((_self, { runtime }) => {
      const ids = [1, 2, 3].map(() => spawnIdle(runtime).id);
      expect(new Set(ids).size).toBe(3);
    }));

  test("in the default runtime has no parent and the machine's own time", async () => {
    const process = spawn(async (self) => {
      await self.sleep(1);
      return self.runtime === spawn(() => undefined).runtime;
    });
    expect(await process.result).toBe(true);
  });

  test("starts a thousand processes from one another", () =>
    inProcess(async (_self, { runtime }) => {
      const start = (left: number): unknown => (left === 0 ? "the last" : runtime.spawn(() => start(left - 1)).result);
      expect(await runtime.spawn(() => start(1_000)).result).toBe("the last");
    }));
});

// What a JavaScript caller can do: no type stands in its way.
describe("spawn refuses", () => {
  test.each<[string, (self: Self) => unknown]>([
    ["spawn", () => spawn],
    ["runtime.spawn", ({ runtime }) => runtime.spawn.bind(runtime)],
    ["self.spawn", (self) => self.spawn.bind(self)],
    ["self.spawnUnlinked", (self) => self.spawnUnlinked.bind(self)],
  ])("what is no function, and what is no option: %s", (_how, spawnOf) =>
    inProcess(async (self, { crashes }) => {
      const start = spawnOf(self) as (run: unknown, options?: unknown) => unknown;
      const run = (): void => undefined;
      expect(() => start(5)).toThrow(new TypeError("Cannot spawn: run must be a function, received 5"));
      expect(() => start({ run })).toThrow(
        /^Cannot spawn: run must be a function, received \{ run: \[Function: run\] \}$/,
      );
      expect(() => start(run, { nmae: newName("ann") })).toThrow(
        new TypeError('Cannot spawn: unknown option "nmae", did you mean "name"?'),
      );
      expect(() => start(run, { supervisor: self })).toThrow(
        new TypeError('Cannot spawn: unknown option "supervisor"'),
      );
      expect(() => start(run, "ann")).toThrow(
        new TypeError('Cannot spawn: the options must be an object, received "ann"'),
      );
      await turns();
      expect(crashes).toEqual([]);
    }),
  );
});

describe("createRuntime", () => {
  test("refuses what is no option", () => {
    const create = createRuntime as (options: unknown) => unknown;
    expect(() => create({ onCrashed: () => undefined })).toThrow(
      new TypeError('Cannot create a runtime: unknown option "onCrashed", did you mean "onCrash"?'),
    );
    expect(() => create(createSimulatedClock())).toThrow(/^Cannot create a runtime: unknown option "now"$/);
  });
});

describe("idle", () => {
  test("resolves at once in a runtime where nothing happens", async () => {
    expect(await isSettledWithin(createWorld().runtime.idle())).toBe(true);
  });

  test("resolves when all processes have ended", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(() => turns(5));
    await runtime.idle();
    expect(process.isAlive).toBe(false);
  });

  test("resolves when all processes wait for messages", async () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    expect(process.isAlive).toBe(true);
    process.kill();
  });

  test("waits for messages on their way, however many turns they take", async () => {
    const { runtime } = createWorld();
    let received = 0;
    const receiver = runtime.spawn(async (self, subject: OwnSubject<number>) => {
      for (;;) {
        await self.receiveForever(subject);
        received++;
      }
    });
    for (let number = 0; number < 10_000; number++) receiver.subject.send(number);
    await runtime.idle();
    expect(received).toBe(10_000);
    receiver.kill();
  });

  test("waits for a process that is busy with something else", async () => {
    const { runtime } = createWorld();
    let finish: (() => void) | undefined;
    const process = runtime.spawn(() => new Promise<void>((resolve) => (finish = resolve)));
    const idle = runtime.idle();
    expect(await isSettledWithin(idle)).toBe(false);
    finish?.();
    expect(await isSettledWithin(idle)).toBe(true);
    expect(process.isAlive).toBe(false);
  });

  test.each<[string, (self: Self) => unknown]>([
    ["a timer", (self) => self.sendAfter(self.newSubject<string>(), 100, "x")],
    ["a receive with a time", (self) => self.receive(self.newSubject(), 100)],
    ["a sleep", (self) => self.sleep(100)],
  ])("waits for %s", async (_what, start) => {
    const { runtime, clock } = createWorld();
    const process = runtime.spawn(async (self) => {
      await start(self);
      await self.receiveForever(self.newSubject());
    });
    const idle = runtime.idle();
    expect(await isSettledWithin(idle)).toBe(false);
    await clock.advance(100);
    expect(await isSettledWithin(idle)).toBe(true);
    process.kill();
  });

  test("does not wait for the rest of a time that was not needed", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(async (self, subject: OwnSubject<string>) => {
      await self.receive(subject, 100);
      await self.receiveForever(subject);
    });
    await turns(1);
    process.subject.send("early");
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    process.kill();
  });

  test("resolves when a process sleeps without end, and waits for one that sleeps for a while", async () => {
    const { runtime, clock } = createWorld();
    runtime.spawn((self) => self.sleep(Infinity));
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    runtime.spawn(async (self) => {
      await self.sleep(10);
      await self.sleep(10);
    });
    const idle = runtime.idle();
    await clock.advance(10);
    expect(await isSettledWithin(idle)).toBe(false);
    await clock.advance(10);
    expect(await isSettledWithin(idle)).toBe(true);
    await runtime.stop();
  });

  test("resolves when a process waits without end for an answer that nobody gives", async () => {
    const { runtime } = createWorld();
    const callee = spawnIdle(runtime);
    const caller = runtime.spawn((self) => self.call(callee.subject, Infinity, () => undefined as never));
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    caller.kill();
  });

  test("resolves when a process waits for an answer and for a message at once, and waits for neither after that", async () => {
    const { runtime } = createWorld();
    const callee = await spawnPuppet(runtime);
    const { self } = await spawnPuppet(runtime);
    const [requests, inbox] = [callee.self.newSubject<Subject<string>>(), self.newSubject<string>()];
    const waiting = [self.receiveForever(inbox), self.call(requests, Infinity, (reply: Subject<string>) => reply)];
    callee.process.kill();
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    inbox.send("message");
    expect(await Promise.all(waiting)).toMatchObject(["message", { error: { type: "CalleeDown" } }]);
    const idle = runtime.idle();
    expect(await isSettledWithin(idle)).toBe(false); // its function goes on by itself
    self.process.kill();
    expect(await isSettledWithin(idle)).toBe(true);
  });

  test("resolves for everybody who asks, and again later", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(() => turns(3));
    await Promise.all([runtime.idle(), runtime.idle()]);
    expect(process.isAlive).toBe(false);
    runtime.spawn(() => undefined);
    await runtime.idle();
  });
});

describe("stop", () => {
  test("kills every process, and waits until those that only waited have returned", async () => {
    const { runtime, crashes } = createWorld();
    const log: string[] = [];
    const wait = async (name: string, waiting: Promise<unknown>): Promise<void> => {
      try {
        await waiting;
      } finally {
        log.push(name);
      }
    };
    const idle = spawnIdle(runtime);
    const processes = [
      idle,
      runtime.spawn((self) => wait("receive", self.receiveForever(self.newSubject()))),
      runtime.spawn((self) => wait("sleep", self.sleep(100))),
      runtime.spawn((self) =>
        wait(
          "call",
          self.call(idle.subject, 100, () => undefined as never),
        ),
      ),
    ];
    await turns(1);
    await runtime.stop();
    expect(log.sort()).toEqual(["call", "receive", "sleep"]);
    expect(await Promise.all(processes.map(({ exited }) => exited))).toEqual([Killed, Killed, Killed, Killed]);
    expect(crashes).toEqual([]);
  });

  test("does not wait for a function that goes on by itself", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(() => new Promise(() => undefined));
    await turns(1);
    expect(await isSettledWithin(runtime.stop())).toBe(true);
    expect(process.isAlive).toBe(false);
  });

  test("keeps a process that has not begun from beginning", async () => {
    const { runtime } = createWorld();
    let isBegun = false;
    const process = runtime.spawn(() => (isBegun = true));
    await runtime.stop();
    await process.settled;
    expect(isBegun).toBe(false);
  });

  test("lets no process start after it, nor from an exit listener of its own", async () => {
    const { runtime } = createWorld();
    const { self } = await spawnPuppet(runtime);
    const errors: unknown[] = [];
    self.process.onExit(() => void thrownBy(() => runtime.spawn(() => 1)).then((error) => errors.push(error)));
    await runtime.stop();
    errors.push(await thrownBy(() => runtime.spawn(() => 1)));
    const error = new Error("Cannot spawn in a runtime that has been stopped");
    expect(errors).toEqual([error, error]);
  });

  test("leaves a runtime that is idle", async () => {
    const { runtime, clock } = createWorld();
    runtime.spawn((self) => self.sleep(100));
    runtime.spawn((self) => self.receive(self.newSubject(), 100));
    runtime.spawn((self) => {
      self.sendEvery(self.newSubject<string>(), 100, "beat");
      return self.receiveForever(self.newSubject());
    });
    await turns(1);
    await runtime.stop();
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    await clock.advance(1_000);
  });

  test("may be called twice", async () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    await Promise.all([runtime.stop(), runtime.stop()]);
    await runtime.stop();
    expect(process.isAlive).toBe(false);
  });
});

describe("onDeadLetter hears of every message that nobody will receive, and why", () => {
  test("Exited: sent to a process that has ended, through a subject or as it is", () =>
    inProcess((_self, { runtime, deadLetters }) => {
      const process = runtime.spawn((_process, _subject: OwnSubject<string>) => undefined);
      process.kill();
      process.subject.send("sent");
      process.tell("told");
      const to = `process ${process.id}`;
      expect(deadLetters).toEqual([
        { message: "sent", to, why: "Exited" },
        { message: "told", to, why: "Exited" },
      ]);
    }));

  test("Unregistered: sent by a timer to a name that nobody holds", () =>
    inProcess(async (self, { clock, deadLetters }) => {
      self.sendAfter(namedSubject(newName<string>("nobody")), 1, "timed");
      await clock.advance(1);
      expect(deadLetters).toEqual([{ message: "timed", to: "nobody", why: "Unregistered" }]);
    }));

  test("Dropped: the answer to a call that is over", () =>
    inProcess(async (self, { clock, deadLetters }) => {
      const requests = self.newSubject<Subject<string>>();
      const answer = self.call(requests, 1, (reply: Subject<string>) => reply);
      await clock.advance(1);
      await answer;
      (await self.receiveForever(requests)).send("late");
      expect(deadLetters).toEqual([{ message: "late", to: "a call that is over", why: "Dropped" }]);
    }));

  test("and of nothing that is received, waits in a mailbox or was flushed", () =>
    inProcess(async (self, { deadLetters }) => {
      const subject = self.newSubject<number>();
      for (const number of [1, 2, 3]) subject.send(number);
      await self.receiveForever(subject);
      self.flushMessages();
      subject.send(4);
      expect(deadLetters).toEqual([]);
    }));

  test("and may throw: the sender hears nothing of it, and the error is an uncaught exception", async () => {
    const runtime = createRuntime({
      onDeadLetter: () => {
        throw new Error("the hook");
      },
    });
    const process = spawnIdle(runtime);
    process.kill();
    expect(await uncaughtDuring(() => process.tell("x"))).toEqual([new Error("the hook")]);
  });

  test("is left out: a dead letter is then nothing", async () => {
    const runtime = createRuntime();
    const process = spawnIdle(runtime);
    process.kill();
    expect(await uncaughtDuring(() => process.tell("x"))).toEqual([]);
  });
});

describe("two runtimes share nothing but addresses", () => {
  test("time stands still in one while it passes in the other", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const sleepers = [one, other].map(({ runtime }) => runtime.spawn((self) => self.sleep(100)));
    await one.clock.advance(100);
    expect(sleepers.map(({ isAlive }) => isAlive)).toEqual([false, true]);
    await other.runtime.stop();
  });

  test("each has its own hooks, also for what comes from the other", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const process = spawnIdle(one.runtime);
    process.kill();
    await other.runtime.spawn(() => process.tell("from the other")).settled;
    await other.runtime.spawn(() => Promise.reject(new Error("other"))).settled;
    expect([one.deadLetters.length, one.crashes.length]).toEqual([1, 0]);
    expect([other.deadLetters.length, other.crashes.length]).toEqual([0, 1]);
  });

  test("the end of one leaves the other", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const process = spawnIdle(other.runtime);
    await one.runtime.stop();
    expect(process.isAlive).toBe(true);
    expect(other.runtime.spawn(() => 1).isAlive).toBe(true);
    await other.runtime.stop();
  });

  test("one is idle while the other is busy", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const sleeper = other.runtime.spawn((self) => self.sleep(100));
    expect(await isSettledWithin(one.runtime.idle())).toBe(true);
    expect(await isSettledWithin(other.runtime.idle())).toBe(false);
    sleeper.kill();
  });

  test("a subject of one is an address in the other", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const receiver = one.runtime.spawn(async (self, subject: OwnSubject<string>) => [
      await self.receiveForever(subject),
      await self.receive(subject, 0),
    ]);
    await other.runtime.spawn(() => receiver.subject.send("hello")).settled;
    expect(await receiver.result).toEqual(["hello", err("Timeout")]);
  });

  test("a call from one is answered by the other, and hears of the callee's end", async () => {
    const [one, other] = [createWorld(), createWorld()];
    const callee = other.runtime.spawn(async (self, requests: OwnSubject<Subject<string>>) => {
      (await self.receiveForever(requests)).send("answer");
      await self.receiveForever(requests);
    });
    const caller = one.runtime.spawn(async (self) => [
      await self.call(callee.subject, 100, (reply: Subject<string>) => reply),
      await self.call(callee.subject, 100, (reply: Subject<string>) => reply),
    ]);
    await turns();
    expect(await caller.result).toEqual([ok("answer"), err({ type: "CalleeDown", reason: { type: "Normal" } })]);
  });
});
