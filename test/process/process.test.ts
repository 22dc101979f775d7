import { describe, expect, test } from "@jest/globals";
import { inspect } from "node:util";
import { expectTypeOf } from "expect-type";
import {
  Abnormal,
  ExitSignal,
  Killed,
  newSelector,
  Normal,
  ok,
  type OwnSubject,
  type Process,
  selectTrappedExits,
} from "tankard";
import { createWorld, inProcess, spawnIdle, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { runProgram } from "../support/run-program.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

describe("a process ends", () => {
  test("Normal when its function returns", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = runtime.spawn(() => 42);
      expectTypeOf(process).toEqualTypeOf<Process<number>>();
      expect(await process.exited).toEqual(Normal);
      expect(await process.result).toBe(42);
      expect(crashes).toEqual([]);
    }));

  test("Normal when the promise that its function returned resolves", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async () => {
        await turns(2);
        return "done";
      });
      await turns(1);
      expect(process.isAlive).toBe(true);
      expect(await process.exited).toEqual(Normal);
      expect(await process.result).toBe("done");
    }));

  test("Normal with what any thenable gives", () =>
    inProcess(async (_self, { runtime }) => {
      const thenable: PromiseLike<string> = {
        then: (resolve) => Promise.resolve(resolve?.("thenable")) as Promise<never>,
      };
      expect(await runtime.spawn(() => thenable).result).toBe("thenable");
    }));

  test.each<[string, () => unknown]>([
    [
      "its function throws",
      () => {
        throw new Error("oh");
      },
    ],
    ["its function's promise rejects", () => Promise.reject(new Error("oh"))],
    [
      "its function throws after an await",
      async () => {
        await turns(1);
        throw new Error("oh");
      },
    ],
    [
      "its function's thenable rejects",
      () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error("oh")) }),
    ],
  ])("Abnormal with the error when %s", (_how, run) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = runtime.spawn(run);
      expect(await process.exited).toEqual(Abnormal(new Error("oh")));
      expect(await thrownBy(() => process.result)).toEqual(new Error("oh"));
      expect(crashes).toHaveLength(1);
    }),
  );

  test("Abnormal with whatever is thrown, also undefined", () =>
    inProcess(async (_self, { runtime }) => {
      for (const thrown of [undefined, null, 0, "text", { code: 1 }]) {
        const process = runtime.spawn(() => {
          throw thrown as unknown;
        });
        expect(await process.exited).toStrictEqual(Abnormal(thrown));
      }
    }));

  test("Abnormal where it lets the ExitSignal of another process pass", () =>
    inProcess(async (_self, { runtime }) => {
      const other = spawnIdle(runtime);
      const process = runtime.spawn(() => other.result);
      await turns(1);
      other.kill();
      const reason = await process.exited;
      expect(reason).toMatchObject({ type: "Abnormal", reason: { name: "ExitSignal", reason: Killed } });
    }));

  test("once where its function's thenable settles twice, as an await would take it", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn((): PromiseLike<string> => ({
      then: (resolve, reject) => {
        resolve?.("first");
        reject?.(new Error("second"));
        throw new Error("third");
      },
    }));
    expect(await process.result).toBe("first");
    expect(await isSettledWithin(runtime.idle())).toBe(true);
  });

  test("Abnormal where its function's thenable gives a promise that rejects", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = runtime.spawn((): PromiseLike<unknown> => ({
        then: (resolve) => Promise.resolve(resolve?.(Promise.reject(new Error("oh")) as never)) as Promise<never>,
      }));
      expect(await process.exited).toEqual(Abnormal(new Error("oh")));
      expect(crashes).toHaveLength(1);
    }));

  test("once: what comes later changes nothing", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const { process, self } = await spawnPuppet(runtime);
      const heard: unknown[] = [];
      process.onExit((reason) => heard.push(reason));
      process.kill();
      process.kill();
      process.sendAbnormalExit("late");
      process.sendExit();
      self.exit(Abnormal("later"));
      self.exit(Normal);
      await process.settled;
      expect(heard).toEqual([Killed]);
      expect(await process.exited).toEqual(Killed);
      expect(crashes).toEqual([]);
    }));
});

describe("kill", () => {
  test("ends a process that waits", () =>
    inProcess(async (_self, { runtime }) => {
      const process = spawnIdle(runtime);
      await turns(1);
      process.kill();
      expect(process.isAlive).toBe(false);
      expect(await process.exited).toEqual(Killed);
    }));

  test("ends a process that has not begun: its function never runs", () =>
    inProcess(async (_self, { runtime }) => {
      let isBegun = false;
      const process = runtime.spawn(() => (isBegun = true));
      process.kill();
      expect(await process.exited).toEqual(Killed);
      await process.settled;
      await turns();
      expect(isBegun).toBe(false);
      expect(await thrownBy(() => process.result)).toMatchObject({ name: "ExitSignal", reason: Killed });
    }));

  test("cannot be trapped", () =>
    inProcess(async (_self, { runtime }) => {
      const { process, self } = await spawnPuppet(runtime);
      self.trapExits(true);
      process.kill();
      expect(await process.exited).toEqual(Killed);
    }));

  test("is no crash: nobody has to hear of it", () =>
    inProcess((_self, { runtime, crashes }) => {
      spawnIdle(runtime).kill();
      expect(crashes).toEqual([]);
    }));

  test("lets code between two awaits run on, up to the next use of self", () =>
    inProcess(async (_self, { runtime }) => {
      const log: string[] = [];
      const process = runtime.spawn(async (self) => {
        await turns(2);
        log.push("ran on");
        self.newSubject();
        log.push("not reached");
      });
      await turns(1);
      process.kill();
      await process.settled;
      expect(log).toEqual(["ran on"]);
    }));
});

describe("sendExit and sendAbnormalExit", () => {
  test("sendExit does nothing to a process that does not trap exits", () =>
    inProcess(async (_self, { runtime }) => {
      const process = spawnIdle(runtime);
      process.sendExit();
      process.exit?.(Normal);
      await turns(1);
      expect(process.isAlive).toBe(true);
    }));

  test("sendExit is an ExitMessage for a process that traps exits", () =>
    inProcess(async (self) => {
      self.trapExits(true);
      self.process.sendExit();
      const exits = selectTrappedExits(newSelector(), (exit) => exit);
      expect(await self.receive(exits, 0)).toEqual(ok({ type: "ExitMessage", owner: self.process, reason: Normal }));
    }));

  test("sendAbnormalExit ends a process, and that is where the crash comes from", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = spawnIdle(runtime);
      process.sendAbnormalExit("go");
      expect(await process.exited).toEqual(Abnormal("go"));
      expect(crashes).toEqual([{ process, reason: "go", handled: false }]);
    }));

  test.each(["why", "kill", undefined])(
    "sendAbnormalExit(%p) is an ExitMessage for a process that traps exits",
    (why) =>
      inProcess(async (self) => {
        self.trapExits(true);
        self.process.sendAbnormalExit(why);
        const exits = selectTrappedExits(newSelector(), (exit) => exit.reason);
        expect(await self.receive(exits, 0)).toEqual(ok(Abnormal(why)));
      }),
  );

  test("say who sends them, where the sender says so", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const { process: other, self: otherSelf } = await spawnPuppet(runtime);
      self.process.sendExit({ from: otherSelf });
      self.process.sendAbnormalExit("why", { from: other });
      const exits = selectTrappedExits(newSelector(), (exit) => exit);
      expect(await self.receive(exits, 0)).toEqual(ok({ type: "ExitMessage", owner: other, reason: Normal }));
      expect(await self.receive(exits, 0)).toEqual(ok({ type: "ExitMessage", owner: other, reason: Abnormal("why") }));
    }));

  test("sendExit from a process to itself ends it, unless it traps exits", () =>
    inProcess(async (_self, { runtime }) => {
      const one = await spawnPuppet(runtime);
      one.process.sendExit({ from: one.self });
      expect(await one.process.exited).toEqual(Normal);
      const other = await spawnPuppet(runtime);
      other.self.trapExits(true);
      other.process.sendExit({ from: other.self });
      expect(other.process.isAlive).toBe(true);
    }));

  test("comes after what was sent before", () =>
    inProcess(async (self) => {
      self.trapExits(true);
      const subject = self.newSubject<string>();
      subject.send("first");
      self.process.sendExit();
      const both = selectTrappedExits(newSelector().select(subject), () => "exit");
      expect([await self.receiveForever(both), await self.receiveForever(both)]).toEqual(["first", "exit"]);
    }));

  test("does nothing to a process that has ended", () =>
    inProcess(async (_self, { runtime, crashes, deadLetters }) => {
      const { process, self } = await spawnPuppet(runtime);
      self.trapExits(true);
      process.kill();
      process.sendExit();
      process.sendAbnormalExit("late");
      expect([crashes, deadLetters]).toEqual([[], []]);
    }));
});

describe("self.exit", () => {
  test.each([Normal, Killed, Abnormal("mine")])("ends its own process with %j, also where it traps exits", (reason) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const { process, self } = await spawnPuppet(runtime);
      self.trapExits(true);
      self.exit(reason);
      expect(process.isAlive).toBe(false);
      expect(await process.exited).toEqual(reason);
      expect(crashes).toHaveLength(reason.type === "Abnormal" ? 1 : 0);
    }),
  );
});

describe("process.exit, with which any owner is asked to end", () => {
  test("is sendExit, kill and sendAbnormalExit", () =>
    inProcess(async (_self, { runtime }) => {
      const [normal, killed, abnormal] = [spawnIdle(runtime), spawnIdle(runtime), spawnIdle(runtime)];
      normal.exit?.(Normal);
      killed.exit?.(Killed);
      abnormal.exit?.(Abnormal("asked"));
      expect(normal.isAlive).toBe(true);
      expect(await killed.exited).toEqual(Killed);
      expect(await abnormal.exited).toEqual(Abnormal("asked"));
    }));
});

describe("result", () => {
  test("is what the function returned, whenever it is asked for", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(() => "value");
      const before = process.result;
      await process.exited;
      expect(await before).toBe("value");
      expect(await process.result).toBe("value");
    }));

  test("rejects with an ExitSignal where the process was ended from outside", () =>
    inProcess(async (_self, { runtime }) => {
      const process = spawnIdle(runtime);
      const before = thrownBy(() => process.result);
      process.kill();
      for (const error of [await before, await thrownBy(() => process.result)]) {
        expect(error).toBeInstanceOf(ExitSignal);
        expect(error).toMatchObject({ reason: Killed });
      }
    }));

  test("rejects with an ExitSignal where the function returned after the end", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async (self) => {
        self.exit(Normal);
        await turns(1);
        return "too late";
      });
      await process.settled;
      expect(await thrownBy(() => process.result)).toMatchObject({ name: "ExitSignal", reason: Normal });
    }));

  test("rejects with the reason of an abnormal exit", () =>
    inProcess(async (_self, { runtime }) => {
      const process = spawnIdle(runtime);
      process.sendAbnormalExit("why");
      expect(await thrownBy(() => process.result)).toBe("why");
    }));

  test("is one promise, however often it is asked for", () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(() => 1);
    expect(process.result).toBe(process.result);
    expect(process.exited).toBe(process.exited);
    expect(process.settled).toBe(process.settled);
  });
});

describe("exited", () => {
  test("resolves with the reason, whenever it is asked for", () =>
    inProcess(async (_self, { runtime }) => {
      const process = spawnIdle(runtime);
      const before = process.exited;
      process.kill();
      expect(await before).toEqual(Killed);
      expect(await process.exited).toEqual(Killed);
    }));

  test("does not wait for the function", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(() => turns(20));
      await turns(1);
      process.kill();
      expect(await isSettledWithin(process.exited, 1)).toBe(true);
    }));
});

describe("settled", () => {
  test("resolves when the function has really returned", () =>
    inProcess(async (_self, { runtime }) => {
      let isReturned = false;
      const process = runtime.spawn(async (self) => {
        try {
          await self.receiveForever(self.newSubject());
        } finally {
          await turns(5);
          isReturned = true;
        }
      });
      await turns(1);
      process.kill();
      expect(await isSettledWithin(process.settled, 3)).toBe(false);
      await process.settled;
      expect(isReturned).toBe(true);
    }));

  test("resolves after a function that returned, threw or never began", () =>
    inProcess(async (_self, { runtime }) => {
      const returned = runtime.spawn(() => 1);
      const threw = runtime.spawn(() => {
        throw new Error("oh");
      });
      const neverBegan = runtime.spawn(() => 1);
      neverBegan.kill();
      for (const process of [returned, threw, neverBegan]) {
        await process.settled;
        expect(process.isAlive).toBe(false);
      }
    }));
});

describe("result, exited and settled", () => {
  // Node ends a program at an unhandled rejection: only a program of its own can show that there is none.
  test("are never an unhandled rejection by themselves", async () => {
    const program = `
      import { createRuntime, spawn } from "tankard";
      const runtime = createRuntime({ onCrash: () => undefined });
      const ask = (process) => [process.result, process.exited, process.settled];
      for (const end of [(self) => self.exit({ type: "Killed" }), () => { throw new Error("oh") }, () => Promise.reject("no")]) {
        for (const isAskedBefore of [true, false]) {
          const process = runtime.spawn(end);
          if (isAskedBefore) ask(process);
          await process.settled;
          ask(process);
        }
      }
      const killed = spawn((self) => self.receiveForever(self.newSubject()));
      ask(killed);
      setImmediate(() => killed.kill());
      setTimeout(() => console.log("went on"), 20);
    `;
    expect(await runProgram(program)).toEqual({ code: 0, stdout: "went on\n", stderr: "" });
  });
});

describe("tell", () => {
  test("sends a message of no subject, which selectOther takes", () =>
    inProcess(async (self) => {
      self.process.tell({ any: "thing" });
      expect(
        await self.receive(
          newSelector().selectOther((message) => message),
          0,
        ),
      ).toEqual(ok({ any: "thing" }));
    }));

  test("to a process that has ended is a dead letter", () =>
    inProcess((_self, { runtime, deadLetters }) => {
      const process = spawnIdle(runtime);
      process.kill();
      process.tell("late");
      expect(deadLetters).toEqual([{ message: "late", to: `process ${process.id}`, why: "Exited" }]);
    }));
});

describe("onExit", () => {
  test("calls a listener once, at the end, with the reason", () =>
    inProcess(async (_self, { runtime }) => {
      const heard: unknown[] = [];
      const process = runtime.spawn((_process, _subject: OwnSubject<never>) => "value");
      process.onExit((reason) => heard.push(reason));
      expect(heard).toEqual([]);
      await process.settled;
      expect(heard).toEqual([Normal]);
    }));

  test("calls a listener at once where the process has ended", () =>
    inProcess((_self, { runtime }) => {
      const heard: unknown[] = [];
      const process = spawnIdle(runtime);
      process.kill();
      process.onExit((reason) => heard.push(reason))();
      expect(heard).toEqual([Killed]);
    }));

  test("gives a function that takes the listener away, also from within another listener", () =>
    inProcess((_self, { runtime }) => {
      const heard: string[] = [];
      const process = spawnIdle(runtime);
      process.onExit(() => heard.push("gone"))();
      process.onExit(() => leave());
      const leave = process.onExit(() => heard.push("taken away by the first"));
      process.onExit(() => heard.push("stays"));
      process.kill();
      expect(heard).toEqual(["stays"]);
    }));

  test("calls the same function twice where it listens twice", () =>
    inProcess((_self, { runtime }) => {
      let calls = 0;
      const listener = (): void => {
        calls++;
      };
      const process = spawnIdle(runtime);
      process.onExit(listener);
      const leave = process.onExit(listener, "resource");
      process.onExit(listener);
      leave();
      process.kill();
      expect(calls).toBe(2);
    }));
});

describe("a process as text", () => {
  test("is its number and whether it is alive", () =>
    inProcess((_self, { runtime }) => {
      const process = spawnIdle(runtime);
      expect(inspect(process)).toBe(`Process { id: ${process.id}, isAlive: true }`);
      expect(JSON.parse(JSON.stringify(process))).toEqual({ type: "Process", id: process.id });
      process.kill();
      expect(inspect(process)).toBe(`Process { id: ${process.id}, isAlive: false }`);
    }));
});
