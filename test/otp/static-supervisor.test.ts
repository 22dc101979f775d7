import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  err,
  type ExitReason,
  Killed,
  namedSubject,
  newName,
  newSelector,
  Normal,
  ok,
  type OwnSubject,
  type Process,
  selectTrappedExits,
  type Self,
  unwrap,
} from "tankard";
import { type ChildSpec, type Restart, startSupervisor, type Supervisor, type SupervisorOptions } from "tankard/otp";
import { start } from "../../src/otp/start.ts";
import { newFamily } from "../support/family.ts";
import { inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

const oops = new Error("oops");
const exits = selectTrappedExits(newSelector(), (exit) => exit);

/** Its ids, with a "!" for those that do not run. */
function listing(supervisor: Supervisor): string[] {
  return supervisor.children().map(({ id, process }) => (process === undefined ? `${id}!` : id));
}

async function started(self: Self, options: Partial<SupervisorOptions>): Promise<Supervisor> {
  self.trapExits(true);
  return unwrap(await startSupervisor({ strategy: "OneForOne", children: [], ...options }, self)).data;
}

/** The supervisor's end, as its parent hears of it. */
async function endOf(self: Self, supervisor: Supervisor): Promise<ExitReason> {
  const exit = unwrap(await self.receive(exits, 0));
  expect(exit.owner).toBe(supervisor.process);
  return exit.reason;
}

describe("startSupervisor", () => {
  test("starts its children in order, each after the one before has started", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b", "c") });
      expect(family.history()).toEqual(["+a", "+b", "+c"]);
      expect(listing(supervisor)).toEqual(["a", "b", "c"]);
      expect(supervisor.children()[1]?.process).toBe(family.member("b").process);
    }));

  test.each<[string, Partial<ChildSpec>, string]>([
    ["gives an error", { start: () => Promise.resolve(err({ type: "InitTimeout" })) }, "its initialiser took too long"],
    ["fails to initialise", { start: () => Promise.resolve(err({ type: "InitFailed", reason: oops })) }, "oops"],
    ["rejects", { start: () => Promise.reject(oops) }, "oops"],
    [
      "throws",
      {
        start: () => {
          throw oops;
        },
      },
      "oops",
    ],
    [
      "is killed",
      { start: () => Promise.resolve(err({ type: "InitExited", reason: Killed })) },
      "it ended first, { type: 'Killed' }",
    ],
  ])("stops those before a child whose start %s, the last first, and names it", (_what, changes, why) =>
    inProcess(async (self, { crashes }) => {
      const family = newFamily();
      const children = [...family.specs("a", "b"), family.spec("c", changes), family.spec("d")];
      const result = await startSupervisor({ strategy: "OneForOne", children }, self);
      expect(result).toMatchObject({ error: { type: "InitFailed", reason: expect.any(Error) } });
      expect(String((result as unknown as { error: { reason: unknown } }).error.reason)).toBe(
        `Error: Child "c" did not start: ${why}`,
      );
      expect(family.history()).toEqual(["+a", "+b", "-b", "-a"]);
      expect(crashes).toEqual([]);
    }),
  );

  test("runs without a parent, in a runtime", () =>
    inProcess(async (_self, { runtime }) => {
      const family = newFamily();
      const { data } = unwrap(await startSupervisor({ strategy: "OneForOne", children: family.specs("a") }, runtime));
      family.member("a").process.kill();
      await turns();
      expect(family.history()).toEqual(["+a", "-a", "+a"]);
      await data.stop();
      expect(family.history()).toEqual(["-a"]);
    }));

  test.each<[string, unknown, string]>([
    ["an option that does not exist", { stratgy: "OneForOne" }, `unknown option "stratgy", did you mean "strategy"?`],
    [
      "a strategy that does not exist",
      { strategy: "one" },
      `strategy must be one of "OneForOne", "OneForAll", "RestForOne", received "one"`,
    ],
    ["no children", { children: undefined }, "children must be an array, received undefined"],
    ["a child without an id", { children: [{ start }] }, "the id of a child must be a string, received undefined"],
    [
      "a child without a start",
      { children: [{ id: "a" }] },
      `start of child "a" must be a function, received undefined`,
    ],
    [
      "a restart that does not exist",
      { children: [{ id: "a", start, restart: "Always" }] },
      `restart must be one of "Permanent", "Transient", "Temporary", received "Always"`,
    ],
    ["an option of a child", { children: [{ id: "a", start, shutdown: 5 }] }, `unknown option "shutdown"`],
    [
      "two children of one id",
      {
        children: [
          { id: "a", start },
          { id: "a", start },
        ],
      },
      `two children have the id "a"`,
    ],
    [
      "a significant child that is Permanent",
      { autoShutdown: "AnySignificant", children: [{ id: "a", start, significant: true }] },
      `child "a" is significant, so it cannot be "Permanent"`,
    ],
    [
      "a significant child where nothing is",
      { children: [{ id: "a", start, restart: "Transient", significant: true }] },
      `child "a" is significant, but autoShutdown is "Never"`,
    ],
    [
      "a negative time",
      { children: [{ id: "a", start, shutdownTimeoutMs: -1 }] },
      "shutdownTimeoutMs must be from 0 to 4294967295 milliseconds or Infinity, received -1",
    ],
    [
      "a negative intensity",
      { restartTolerance: { intensity: -1, periodMs: 1 } },
      "intensity must be 0, a whole number above or Infinity, received -1",
    ],
    ["no period", { restartTolerance: { intensity: 1, periodMs: 0 } }, "periodMs must be above 0, received 0"],
    [
      "a back-off the wrong way round",
      { backoff: { minMs: 2, maxMs: 1 } },
      "minMs must be above 0 and at most maxMs, received 2 and 1",
    ],
  ])("throws for %s", async (_what, options, message) => {
    const thrown = await thrownBy(() =>
      startSupervisor({ strategy: "OneForOne", children: [], ...(options as Partial<SupervisorOptions>) }),
    );
    expect(String(thrown)).toMatch(/^(TypeError|RangeError): /);
    expect((thrown as Error).message).toContain(`Cannot start a supervisor: ${message}`);
  });
});

describe("a child that ends", () => {
  const crash = Abnormal(oops);
  const ends = [Normal, Abnormal("shutdown"), crash, Killed];

  test.each<{ restart: Restart; again: ExitReason[] }>([
    { restart: "Permanent", again: ends },
    { restart: "Transient", again: [crash, Killed] },
    { restart: "Temporary", again: [] },
  ])("and is $restart is started again after the right reasons", ({ restart, again }) =>
    inProcess(async (self) => {
      for (const reason of ends) {
        const family = newFamily();
        const supervisor = await started(self, { children: [family.spec("a", { restart })] });
        family.member("a").self.exit(reason);
        await turns();
        expect(family.history()).toEqual(again.includes(reason) ? ["+a", "-a", "+a"] : ["+a", "-a"]);
        // A transient child stays known, a temporary one does not.
        const known = restart === "Temporary" ? [] : again.includes(reason) ? ["a"] : ["a!"];
        expect(listing(supervisor)).toEqual(known);
        await supervisor.stop();
      }
    }),
  );

  test("at once after it has started is started again", () =>
    inProcess(async (self) => {
      let starts = 0;
      const supervisor = await started(self, {
        children: [
          {
            id: "a",
            start: (host) =>
              start(host, { initTimeoutMs: 1_000 }, () => ({
                data: undefined,
                run: () => (++starts < 3 ? undefined : new Promise(() => undefined)),
              })),
          },
        ],
      });
      await turns();
      expect(starts).toBe(3);
      expect(listing(supervisor)).toEqual(["a"]);
    }));

  test("is started again although its start took no notice of the host", () =>
    inProcess(async (self, { runtime }) => {
      const family = newFamily();
      const supervisor = await started(self, {
        children: [family.spec("a", { start: () => family.start("a", runtime) })],
      });
      family.member("a").process.kill();
      await turns();
      expect(family.history()).toEqual(["+a", "-a", "+a"]);
      supervisor.process.kill();
      expect(family.history()).toEqual(["-a"]);
    }));

  test("holds its name again", () =>
    inProcess(async (self) => {
      const name = newName<string>("echo");
      const heard: string[] = [];
      await started(self, {
        children: [
          {
            id: "echo",
            start: (host) =>
              start(host, { initTimeoutMs: 1_000, name }, (child, inbox: OwnSubject<string>) => ({
                data: undefined,
                run: async () => {
                  for (;;) {
                    const message = await child.receiveForever(inbox);
                    if (message === "crash") throw oops;
                    heard.push(message);
                  }
                },
              })),
          },
        ],
      });
      const subject = namedSubject(name);
      for (const message of ["1", "crash", "2"]) {
        subject.send(message);
        await turns();
      }
      expect(heard).toEqual(["1", "2"]);
    }));

  test("is started again only when the function of the old one has returned", () =>
    inProcess(async (self) => {
      const log: string[] = [];
      let finish = (): void => undefined;
      const slow = (host: Parameters<ChildSpec["start"]>[0]): ReturnType<ChildSpec["start"]> =>
        start(host, { initTimeoutMs: 1_000 }, () => {
          log.push("begun");
          return {
            data: undefined,
            run: () => new Promise<void>((resolve) => (finish = resolve)).then(() => void log.push("returned")),
          };
        });
      const family = newFamily();
      const supervisor = await started(self, { children: [{ id: "slow", start: slow }, family.spec("b")] });
      supervisor.children()[0]?.process?.kill();
      await turns();
      // Others are not held up meanwhile.
      family.member("b").process.kill();
      await turns();
      expect(family.history()).toEqual(["+b", "-b", "+b"]);
      expect(log).toEqual(["begun"]);
      finish();
      await turns();
      expect(log).toEqual(["begun", "returned", "begun"]);
    }));

  test("is started again after its shutdown timeout where the function of the old one hangs", () =>
    inProcess(async (self, { clock }) => {
      let starts = 0;
      const hang: ChildSpec["start"] = (host) =>
        start(host, { initTimeoutMs: 1_000 }, () => ({
          data: ++starts,
          run: () => new Promise(() => undefined),
        }));
      const supervisor = await started(self, { children: [{ id: "hang", start: hang, shutdownTimeoutMs: 300 }] });
      supervisor.children()[0]?.process?.kill();
      await clock.advance(299);
      expect(starts).toBe(1);
      await clock.advance(1);
      expect(starts).toBe(2);
    }));

  test("while it is being restarted and does not start counts as ended once more", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b") });
      family.failing("a", { type: "InitTimeout" });
      family.member("a").process.kill();
      await turns();
      expect(family.history()).toEqual(["+a", "+b", "-a", "!a", "+a"]);
      family.member("b").process.kill();
      await turns();
      expect(await endOf(self, supervisor)).toMatchObject({
        reason: {
          message: `Supervisor gave up: more than 2 restarts in 5000 ms, the last of child "b"`,
          cause: Killed,
        },
      });
    }));
});

describe("restartTolerance", () => {
  test("is 2 restarts in 5 seconds: the third ends the supervisor, which names the child and why", () =>
    inProcess(async (self, { clock, crashes }) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b") });
      for (const id of ["a", "b"]) {
        family.member(id).self.exit(Abnormal(oops));
        await clock.advance(2_500);
      }
      expect(family.history()).toEqual(["+a", "+b", "-a", "+a", "-b", "+b"]);
      family.member("a").self.exit(Abnormal(oops)); // 5000 ms after the first
      await turns();
      expect(family.history()).toEqual(["-a", "-b"]);
      const reason = await endOf(self, supervisor);
      expect(reason).toEqual(Abnormal(expect.any(Error)));
      expect(reason).toMatchObject({
        reason: { message: `Supervisor gave up: more than 2 restarts in 5000 ms, the last of child "a"`, cause: oops },
      });
      expect(crashes.map(({ handled }) => handled)).toEqual([true, true, true, true]);
    }));

  test("forgets what is older", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      const supervisor = await started(self, {
        restartTolerance: { intensity: 1, periodMs: 100 },
        children: family.specs("a"),
      });
      for (let left = 5; left > 0; left--) {
        family.member("a").process.kill();
        await clock.advance(101);
      }
      expect(family.starts("a")).toBe(6);
      expect(supervisor.process.isAlive).toBe(true);
    }));

  test("of 0 takes the supervisor down with the first crash", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const restartTolerance = { intensity: 0, periodMs: 100 };
      const supervisor = await started(self, { restartTolerance, children: family.specs("a") });
      family.member("a").process.kill();
      await turns();
      expect(await endOf(self, supervisor)).toMatchObject({ reason: { cause: Killed } });
    }));

  test("of Infinity never gives up", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const restartTolerance = { intensity: Infinity, periodMs: 100 };
      const supervisor = await started(self, { restartTolerance, children: family.specs("a") });
      for (let left = 50; left > 0; left--) {
        family.member("a").process.kill();
        await turns();
      }
      expect(family.starts("a")).toBe(51);
      expect(supervisor.process.isAlive).toBe(true);
    }));

  test("ends a supervisor with an unhandled crash where nobody watches it", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const family = newFamily();
      const options = { strategy: "OneForOne", restartTolerance: { intensity: 0, periodMs: 1 } } as const;
      const { process } = unwrap(await startSupervisor({ ...options, children: family.specs("a") }, runtime));
      family.member("a").self.exit(Abnormal(oops));
      await process.settled;
      expect(crashes).toMatchObject([
        { reason: oops, handled: true },
        { process, reason: { cause: oops }, handled: false },
      ]);
    }));
});

describe("backoff", () => {
  const patient = { intensity: 100, periodMs: 1_000 };

  test("waits longer and longer between minMs and maxMs, at random", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      await started(self, {
        restartTolerance: patient,
        backoff: { minMs: 10, maxMs: 50, random: () => 0.5 },
        children: family.specs("a"),
      });
      family.history();
      for (const delayMs of [15, 25, 30, 30]) {
        family.member("a").process.kill();
        await clock.advance(delayMs - 1);
        expect(family.history()).toEqual(["-a"]);
        await clock.advance(1);
        expect(family.history()).toEqual(["+a"]);
      }
    }));

  test("begins anew for a child that has run as long as the period of the tolerance", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      const backoff = { minMs: 10, maxMs: 1_000, random: () => 1 };
      await started(self, { restartTolerance: patient, backoff, children: family.specs("a") });
      for (const delayMs of [20, 40, 80]) {
        family.member("a").process.kill();
        await clock.advance(delayMs);
      }
      expect(family.starts("a")).toBe(4);
      await clock.advance(1_000);
      family.member("a").process.kill();
      await clock.advance(20);
      expect(family.starts("a")).toBe(5);
    }));

  test("holds up neither another child's restart nor the supervisor's end, and leaves no timer", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      const backoff = { minMs: 1_000, maxMs: 1_000 };
      const supervisor = await started(self, { backoff, children: family.specs("a", "b") });
      family.member("a").process.kill();
      await clock.advance(500);
      expect(await supervisor.restartChild("a")).toEqual(err({ type: "Restarting" }));
      family.member("b").process.kill();
      await clock.advance(999);
      expect(listing(supervisor)).toEqual(["a", "b!"]);
      await clock.advance(1);
      expect(listing(supervisor)).toEqual(["a", "b"]);
      family.member("a").process.kill();
      await turns();
      await supervisor.stop();
      await clock.advance(10_000);
      expect(family.history()).toEqual(["+a", "+b", "-a", "-b", "+a", "+b", "-a", "-b"]);
      expect(clock.pending).toBe(0);
    }));
});

describe("autoShutdown", () => {
  const significant = { restart: "Transient", significant: true } as const;

  test.each<[SupervisorOptions["autoShutdown"] & string, number]>([
    ["AnySignificant", 1],
    ["AllSignificant", 2],
  ])("%s ends the supervisor after the end of %i of two significant children", (autoShutdown, count) =>
    inProcess(async (self, { crashes }) => {
      const family = newFamily();
      const children = [family.spec("x"), family.spec("a", significant), family.spec("b", significant)];
      const supervisor = await started(self, { autoShutdown, children });
      family.history();
      for (const id of ["a", "b"].slice(0, count)) {
        expect(supervisor.process.isAlive).toBe(true);
        family.member(id).leave();
        await turns();
      }
      expect(await endOf(self, supervisor)).toEqual(Abnormal("shutdown"));
      expect(family.history()).toEqual(["-a", "-b", "-x"]);
      expect(crashes).toEqual([]);
    }),
  );

  test("does not count a significant child that is started again, nor one that is stopped on purpose", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const children = [family.spec("a", significant), family.spec("b", { ...significant, restart: "Temporary" })];
      const supervisor = await started(self, { autoShutdown: "AnySignificant", children });
      family.member("a").process.kill();
      await turns();
      expect(await supervisor.terminateChild("a")).toEqual(ok());
      expect(supervisor.process.isAlive).toBe(true);
      family.member("b").process.kill(); // temporary: whatever the reason
      await turns();
      expect(await endOf(self, supervisor)).toEqual(Abnormal("shutdown"));
    }));

  test("with AllSignificant looks for others only where one ends by itself", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const options = { autoShutdown: "AllSignificant", strategy: "OneForAll" } as const;
      const children = [family.spec("a", significant), family.spec("b", significant), family.spec("x")];
      const one = await started(self, { ...options, children });
      family.member("b").leave();
      await turns();
      await one.terminateChild("a"); // the last, but on purpose
      await turns();
      expect(listing(one)).toEqual(["a!", "b!", "x"]);
      await one.restartChild("a");
      family.member("a").leave();
      await turns();
      expect(await endOf(self, one)).toEqual(Abnormal("shutdown"));
    }));

  test("does not count a Temporary child that is stopped because another is started again", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const children = [family.spec("a"), family.spec("b", { restart: "Temporary", significant: true })];
      const supervisor = await started(self, { strategy: "OneForAll", autoShutdown: "AnySignificant", children });
      family.member("a").process.kill();
      await turns();
      expect(listing(supervisor)).toEqual(["a"]);
    }));

  test("is an end that nobody has to hear of", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const family = newFamily();
      const options = { strategy: "OneForOne", autoShutdown: "AllSignificant" } as const;
      const { process } = unwrap(
        await startSupervisor({ ...options, children: [family.spec("a", significant)] }, runtime),
      );
      family.member("a").leave();
      await process.settled;
      expect(crashes).toEqual([]);
    }));
});

describe("the end of a supervisor", () => {
  test.each<[string, (self: Self, supervisor: Process) => void, ExitReason]>([
    ["its parent sends an exit", (self, supervisor) => supervisor.sendExit({ from: self }), Normal],
    ["somebody sends an exit", (_self, supervisor) => supervisor.sendExit(), Normal],
    [
      "its parent sends an abnormal one",
      (self, supervisor) => supervisor.sendAbnormalExit(oops, { from: self }),
      Abnormal(oops),
    ],
  ])("stops its children in the opposite order: %s", (_what, ask, reason) =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b", "c") });
      family.history();
      ask(self, supervisor.process);
      await turns();
      expect(await endOf(self, supervisor)).toEqual(reason);
      expect(family.history()).toEqual(["-c", "-b", "-a"]);
    }),
  );

  test.each([Normal, Killed, Abnormal(oops)])("comes with that of its parent, also where that is %j", (reason) =>
    inProcess(async (_self, { runtime }) => {
      const family = newFamily();
      const parent = await spawnPuppet(runtime);
      const { process } = unwrap(
        await startSupervisor({ strategy: "OneForOne", children: family.specs("a", "b") }, parent.self),
      );
      family.history();
      parent.self.exit(reason);
      expect(await process.exited).toEqual(reason);
      expect(family.history()).toEqual(["-b", "-a"]);
    }),
  );

  test.each([false, true])("with its parent's crash is no crash of its own: that one was heard %p", (isHeard) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const parent = await spawnPuppet(runtime);
      const { process } = unwrap(await startSupervisor({ strategy: "OneForOne", children: [] }, parent.self));
      if (isHeard) parent.process.onExit(() => undefined);
      parent.self.exit(Abnormal(oops));
      await process.settled;
      expect(crashes).toEqual([{ process: parent.process, reason: oops, handled: isHeard }]);
    }),
  );

  test("that gives up ends its parent too, and is reported", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const family = newFamily();
      const parent = await spawnPuppet(runtime);
      const options = { strategy: "OneForOne", restartTolerance: { intensity: 0, periodMs: 1 } } as const;
      const { process } = unwrap(await startSupervisor({ ...options, children: family.specs("a") }, parent.self));
      family.member("a").process.kill();
      expect(await parent.process.exited).toMatchObject({ reason: { cause: Killed } });
      expect(crashes).toMatchObject([{ process, handled: true }]);
    }));

  test("does not come with the end of a stranger that is linked to it", () =>
    inProcess(async (self, { runtime }) => {
      const supervisor = await started(self, {});
      const stranger = await spawnPuppet(runtime);
      stranger.self.link(supervisor.process);
      stranger.process.kill();
      supervisor.process.sendAbnormalExit(oops, { from: stranger.process });
      await turns();
      expect(supervisor.process.isAlive).toBe(true);
    }));

  test("by a kill takes its children down at once", () =>
    inProcess(async (self, { deadLetters }) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b") });
      supervisor.process.kill();
      expect([family.member("a"), family.member("b")].map(({ process }) => process.isAlive)).toEqual([false, false]);
      await supervisor.process.settled;
      expect(listing(supervisor)).toEqual(["a!", "b!"]);
      expect(deadLetters).toEqual([]);
    }));

  test("asks a child that traps exits with the reason shutdown, and kills it after its time", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      const children = [family.spec("a"), family.spec("b", { shutdownTimeoutMs: 700 })];
      const supervisor = await started(self, { children });
      const { self: child, process } = family.member("b");
      child.trapExits(true);
      const asked = child.receiveForever(exits);
      const stopped = supervisor.stop();
      expect(await asked).toEqual({ type: "ExitMessage", owner: supervisor.process, reason: Abnormal("shutdown") });
      await clock.advance(699);
      expect(family.history()).toEqual(["+a", "+b"]);
      await clock.advance(1);
      await stopped;
      expect(await process.exited).toEqual(Killed);
      expect(family.history()).toEqual(["-b", "-a"]);
    }));

  test("waits until the function of a child has returned before it stops the one before", () =>
    inProcess(async (self) => {
      const family = newFamily();
      let finish = (): void => undefined;
      const tidy: ChildSpec["start"] = (host) =>
        start(host, { initTimeoutMs: 1_000 }, (child) => ({
          data: undefined,
          run: async () => {
            try {
              await child.sleep(Infinity);
            } finally {
              await new Promise<void>((resolve) => (finish = resolve));
            }
          },
        }));
      const supervisor = await started(self, { children: [family.spec("a"), { id: "tidy", start: tidy }] });
      const stopped = supervisor.stop();
      expect(await isSettledWithin(stopped)).toBe(false);
      expect(family.history()).toEqual(["+a"]);
      finish();
      await stopped;
      expect(family.history()).toEqual(["-a"]);
    }));

  test("kills a child with a shutdown timeout of 0 without asking", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: [family.spec("a", { shutdownTimeoutMs: 0 })] });
      const { self: child, process } = family.member("a");
      child.trapExits(true);
      await supervisor.stop();
      expect(await process.exited).toEqual(Killed);
    }));

  test("reports no crash of a child that did as it was asked", () =>
    inProcess(async (self, { crashes }) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b") });
      await supervisor.stop();
      expect(await family.member("a").process.exited).toEqual(Abnormal("shutdown"));
      expect(crashes).toEqual([]);
    }));

  test("comes at the end of `await using`", () =>
    inProcess(async (self) => {
      const family = newFamily();
      {
        await using supervisor = await started(self, { children: family.specs("a") });
        expect(JSON.stringify(supervisor)).toBe(JSON.stringify({ type: "Supervisor", process: supervisor.process.id }));
      }
      expect(family.history()).toEqual(["+a", "-a"]);
    }));
});

describe("a supervisor under a supervisor", () => {
  test("is stopped with its children, and started again when it has given up", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const restartTolerance = { intensity: 0, periodMs: 1_000 };
      const top = await started(self, {
        children: [
          family.spec("a"),
          {
            id: "below",
            start: (host) =>
              startSupervisor({ strategy: "OneForAll", restartTolerance, children: family.specs("b", "c") }, host),
            shutdownTimeoutMs: Infinity,
          },
        ],
      });
      expect(family.history()).toEqual(["+a", "+b", "+c"]);
      family.member("b").self.exit(Abnormal(oops));
      await turns();
      expect(family.history()).toEqual(["-b", "-c", "+b", "+c"]);
      await top.stop();
      expect(family.history()).toEqual(["-c", "-b", "-a"]);
    }));

  test("passes on why it could not start", () =>
    inProcess(async (self) => {
      const family = newFamily();
      family.failing("deep", { type: "InitFailed", reason: oops });
      const below: ChildSpec = {
        id: "below",
        start: (host) => startSupervisor({ strategy: "OneForOne", children: family.specs("deep") }, host),
      };
      const result = await startSupervisor({ strategy: "OneForOne", children: [below] }, self);
      expect(result).toMatchObject({
        error: { reason: { message: `Child "below" did not start: Child "deep" did not start: oops` } },
      });
    }));
});

describe("the operations on children", () => {
  test("startChild adds one at the end, unless there is one of that id", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a") });
      expect(await supervisor.startChild(family.spec("b"))).toMatchObject({
        value: { process: family.member("b").process },
      });
      expect(await supervisor.startChild(family.spec("a"))).toEqual(err({ type: "AlreadyPresent" }));
      expect(listing(supervisor)).toEqual(["a", "b"]);
      family.failing("c", { type: "InitTimeout" });
      expect(await supervisor.startChild(family.spec("c"))).toEqual(err({ type: "InitTimeout" }));
      expect(supervisor.countChildren()).toEqual({ specs: 2, active: 2 });
      expect(String(await thrownBy(() => supervisor.startChild({ ...family.spec("d"), id: 5 } as never)))).toBe(
        "TypeError: Cannot start a child: the id of a child must be a string, received 5",
      );
    }));

  test("terminateChild stops one for good, restartChild starts it again, deleteChild forgets it", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a", "b") });
      expect(await supervisor.restartChild("a")).toEqual(err({ type: "Running" }));
      expect(await supervisor.deleteChild("a")).toEqual(err({ type: "Running" }));
      expect(await supervisor.terminateChild("a")).toEqual(ok());
      await turns();
      expect(await supervisor.terminateChild("a")).toEqual(ok());
      expect(listing(supervisor)).toEqual(["a!", "b"]);
      expect(await supervisor.restartChild("a")).toMatchObject({ value: { data: family.member("a") } });
      expect(listing(supervisor)).toEqual(["a", "b"]);
      await supervisor.terminateChild("a");
      expect(await supervisor.deleteChild("a")).toEqual(ok());
      expect(listing(supervisor)).toEqual(["b"]);
      for (const operation of ["restartChild", "terminateChild", "deleteChild"] as const) {
        expect(await supervisor[operation]("a")).toEqual(err({ type: "NotFound" }));
      }
      expect(family.history()).toEqual(["+a", "+b", "-a", "+a", "-a"]);
    }));

  test("terminateChild forgets a Temporary child", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const supervisor = await started(self, { children: [family.spec("a", { restart: "Temporary" })] });
      await supervisor.terminateChild("a");
      expect(supervisor.countChildren()).toEqual({ specs: 0, active: 0 });
    }));

  test("are answered also by a supervisor that has ended, or ends first", () =>
    inProcess(async (self, { deadLetters }) => {
      const family = newFamily();
      const supervisor = await started(self, { children: family.specs("a") });
      const pending = supervisor.startChild(family.spec("b", { start: () => new Promise(() => undefined) }));
      await turns();
      supervisor.process.kill();
      expect(await pending).toEqual(err({ type: "InitExited", reason: Killed }));
      const gone = err({ type: "InitExited", reason: Abnormal("noproc") });
      expect(await supervisor.startChild(family.spec("b"))).toEqual(gone);
      expect(await supervisor.restartChild("a")).toEqual(gone);
      expect(await supervisor.terminateChild("a")).toEqual(err({ type: "NotFound" }));
      await supervisor.stop();
      expect(deadLetters).toEqual([]);
    }));

  test("a child that comes up only after the supervisor was killed goes down too", () =>
    inProcess(async (self, { runtime }) => {
      const family = newFamily();
      const supervisor = await started(self, {});
      let open = (): void => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      void supervisor.startChild(family.spec("late", { start: () => gate.then(() => family.start("late", runtime)) }));
      await turns();
      supervisor.process.kill();
      open();
      await turns();
      expect(family.history()).toEqual(["+late", "-late"]);
    }));
});
