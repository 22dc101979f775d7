import { describe, expect, test } from "@jest/globals";
import { createActor, fromTransition, setup, SimulatedClock as XStateSimulatedClock, toPromise } from "xstate";
import { type OwnSubject, type Runtime, spawn, type TcpMessage } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { actorOwner, clockOf, fromProcess } from "tankard/xstate";
import { createWorld } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

const logic = fromTransition((seen: string, { type }: TcpMessage) => seen + type, "");

function runtimeOf(actor: ReturnType<typeof createActor<typeof logic>>): Runtime | undefined {
  const { runtime } = actorOwner(actor);
  actor.stop();
  return runtime;
}

/** A process that sleeps, and is a machine's child beside a delay of the machine's own. */
const timed = setup({
  types: { context: {} as { log: string[] } },
  actors: {
    sleeper: fromProcess(async (self, _events: OwnSubject<{ type: "x" }>) => {
      await self.sleep(1_000);
      return "slept";
    }),
  },
}).createMachine({
  context: () => ({ log: [] }),
  initial: "on",
  invoke: { src: "sleeper", onDone: { actions: ({ context }) => context.log.push("slept") } },
  states: {
    on: { after: { 1_001: { target: "off", actions: ({ context }) => context.log.push("after") } } },
    off: { type: "final" },
  },
});

describe("an XState system", () => {
  test("lives in the default runtime", () => {
    expect(runtimeOf(createActor(logic))).toBe(spawn(() => undefined).runtime);
  });

  test("lives in the runtime whose clock it was given", () => {
    const { runtime } = createWorld();
    expect(clockOf(runtime)).toBe(clockOf(runtime));
    expect(runtimeOf(createActor(logic, { clock: clockOf(runtime) }))).toBe(runtime);
  });

  test("lives in a runtime of its own on another clock, which it shares with others on that clock", () => {
    const clock = createSimulatedClock();
    const runtime = runtimeOf(createActor(logic, { clock }));
    expect(runtime).not.toBe(spawn(() => undefined).runtime);
    expect(runtimeOf(createActor(logic, { clock }))).toBe(runtime);
  });

  test("runs on a runtime's clock: a delay of a machine is a timer of the runtime", async () => {
    const world = createWorld();
    const actor = createActor(timed, { clock: clockOf(world.runtime) }).start();
    await turns();
    await world.clock.advance(1_000);
    expect(actor.getSnapshot().context.log).toEqual(["slept"]);
    expect(await isSettledWithin(world.runtime.idle())).toBe(false);
    await world.clock.advance(1);
    expect(actor.getSnapshot()).toMatchObject({ status: "done", context: { log: ["slept", "after"] } });
    expect(await isSettledWithin(world.runtime.idle())).toBe(true);
  });

  test("shares our simulated clock with its processes", async () => {
    const clock = createSimulatedClock();
    const actor = createActor(timed, { clock }).start();
    await turns();
    await clock.advance(1_001);
    expect(actor.getSnapshot().context.log).toEqual(["slept", "after"]);
    expect(clock.pending).toBe(0);
  });

  test("shares XState's simulated clock with its processes", async () => {
    const clock = new XStateSimulatedClock();
    const actor = createActor(timed, { clock }).start();
    await turns();
    clock.increment(1_000);
    await turns();
    clock.increment(1);
    expect(actor.getSnapshot().context.log).toEqual(["slept", "after"]);
  });

  test("shares a clock that does not tell the time", async () => {
    const timers: { callback: () => void; ms: number }[] = [];
    const clock = {
      setTimeout: (callback: () => void, ms: number) => timers.push({ callback, ms }),
      clearTimeout: (id: number) => void timers.splice(id - 1, 1),
    };
    const actor = createActor(timed, { clock }).start();
    await turns();
    expect(timers.map(({ ms }) => ms)).toEqual([1_001, 1_000]);
    timers[1]?.callback();
    await turns();
    timers[0]?.callback();
    expect(await toPromise(actor)).toBeUndefined();
    expect(actor.getSnapshot().context.log).toEqual(["slept", "after"]);
  });

  test("lets a delay that is no number pass at once, and no other timer suffers", async () => {
    const world = createWorld();
    const machine = setup({ delays: { odd: () => NaN } }).createMachine({
      initial: "on",
      states: { on: { after: { odd: "off" } }, off: { type: "final" } },
    });
    const actor = createActor(machine, { clock: clockOf(world.runtime) }).start();
    const sleeper = world.runtime.spawn((self) => self.sleep(10));
    await turns();
    await world.clock.advance(10);
    expect(actor.getSnapshot().status).toBe("done");
    expect(sleeper.isAlive).toBe(false);
  });

  test("takes a timer back that is cancelled", async () => {
    const world = createWorld();
    const actor = createActor(timed, { clock: clockOf(world.runtime) }).start();
    await turns();
    actor.stop();
    expect(world.clock.pending).toBeLessThanOrEqual(1); // one that has become too early rings for nobody
    expect(await isSettledWithin(world.runtime.idle())).toBe(true);
  });
});
