import { describe, expect, test } from "@jest/globals";
import { createActor, type DoneActorEvent, type ErrorActorEvent, setup } from "xstate";
import {
  Abnormal,
  createRuntime,
  ExitSignal,
  Killed,
  newSelector,
  Normal,
  type Owner,
  ownerFromCallback,
  type Process,
  selectTrappedExits,
} from "tankard";
import { actorOwner, clockOf, fromLink, fromMonitor } from "tankard/xstate";
import { createWorld, inProcess, spawnIdle } from "../support/in-process.ts";
import { invoking } from "../support/parent.ts";
import { turns } from "../support/turns.ts";

const done = "xstate.done.actor.child";
const failed = "xstate.error.actor.child";
const oops = new Error("oops");

const ends = [
  ["throws", (process: Process) => process.sendAbnormalExit(oops), Abnormal(oops)],
  ["is killed", (process: Process) => process.kill(), Killed],
] as const;

describe("fromMonitor", () => {
  test.each(ends)("is done when the process %s, and says why", async (_how, end, reason) => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    await using parent = invoking(fromMonitor(), { target: process });
    end(process);
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual(reason);
    expect(parent.crashes).toEqual([]);
  });

  test("says noproc of one that had ended before", async () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    process.kill();
    await using parent = invoking(fromMonitor(), { target: process });
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual(Abnormal("noproc"));
  });

  test("hears nothing once its state is left, and so a crash is unhandled", async () => {
    const world = createWorld();
    const process = spawnIdle(world.runtime);
    await using parent = invoking(fromMonitor(), { target: process });
    parent.leave();
    process.sendAbnormalExit(oops);
    expect(parent.types).toEqual([]);
    expect(world.crashes).toMatchObject([{ handled: false }]);
  });

  test("watches any owner, and another actor by its owner", async () => {
    const callback = ownerFromCallback(() => undefined);
    await using one = invoking(fromMonitor(), { target: callback });
    callback.exit();
    expect((await one.told<DoneActorEvent>(done)).output).toEqual(Normal);
    const machine = createActor(setup({}).createMachine({})).start();
    await using another = invoking(fromMonitor(), { target: actorOwner(machine, newSelector()) });
    machine.stop();
    expect((await another.told<DoneActorEvent>(done)).output).toEqual(Normal);
  });
});

describe("fromLink", () => {
  test.each([
    ["throws", (process: Process) => process.sendAbnormalExit(oops), oops],
    ["is killed", (process: Process) => process.kill(), expect.any(ExitSignal)],
  ] as const)("fails when the process %s: a machine with onError traps exits", async (_how, end, error) => {
    const world = createWorld();
    const process = spawnIdle(world.runtime);
    await using parent = invoking(fromLink(), { target: process });
    end(process);
    expect((await parent.told<ErrorActorEvent>(failed)).error).toEqual(error);
    expect(world.crashes.filter(({ handled }) => !handled)).toEqual([]);
  });

  test("takes a machine down that does not handle it", async () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    const machine = createActor(linkedMachine(process), { clock: clockOf(runtime) });
    const errors: unknown[] = [];
    machine.subscribe({ error: (error) => errors.push(error) });
    machine.start();
    process.sendAbnormalExit(oops);
    await turns();
    expect(machine.getSnapshot().status).toBe("error");
    expect(errors).toEqual([oops]);
  });

  test("is done when the process ends normally", async () => {
    const { runtime } = createWorld();
    const process = runtime.spawn(() => undefined);
    await using parent = invoking(fromLink(), { target: process });
    expect((await parent.told<DoneActorEvent>(done)).output).toEqual(Normal);
  });

  test("fails with noproc where the process had ended before", async () => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    process.kill();
    await using parent = invoking(fromLink(), { target: process });
    expect((await parent.told<ErrorActorEvent>(failed)).error).toBe("noproc");
  });

  test("takes the process down when the machine fails, which is reported where it comes from alone", async () => {
    const world = createWorld();
    const process = spawnIdle(world.runtime);
    await using parent = invoking(fromLink(), { target: process });
    parent.crash(oops);
    expect(process.isAlive).toBe(false);
    expect(world.crashes).toEqual([]);
    expect(await process.exited).toEqual(Abnormal(oops));
  });

  test("fails where there is no target", async () => {
    await using parent = invoking(fromLink(), {});
    expect((await parent.told<ErrorActorEvent>(failed)).error).toMatchObject({ name: "TypeError" });
  });

  test("tells a process that traps exits, which knows the machine by its owner", () =>
    inProcess(async (self) => {
      self.trapExits(true);
      await using parent = invoking(fromLink(), { target: self });
      parent.crash(oops);
      const exit = await self.receive(
        selectTrappedExits(newSelector(), (message) => message),
        0,
      );
      expect(exit).toMatchObject({ ok: true, value: { owner: actorOwner(parent.actor), reason: Abnormal(oops) } });
    }));

  test.each(["leave", "stop"] as const)("is undone when the machine does %s", async (how) => {
    const { runtime } = createWorld();
    const process = spawnIdle(runtime);
    await using parent = invoking(fromLink(), { target: process });
    if (how === "leave") parent.leave();
    else parent.actor.stop();
    expect(process.isAlive).toBe(true);
    process.sendAbnormalExit("shutdown");
    await turns();
    expect(parent.types).toEqual([]);
  });

  test("ties two machines together", async () => {
    const runtime = createRuntime();
    const one = createActor(setup({}).createMachine({ on: { throw: { actions: fail } } }), { clock: clockOf(runtime) });
    one.subscribe({ error: () => undefined });
    one.start();
    const other = createActor(linkedMachine(actorOwner(one, newSelector())), { clock: clockOf(runtime) });
    other.subscribe({ error: () => undefined });
    other.start();
    one.send({ type: "throw" });
    await turns();
    expect(other.getSnapshot()).toMatchObject({ status: "error", error: oops });
  });
});

function fail(): never {
  throw oops;
}

function linkedMachine(target: Owner) {
  return setup({ actors: { link: fromLink() } }).createMachine({ invoke: { src: "link", input: { target } } });
}
