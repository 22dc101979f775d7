// A world of its own for each test: a runtime with simulated time, which keeps what its hooks are told.

import { type Crash, createRuntime, type DeadLetter, type Process, type Runtime, type Self } from "tankard";
import { createSimulatedClock, type SimulatedClock } from "tankard/testing";

export interface World {
  readonly runtime: Runtime;
  readonly clock: SimulatedClock;
  /** Every crash so far. */
  readonly crashes: readonly Crash[];
  /** Every dead letter so far. */
  readonly deadLetters: readonly DeadLetter[];
}

export function createWorld(): World {
  const crashes: Crash[] = [];
  const deadLetters: DeadLetter[] = [];
  const clock = createSimulatedClock();
  const runtime = createRuntime({
    clock,
    onCrash: (crash) => void crashes.push(crash),
    onDeadLetter: (letter) => void deadLetters.push(letter),
  });
  return { runtime, clock, crashes, deadLetters };
}

/** Runs a test as a process, in a world of its own. What it throws, the test throws. */
export async function inProcess<T>(run: (self: Self, world: World) => T | PromiseLike<T>): Promise<T> {
  const world = createWorld();
  try {
    return await world.runtime.spawn((self) => run(self, world)).result;
  } finally {
    await world.runtime.stop();
  }
}

/** A process that only waits for messages, which never come. It is linked to nobody. */
export function spawnIdle(runtime: Runtime): Process {
  return runtime.spawn((self) => self.receiveForever(self.newSubject()));
}

export interface Puppet {
  readonly process: Process;
  readonly self: Self;
}

/** A process that does what the test does in its name, and nothing by itself. It is linked to nobody. */
export function spawnPuppet(runtime: Runtime): Promise<Puppet> {
  return new Promise((started) => {
    const process: Process = runtime.spawn(
      (self) =>
        new Promise<void>((resolve) => {
          self.onExit(() => resolve(), "resource"); // ended, it returns too
          started({ process, self });
        }),
    );
  });
}

/** What an action throws or rejects with; `undefined` where it does neither. */
export async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  return undefined;
}
