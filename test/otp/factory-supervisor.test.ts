import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  err,
  type ExitReason,
  Killed,
  newName,
  newSelector,
  Normal,
  ok,
  type Process,
  selectTrappedExits,
  type Self,
  unwrap,
} from "tankard";
import {
  type FactoryOptions,
  type FactoryRequest,
  type FactorySupervisor,
  namedFactorySupervisor,
  startFactorySupervisor,
  startSupervisor,
} from "tankard/otp";
import { start } from "../../src/otp/start.ts";
import { type Family, type FamilyMember, newFamily } from "../support/family.ts";
import { inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

const oops = new Error("oops");
const exits = selectTrappedExits(newSelector(), (exit) => exit);

type Options = FactoryOptions<string, FamilyMember>;
type Factory = FactorySupervisor<string, FamilyMember>;

/** A factory whose children are called by their argument. */
async function started(self: Self, family: Family, options: Partial<Options> = {}): Promise<Factory> {
  self.trapExits(true);
  const start: Options["start"] = (id, host) => family.start(id, host);
  return unwrap(await startFactorySupervisor({ start, ...options }, self)).data;
}

function listing(factory: Factory): string[] {
  return factory.children().map(({ argument, process }) => (process === undefined ? `${argument}!` : argument));
}

/** A promise that the test keeps, and how it does so. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** What a view that hands everything on has under `name`. */
function viewOf(process: Process, name: string | symbol): unknown {
  const value: unknown = Reflect.get(process, name);
  return typeof value === "function" ? (value.bind(process) as unknown) : value;
}

describe("startFactorySupervisor", () => {
  test("starts a child for each argument, and gives what the child gave", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const factory = await started(self, family);
      const a = unwrap(await factory.startChild("a"));
      unwrap(await factory.startChild("b"));
      expect(a.data).toBe(family.member("a"));
      expect(factory.children()).toEqual([
        { argument: "a", process: a.process },
        { argument: "b", process: family.member("b").process },
      ]);
      expect(factory.countChildren()).toEqual({ specs: 2, active: 2 });
    }));

  test.each<[string, Options["start"], unknown]>([
    ["gives an error", () => Promise.resolve(err({ type: "InitTimeout" })), { type: "InitTimeout" }],
    ["rejects", () => Promise.reject(oops), { type: "InitFailed", reason: oops }],
    [
      "throws",
      () => {
        throw oops;
      },
      { type: "InitFailed", reason: oops },
    ],
  ])("says why a child did not start, and forgets it: one whose start %s", (_what, failing, error) =>
    inProcess(async (self, { crashes }) => {
      const factory = await started(self, newFamily(), { start: failing });
      expect(await factory.startChild("a")).toEqual(err(error));
      expect(factory.countChildren()).toEqual({ specs: 0, active: 0 });
      expect(crashes).toEqual([]);
    }),
  );

  test("starts many at a time: a slow one holds up no other", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const slow = gate();
      const factory = await started(self, family, {
        start: async (id, host) => {
          if (id === "slow") await slow.opened;
          return family.start(id, host);
        },
      });
      const first = factory.startChild("slow");
      unwrap(await factory.startChild("a"));
      expect(listing(factory)).toEqual(["slow!", "a"]);
      expect(await isSettledWithin(first)).toBe(false);
      slow.open();
      unwrap(await first);
      expect(family.history()).toEqual(["+a", "+slow"]);
    }));

  test.each<[string, unknown, string]>([
    ["an option that does not exist", { restat: "Permanent" }, `unknown option "restat", did you mean "restart"?`],
    ["no start", { start: 5 }, "start must be a function, received 5"],
    ["a restart that does not exist", { restart: "Never" }, "restart must be one of"],
    ["a tolerance that says nothing", { restartTolerance: { intensity: 0.5, periodMs: 1 } }, "intensity must be"],
    ["a negative time", { shutdownTimeoutMs: -5 }, "shutdownTimeoutMs must be from 0"],
  ])("throws for %s", async (_what, options, message) => {
    const thrown = await thrownBy(() =>
      startFactorySupervisor({ start: () => Promise.reject(oops), ...(options as Partial<Options>) }),
    );
    expect(String(thrown)).toMatch(/^(TypeError|RangeError): /);
    expect((thrown as Error).message).toContain(`Cannot start a factory supervisor: ${message}`);
  });
});

describe("a child of a factory that ends", () => {
  test.each<[ExitReason, boolean]>([
    [Normal, false],
    [Abnormal("shutdown"), false],
    [Abnormal(oops), true],
    [Killed, true],
  ])("with %j: whether it is started again is %p", (reason, isAgain) =>
    inProcess(async (self) => {
      const family = newFamily();
      const factory = await started(self, family);
      unwrap(await factory.startChild("a"));
      family.member("a").self.exit(reason);
      await turns();
      expect(family.history()).toEqual(isAgain ? ["+a", "-a", "+a"] : ["+a", "-a"]);
      expect(listing(factory)).toEqual(isAgain ? ["a"] : []);
    }),
  );

  test("is started again where what the start gave is a view of its process", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const start: Options["start"] = async (id, host) => {
        const { process, data } = unwrap(await family.start(id, host));
        return ok({ process: new Proxy<Process>({} as Process, { get: (_, name) => viewOf(process, name) }), data });
      };
      const factory = await started(self, family, { start });
      unwrap(await factory.startChild("a"));
      family.member("a").self.exit(Killed);
      await turns();
      expect(family.history()).toEqual(["+a", "-a", "+a"]);
    }));

  test("is always started again where it is Permanent, and never where it is Temporary", () =>
    inProcess(async (self) => {
      const [permanent, temporary] = [newFamily(), newFamily()];
      const one = await started(self, permanent, { restart: "Permanent" });
      const other = await started(self, temporary, { restart: "Temporary" });
      unwrap(await one.startChild("a"));
      unwrap(await other.startChild("a"));
      permanent.member("a").leave();
      temporary.member("a").process.kill();
      await turns();
      expect([listing(one), listing(other)]).toEqual([["a"], []]);
    }));

  test("before its start has been answered is known by its own reason", () =>
    inProcess(async (self) => {
      const ends: (() => void)[] = [
        () => undefined,
        () => {
          throw oops;
        },
      ];
      const starts: string[] = [];
      const factory = await started(self, newFamily(), {
        start: async (id, host) => {
          starts.push(id);
          const result = await start(host, { initTimeoutMs: 1_000 }, () => ({
            data: undefined as never,
            run: ends.shift() ?? (() => new Promise(() => undefined)),
          }));
          await turns(2); // it has ended long before this answers
          return result;
        },
      });
      unwrap(await factory.startChild("normal"));
      unwrap(await factory.startChild("crashes"));
      await turns(5);
      expect(starts).toEqual(["normal", "crashes", "crashes"]);
      expect(listing(factory)).toEqual(["crashes"]);
    }));

  test("is started again only when its function has returned, or its time is over", () =>
    inProcess(async (self, { clock }) => {
      let starts = 0;
      const factory = await started(self, newFamily(), {
        shutdownTimeoutMs: 200,
        start: (_id, host) =>
          start(host, { initTimeoutMs: 1_000 }, () => ({
            data: ++starts as never,
            run: () => new Promise(() => undefined),
          })),
      });
      const { process } = unwrap(await factory.startChild("a"));
      process.kill();
      await clock.advance(199);
      expect([starts, listing(factory)]).toEqual([1, ["a!"]]);
      await clock.advance(1);
      expect([starts, listing(factory)]).toEqual([2, ["a"]]);
    }));

  test("too often takes the factory and all its children down", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const factory = await started(self, family);
      for (const id of ["a", "b"]) unwrap(await factory.startChild(id));
      family.member("a").self.exit(Abnormal(oops));
      await turns();
      family.failing("a", { type: "InitFailed", reason: oops }, { type: "InitFailed", reason: oops });
      family.member("a").self.exit(Abnormal(oops));
      await turns(5);
      const exit = unwrap(await self.receive(exits, 0));
      expect(exit).toMatchObject({
        owner: factory.process,
        reason: {
          reason: {
            message: `Supervisor gave up: more than 2 restarts in 5000 ms, the last of the child of "a"`,
            cause: oops,
          },
        },
      });
      expect(family.history()).toEqual(["+a", "+b", "-a", "+a", "-a", "!a", "-b"]);
    }));
});

describe("the end of a factory", () => {
  test("stops its children all at once, and kills after one timeout those that do not end", () =>
    inProcess(async (self, { clock, crashes }) => {
      const family = newFamily();
      const factory = await started(self, family, { shutdownTimeoutMs: 300 });
      for (const id of ["a", "b", "c"]) unwrap(await factory.startChild(id));
      for (const id of ["a", "c"]) family.member(id).self.trapExits(true);
      const stopped = factory.stop();
      await clock.advance(299);
      expect(family.history()).toEqual(["+a", "+b", "+c", "-b"]);
      await clock.advance(1);
      await stopped;
      expect(family.history()).toEqual(["-a", "-c"]);
      expect(crashes).toEqual([]);
      expect(clock.pending).toBe(0);
    }));

  test("waits for children that are being started, and stops them too", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const slow = gate();
      const factory = await started(self, family, {
        start: (id, host) => slow.opened.then(() => family.start(id, host)),
      });
      const starting = factory.startChild("a");
      await turns();
      const stopped = factory.stop();
      expect(await isSettledWithin(stopped)).toBe(false);
      slow.open();
      await stopped;
      expect(family.history()).toEqual(["+a", "-a"]);
      unwrap(await starting);
    }));

  test("leaves no child behind that is started too slowly", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const family = newFamily();
      const slow = gate();
      const factory = await started(self, family, { start: (id) => slow.opened.then(() => family.start(id, runtime)) });
      const starting = factory.startChild("a");
      await turns();
      const stopped = factory.stop();
      await clock.advance(5_000);
      await stopped;
      expect(await starting).toEqual(err({ type: "InitExited", reason: Normal }));
      slow.open();
      await turns();
      expect(family.history()).toEqual(["+a", "-a"]);
      expect(deadLetters).toEqual([]);
    }));

  test("answers whoever asks for a child after it, or while it comes", () =>
    inProcess(async (self) => {
      const factory = await started(self, newFamily(), { start: () => new Promise(() => undefined) });
      const starting = factory.startChild("a");
      await turns();
      factory.process.kill();
      expect(await starting).toEqual(err({ type: "InitExited", reason: Killed }));
      expect(await factory.startChild("b")).toEqual(err({ type: "InitExited", reason: Abnormal("noproc") }));
      expect(await isSettledWithin(factory.stop())).toBe(true);
    }));

  test("comes with its parent's, with a kill, and at the end of `await using`", () =>
    inProcess(async (self, { runtime }) => {
      const family = newFamily();
      const parent = await spawnPuppet(runtime);
      const below = await started(parent.self, family);
      unwrap(await below.startChild("a"));
      parent.self.exit(Normal);
      await below.process.exited;
      const killed = await started(self, family);
      unwrap(await killed.startChild("b"));
      killed.process.kill();
      {
        await using factory = await started(self, family);
        unwrap(await factory.startChild("c"));
        expect(JSON.stringify(factory)).toContain("FactorySupervisor");
      }
      expect(family.history()).toEqual(["+a", "-a", "+b", "-b", "+c", "-c"]);
    }));
});

describe("namedFactorySupervisor", () => {
  test("finds the factory by its name, also after it has been started again", () =>
    inProcess(async (self) => {
      const family = newFamily();
      const name = newName<FactoryRequest<string, FamilyMember>>("sessions");
      const sessions = namedFactorySupervisor(name);
      expect(await sessions.startChild("a")).toEqual(err({ type: "InitExited", reason: Abnormal("noproc") }));
      const start: Options["start"] = (id, host) => family.start(id, host);
      const top = unwrap(
        await startSupervisor(
          {
            strategy: "OneForOne",
            children: [{ id: "sessions", start: (host) => startFactorySupervisor({ name, start }, host) }],
          },
          self,
        ),
      ).data;
      unwrap(await sessions.startChild("a"));
      top.children()[0]?.process?.kill();
      await turns();
      unwrap(await sessions.startChild("b"));
      await top.stop();
      expect(family.history()).toEqual(["+a", "-a", "+b", "-b"]);
    }));
});

describe("a factory with ten thousand children", () => {
  test("starts and ends them, and forgets them all", () =>
    inProcess(async (self, { clock }) => {
      const family = newFamily();
      const factory = await started(self, family, { restart: "Temporary" });
      const ids = Array.from({ length: 10_000 }, (_, index) => String(index));
      const begin = performance.now();
      await Promise.all(ids.map((id) => factory.startChild(id)));
      expect(factory.countChildren()).toEqual({ specs: 10_000, active: 10_000 });
      for (const id of ids.slice(0, 5_000)) family.member(id).leave();
      await clock.advance(0);
      expect(factory.countChildren()).toEqual({ specs: 5_000, active: 5_000 });
      await factory.stop();
      expect(family.history()).toHaveLength(20_000);
      await clock.advance(5_000);
      expect(clock.pending).toBe(0);
      // A start or an end that looks at all children takes far longer than this.
      expect(performance.now() - begin).toBeLessThan(5_000);
    }));
});
