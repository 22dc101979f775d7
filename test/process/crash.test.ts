import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  call,
  createRuntime,
  Killed,
  newSelector,
  Normal,
  type Owner,
  type Process,
  type Runtime,
  type Self,
  selectTrappedExits,
} from "tankard";
import { createWorld, inProcess, type Puppet, spawnIdle, spawnPuppet } from "../support/in-process.ts";
import { runProgram } from "../support/run-program.ts";
import { turns } from "../support/turns.ts";
import { uncaughtDuring } from "../support/uncaught.ts";

const oops = new Error("oops");

describe("onCrash", () => {
  test("is called once for a process that throws, with what it threw", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = runtime.spawn(() => {
        throw oops;
      });
      await process.settled;
      await turns(2);
      expect(crashes).toEqual([{ process, reason: oops, handled: false }]);
      expect(crashes[0]?.process).toBe(process);
    }));

  test.each<[string, (self: Self) => void]>([
    ["self.exit with an Abnormal reason", (self) => self.exit({ type: "Abnormal", reason: oops })],
    ["sendAbnormalExit", (self) => self.process.sendAbnormalExit(oops)],
  ])("is called once for %s", (_how, end) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const { self, process } = await spawnPuppet(runtime);
      end(self);
      await process.settled;
      expect(crashes).toEqual([{ process, reason: oops, handled: false }]);
    }),
  );

  test.each([Normal, Killed])("is not called for an end that is %j", (reason) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const { self, process } = await spawnPuppet(runtime);
      self.exit(reason);
      await process.settled;
      expect(crashes).toEqual([]);
    }),
  );

  test('is not called for an end with the reason "shutdown": somebody asked for it', () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const [asked, linked] = [await spawnPuppet(runtime), await spawnPuppet(runtime)];
      linked.self.link(asked.process);
      asked.process.sendAbnormalExit("shutdown");
      expect(await linked.process.exited).toEqual({ type: "Abnormal", reason: "shutdown" });
      expect(crashes).toEqual([]);
    }));

  test("is not called for what a function throws after its process has ended", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = runtime.spawn(async () => {
        await turns(2);
        throw oops;
      });
      await turns(1);
      process.kill();
      await process.settled;
      expect(crashes).toEqual([]);
    }));

  test("is called at the origin alone, not for those who end with it over links", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const ends: Process[] = [];
      const origin = await spawnPuppet(runtime);
      for (let left = 3; left > 0; left--) {
        const { self, process } = await spawnPuppet(runtime);
        self.link(ends.at(-1) ?? origin.process);
        ends.push(process);
      }
      origin.process.sendAbnormalExit(oops);
      expect(ends.map(({ isAlive }) => isAlive)).toEqual([false, false, false]);
      expect(crashes).toEqual([{ process: origin.process, reason: oops, handled: false }]);
    }));

  test("is called after everybody else has heard", async () => {
    const log: string[] = [];
    const runtime = createRuntime({ onCrash: () => log.push("onCrash") });
    const process = runtime.spawn(() => {
      throw oops;
    });
    process.onExit(() => log.push("observer"));
    process.onExit(() => log.push("resource"), "resource");
    await process.settled;
    expect(log).toEqual(["resource", "observer", "onCrash"]);
  });

  test("may throw: that is an uncaught exception, and the runtime goes on", async () => {
    const runtime = createRuntime({
      onCrash: () => {
        throw new Error("the hook");
      },
    });
    const errors = await uncaughtDuring(async () => {
      await runtime.spawn(() => Promise.reject(oops)).settled;
      expect(await runtime.spawn(() => "goes on").result).toBe("goes on");
    });
    expect(errors).toEqual([new Error("the hook")]);
  });
});

describe("a crash is handled", () => {
  const observers: readonly [string, (target: Process, watcher: Puppet) => unknown][] = [
    ["monitors it", (target, { self }) => self.monitor(target)],
    [
      "is linked to it and traps exits",
      (target, { self }) => {
        self.trapExits(true);
        self.link(target);
      },
    ],
    ["has asked for its result", (target) => target.result],
    ["has asked when it has exited", (target) => target.exited],
    ["listens as an observer", (target) => target.onExit(() => undefined, "observer")],
    ["listens without a role", (target) => target.onExit(() => undefined)],
    ["waits for an answer from it", (target) => call(target.subject, 1_000, () => undefined as never)],
    [
      "is linked to it and watched in turn",
      (target, { self, process }) => {
        self.link(target);
        return process.exited;
      },
    ],
  ];

  test.each(observers)("where somebody %s", (_how, observe) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const target = spawnIdle(runtime);
      observe(target, await spawnPuppet(runtime));
      target.sendAbnormalExit(oops);
      expect(crashes).toEqual([{ process: target, reason: oops, handled: true }]);
    }),
  );

  test("where a parent hears that traps exits, and lives on", () =>
    inProcess(async (self, { crashes }) => {
      self.trapExits(true);
      const child = self.spawn(() => {
        throw oops;
      });
      const exit = await self.receiveForever(selectTrappedExits(newSelector(), (message) => message));
      expect(exit).toEqual({ type: "ExitMessage", owner: child, reason: { type: "Abnormal", reason: oops } });
      expect(crashes).toEqual([{ process: child, reason: oops, handled: true }]);
    }));
});

describe("a crash is not handled", () => {
  test("where only a resource listens, and where somebody asks when it has settled", () =>
    inProcess((_self, { runtime, crashes }) => {
      const process = spawnIdle(runtime);
      process.onExit(() => undefined, "resource");
      void process.settled;
      process.sendAbnormalExit(oops);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where the observer has left", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = spawnIdle(runtime);
      const { self } = await spawnPuppet(runtime);
      process.onExit(() => undefined)();
      self.demonitor(self.monitor(process));
      self.trapExits(true);
      self.link(process);
      self.unlink(process);
      process.sendAbnormalExit(oops);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where the process that watched it has ended", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const process = spawnIdle(runtime);
      const watcher = await spawnPuppet(runtime);
      watcher.self.trapExits(true);
      watcher.self.monitor(process);
      watcher.self.exit(Normal);
      process.sendAbnormalExit(oops);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where a call to it is over, by an answer or by its time", () =>
    inProcess(async (self, { runtime, clock, crashes }) => {
      const callee = await spawnPuppet(runtime);
      const inbox = callee.self.newSubject<{ readonly reply: { send(message: string): void } }>();
      const answered = self.call(inbox, 10, (reply) => ({ reply }));
      (await callee.self.receiveForever(inbox)).reply.send("answer");
      await answered;
      const late = self.call(inbox, 10, (reply) => ({ reply }));
      await clock.advance(10);
      await late;
      callee.process.sendAbnormalExit(oops);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where it only ends a linked process that nobody watches", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const [one, other] = [await spawnPuppet(runtime), await spawnPuppet(runtime)];
      one.self.link(other.process);
      one.process.sendAbnormalExit(oops);
      expect(other.process.isAlive).toBe(false);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where it only ends a ring of linked processes that nobody watches", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const ring = [await spawnPuppet(runtime), await spawnPuppet(runtime), await spawnPuppet(runtime)] as const;
      ring[0].self.link(ring[1].process);
      ring[1].self.link(ring[2].process);
      ring[2].self.link(ring[0].process);
      ring[0].process.sendAbnormalExit(oops);
      expect(ring.map(({ process }) => process.isAlive)).toEqual([false, false, false]);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));

  test("where it comes back over links to the process that it came from, which traps exits", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const ring = [await spawnPuppet(runtime), await spawnPuppet(runtime), await spawnPuppet(runtime)] as const;
      ring[0].self.trapExits(true);
      for (const { self } of ring) for (const { process } of ring) self.link(process);
      ring[0].self.exit({ type: "Abnormal", reason: oops });
      expect(ring.map(({ process }) => process.isAlive)).toEqual([false, false, false]);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));
});

describe("a crash in a net of linked processes", () => {
  const size = 5;
  const node = fc.integer({ min: 0, max: size - 1 });
  const net = fc.record({
    links: fc.array(fc.tuple(node, node), { minLength: 2, maxLength: 8 }),
    trapping: fc.subarray([...Array(size).keys()]),
    watched: fc.subarray([...Array(size).keys()], { maxLength: 1 }),
    origin: node,
    how: fc.constantFrom("Abnormal" as const, "Killed" as const, "Normal" as const),
  });
  type Net = typeof net extends fc.Arbitrary<infer N> ? N : never;

  test("ends whom it reaches over those who do not trap exits, and is handled where anybody who hears lives on or is watched", async () => {
    await fc.assert(
      fc.asyncProperty(net, async (of) => {
        expect(await outcomeOf(of)).toEqual(modelOf(of));
      }),
      { numRuns: 300 },
    );
  });

  function modelOf({ links, trapping, watched, origin, how }: Net): { ended: number[]; handled: boolean[] } {
    const ended = [origin];
    let isHeard = watched.includes(origin);
    for (const one of ended) {
      for (const [a, b] of how === "Normal" ? [] : links) {
        const other = a === one ? b : a;
        if ((a !== one && b !== one) || ended.includes(other)) continue;
        if (trapping.includes(other) || watched.includes(other)) isHeard = true;
        if (!trapping.includes(other)) ended.push(other);
      }
    }
    return { ended: ended.sort(), handled: how === "Abnormal" ? [isHeard] : [] };
  }

  function outcomeOf({ links, trapping, watched, origin, how }: Net): Promise<ReturnType<typeof modelOf>> {
    return inProcess(async (_self, { runtime, crashes }) => {
      const puppets: Puppet[] = [];
      for (let index = 0; index < size; index++) puppets.push(await spawnPuppet(runtime));
      for (const [a, b] of links) puppets[a]?.self.link((puppets[b] as Puppet).process);
      for (const index of trapping) puppets[index]?.self.trapExits(true);
      for (const index of watched) puppets[index]?.process.onExit(() => undefined);
      puppets[origin]?.self.exit(how === "Abnormal" ? { type: how, reason: oops } : { type: how });
      return {
        ended: [...puppets.keys()].filter((index) => puppets[index]?.process.isAlive === false),
        handled: crashes.map(({ handled }) => handled),
      };
    });
  }
});

describe("a runtime without onCrash", () => {
  test("throws a crash that nobody hears as an uncaught exception: the error itself", async () => {
    const runtime = createRuntime();
    expect(await uncaughtDuring(() => runtime.spawn(() => Promise.reject(oops)).settled)).toEqual([oops]);
  });

  test.each<[string, unknown]>([
    ['"just text"', "just text"],
    ["undefined", undefined],
    ["Symbol(oh)", Symbol("oh")],
    ["{ type: 'Refused', by: { nick: 'joe' } }", { type: "Refused", by: { nick: "joe" } }], // it was [object Object]
    ["[Object: null prototype] {}", Object.create(null)], // it was a TypeError of our own
  ])("wraps what is no error, and says which process it was and what it threw: %s", async (text, thrown) => {
    const runtime = createRuntime();
    let process: Process | undefined;
    const errors = await uncaughtDuring(() => {
      process = runtime.spawn(() => {
        throw thrown;
      });
    });
    expect(errors).toEqual([expect.any(Error)]);
    const error = errors[0] as Error;
    expect(error.message).toBe(`Process ${process?.id} ended abnormally and nobody watched it: ${text}`);
    expect(error.cause).toBe(thrown);
  });

  test("throws a crash that ended linked processes once", async () => {
    const runtime = createRuntime();
    const errors = await uncaughtDuring(async () => {
      const parent = runtime.spawn(async (self) => {
        self.spawn(() => Promise.reject(oops));
        await self.receiveForever(self.newSubject());
      });
      await parent.settled;
    });
    expect(errors).toEqual([oops]);
  });

  test("throws nothing that somebody hears", async () => {
    const runtime = createRuntime();
    const errors = await uncaughtDuring(() => runtime.spawn(() => Promise.reject(oops)).exited);
    expect(errors).toEqual([]);
  });

  test("ends the program with the error, as any uncaught exception does", async () => {
    const { code, stdout, stderr } = await runProgram(`
      import { spawn } from "tankard";
      spawn(() => { throw new Error("nobody heard me") });
      setTimeout(() => console.log("went on"), 100);
    `);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("Error: nobody heard me");
  });
});

describe("an exit listener that throws", () => {
  const listenerError = new Error("the listener");
  const throwing = (): void => {
    throw listenerError;
  };

  test.each(["resource", "observer"] as const)("keeps nobody else from hearing (%s)", async (role) => {
    const { runtime, crashes } = createWorld();
    const heard: string[] = [];
    const errors = await uncaughtDuring(async () => {
      const process = spawnIdle(runtime);
      const linked = await spawnPuppet(runtime);
      linked.self.link(process);
      process.onExit(throwing, role);
      process.onExit(() => heard.push("resource"), "resource");
      process.onExit(() => heard.push("observer"));
      process.kill();
      heard.push((await process.exited).type, (await linked.process.exited).type);
    });
    expect(heard).toEqual(["resource", "observer", "Killed", "Killed"]);
    expect(errors).toEqual([listenerError]);
    expect(crashes).toEqual([]);
  });

  test("throws to its caller where the process has ended already", () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    process.kill();
    expect(() => process.onExit(throwing)).toThrow(listenerError);
  });
});

describe("a linked owner whose exit throws", () => {
  test("keeps nobody else from hearing", async () => {
    const { runtime } = createWorld();
    const { process, self } = await spawnPuppet(runtime);
    const heard: string[] = [];
    await uncaughtDuring(() => {
      self.link(throwingOwner(runtime));
      process.onExit(() => heard.push("observer"));
      void process.exited.then(() => heard.push("exited"));
      expect(() => process.kill()).not.toThrow();
    });
    expect(heard).toEqual(["observer", "exited"]);
  });

  function throwingOwner(runtime: Runtime): Owner {
    return {
      runtime,
      deliver: () => undefined,
      onExit: () => () => undefined,
      exit: () => {
        throw new Error("the owner");
      },
    };
  }
});

describe("a crash", () => {
  test("of one process leaves all others alone that are not linked to it", () =>
    inProcess(async (_self, { runtime }) => {
      const others = [spawnIdle(runtime), spawnIdle(runtime)];
      await runtime.spawn(() => Promise.reject(oops)).settled;
      expect(others.map(({ isAlive }) => isAlive)).toEqual([true, true]);
    }));
});
