import { describe, expect, test } from "@jest/globals";
import { Abnormal, type ExitReason, ExitSignal, Killed, newSelector, Normal, type Process, type Self } from "tankard";
import { createWorld, inProcess, spawnIdle, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";
import { runProgram } from "../support/run-program.ts";

describe("an exit reason", () => {
  test("is plain data", () => {
    expect(Normal).toStrictEqual({ type: "Normal" });
    expect(Killed).toStrictEqual({ type: "Killed" });
    expect(Abnormal("why")).toStrictEqual({ type: "Abnormal", reason: "why" });
  });
});

describe("ExitSignal", () => {
  test.each<[ExitReason, string, unknown]>([
    [Normal, "The process has ended: Normal", undefined],
    [Killed, "The process has ended: Killed", undefined],
    [Abnormal("the reason"), "The process has ended: Abnormal", "the reason"],
  ])("says how the process has ended: %j", (reason, message, cause) =>
    inProcess(async (_self, { runtime }) => {
      const { self } = await spawnPuppet(runtime);
      self.exit(reason);
      const signal = self.signal.reason as unknown;
      expect(signal).toBeInstanceOf(ExitSignal);
      expect(signal).toBeInstanceOf(Error);
      expect(signal).toMatchObject({ name: "ExitSignal", message, reason });
      expect((signal as Error).cause).toBe(cause);
    }),
  );
});

describe("a wait that nobody awaits yet", () => {
  const waits = [
    "self.receive(self.newSubject(), 60_000)",
    "self.receiveForever(self.newSubject())",
    "self.sleep(60_000)",
    "self.call(idle.subject, 60_000, () => undefined)",
  ];
  const ends = ["await undefined", "self.process.kill()", "self.exit(Normal)"];

  test.each(waits.flatMap((wait) => ends.map((end) => [wait, end] as const)))(
    "%s is no unhandled rejection at the end of its process (%s), and rejects for who awaits it then",
    async (wait, end) => {
      const { code, stdout, stderr } = await runProgram(`
        import { Normal, spawn } from "tankard";
        const idle = spawn((self) => self.receiveForever(self.newSubject()));
        let waiting;
        const process = spawn(async (self) => {
          waiting = ${wait};
          ${end};
        });
        await process.exited;
        setImmediate(() => {
          waiting.catch((signal) => console.log(signal.name));
        });
      `);
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "ExitSignal\n", stderr: "" });
    },
  );
});

describe("an exit wakes what the process waits for, by an ExitSignal", () => {
  const waits: readonly [string, (self: Self, other: Process) => unknown][] = [
    ["receive", (self) => self.receive(self.newSubject(), 1_000)],
    ["receive with Infinity", (self) => self.receive(self.newSubject(), Infinity)],
    ["receiveForever", (self) => self.receiveForever(self.newSubject())],
    ["sleep", (self) => self.sleep(1_000)],
    ["call", (self, other) => self.call(other.subject, 1_000, () => undefined as never)],
    ["call without end", (self, other) => self.call(other.subject, Infinity, () => undefined as never)],
  ];
  const ends: readonly [string, ExitReason, (self: Self) => void][] = [
    ["kill", Killed, (self) => self.process.kill()],
    ["an abnormal exit from outside", Abnormal("sent"), (self) => self.process.sendAbnormalExit("sent")],
    ["an exit of its own", Normal, (self) => self.exit(Normal)],
    ["the end of a linked process", Abnormal("linked"), (self) => spawnIdleLinked(self).sendAbnormalExit("linked")],
  ];
  const cases = waits.flatMap(([wait, start]) =>
    ends.map(([end, reason, finish]) => [wait, end, start, reason, finish] as const),
  );

  test.each(cases)("a pending %s ends at %s, and finally blocks run", (_wait, _end, start, reason, finish) =>
    inProcess(async (_self, { runtime, clock }) => {
      const log: unknown[] = [];
      const other = runtime.spawn((self) => self.receiveForever(self.newSubject()));
      let own: Self | undefined;
      const process = runtime.spawn(async (self) => {
        own = self;
        try {
          await start(self, other);
          log.push("it went on");
        } catch (error) {
          log.push(error instanceof ExitSignal && error.reason);
          throw error;
        } finally {
          log.push("finally");
        }
      });
      await clock.advance(10);
      finish(own as Self);
      await process.settled;
      expect(log).toEqual([reason, "finally"]);
      expect(await process.exited).toEqual(reason);
    }),
  );

  test("leaves no wait behind: simulated time may pass and nothing happens", () =>
    inProcess(async (_self, { runtime, clock, crashes, deadLetters }) => {
      for (const [, start] of waits) {
        const other = runtime.spawn((self) => self.receiveForever(self.newSubject()));
        const process = runtime.spawn((self) => start(self, other));
        await clock.advance(1);
        process.kill();
        await process.settled;
      }
      await clock.advance(5_000);
      expect([crashes, deadLetters]).toEqual([[], []]);
    }));

  test("aborts self.signal, whose reason is the ExitSignal", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async (self) => {
        await new Promise((resolve) => self.signal.addEventListener("abort", resolve));
        return self.signal.reason as unknown;
      });
      await turns(1);
      process.kill();
      await process.settled;
      expect(await thrownBy(() => process.result)).toMatchObject({ name: "ExitSignal", reason: Killed });
    }));

  test("gives a signal that is aborted already to who asks for it after the end", () =>
    inProcess(async (_self, { runtime }) => {
      const { self } = await spawnPuppet(runtime);
      self.exit(Normal);
      expect(self.signal.aborted).toBe(true);
      expect(self.signal.reason).toMatchObject({ reason: Normal });
      expect(self.signal).toBe(self.signal);
    }));

  function spawnIdleLinked(self: Self): Process {
    return self.spawn((other) => other.receiveForever(other.newSubject()));
  }
});

describe("self, after the end of its process", () => {
  const uses: readonly [string, (self: Self) => unknown][] = [
    ["newSubject", (self) => self.newSubject()],
    ["receive", (self) => self.receive({} as never, 0)],
    ["receiveForever", (self) => self.receiveForever({} as never)],
    ["spawn", (self) => self.spawn(() => undefined)],
    ["spawnUnlinked", (self) => self.spawnUnlinked(() => undefined)],
    ["link", (self) => self.link(self)],
    ["unlink", (self) => self.unlink(self)],
    ["trapExits", (self) => self.trapExits(true)],
    ["monitor", (self) => self.monitor(self)],
    ["demonitor", (self) => self.demonitor({ id: 1 })],
    ["sendAfter", (self) => self.sendAfter(self.process.subject, 1, undefined as never)],
    ["sendEvery", (self) => self.sendEvery(self.process.subject, 1, undefined as never)],
    ["cancelTimer", (self) => self.cancelTimer({ id: 1 })],
    ["register", (self) => self.register({} as never)],
    ["unregister", (self) => self.unregister({} as never)],
    ["flushMessages", (self) => self.flushMessages()],
    ["sleep", (self) => self.sleep(1)],
    ["call", (self) => self.call(self.process.subject, 1, () => undefined as never)],
  ];

  test.each(uses)("throws an ExitSignal out of %s", (_name, use) =>
    inProcess(async (_self, { runtime }) => {
      for (const reason of [Normal, Killed, Abnormal("x")]) {
        const { self } = await spawnPuppet(runtime);
        self.exit(reason);
        expect(await thrownBy(() => use(self))).toMatchObject({ name: "ExitSignal", reason });
      }
    }),
  );

  test("still says which process it was", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      process.kill();
      expect(self.process).toBe(process);
      expect(self.runtime).toBe(runtime);
      expect(JSON.parse(JSON.stringify(self))).toEqual({ type: "Process", id: process.id });
    }));
});

describe("at an exit", () => {
  test("every hearer hears in order: own waits, resources, links, observers, then exited", async () => {
    const { runtime, clock } = createWorld();
    const log: string[] = [];
    const process = runtime.spawn(async (self) => {
      self.signal.addEventListener("abort", () => log.push("signal"));
      self.link({
        deliver: () => undefined,
        onExit: () => () => undefined,
        exit: () => log.push("link"),
      });
      try {
        await self.sleep(1_000);
      } finally {
        log.push("finally");
      }
    });
    process.onExit(() => log.push("observer"), "observer");
    process.onExit(() => log.push("resource"), "resource");
    process.onExit(() => log.push("observer by default"));
    void process.exited.then(() => log.push("exited"));
    void process.settled.then(() => log.push("settled"));
    await clock.advance(1);
    process.kill();
    expect(log).toEqual(["signal", "resource", "link", "observer", "observer by default"]);
    await process.settled;
    await turns(1);
    expect(log.slice(5).sort()).toEqual(["exited", "finally", "settled"]);
  });

  test("a link hears before a monitor of the same process", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const process = spawnIdle(runtime);
      self.monitor(process);
      self.link(process);
      process.kill();
      const any = newSelector().selectOther((message) => (message as { type: string }).type);
      expect([await self.receiveForever(any), await self.receiveForever(any)]).toEqual(["ExitMessage", "ProcessDown"]);
    }));

  test("what the process sent before comes before the news of its end", () =>
    inProcess(async (self) => {
      const inbox = self.newSubject<string>();
      self.trapExits(true);
      const child = self.spawn(() => {
        inbox.send("sent before");
      });
      self.monitor(child);
      const any = newSelector()
        .select(inbox)
        .selectOther((message) => (message as { type: string }).type);
      const order = [await self.receiveForever(any), await self.receiveForever(any), await self.receiveForever(any)];
      expect(order).toEqual(["sent before", "ExitMessage", "ProcessDown"]);
    }));
});
