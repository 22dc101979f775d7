// A machine on one of its ways, over real sockets: it is brought from one state to the next, as the path has it.

import { isDeepStrictEqual } from "node:util";
import type { AnyStateMachine, SnapshotFrom } from "xstate";
import type { SimulatedClock } from "tankard/testing";
import type { MachinePath, PathStep } from "./machine-paths.ts";
import { until } from "./peer.ts";
import type { ScriptedServer } from "./scripted-server.ts";
import { turns } from "./turns.ts";

/**
 * Brings about each step, as soon as the machine is where the path has it before: `keyOf` both is the same JSON. A step
 * that comes by itself behind the one before is not waited for: the machine may be past it.
 */
export async function followPath<TMachine extends AnyStateMachine>(
  actor: { getSnapshot(): SnapshotFrom<TMachine> },
  path: MachinePath<TMachine>,
  options: {
    readonly keyOf: (snapshot: SnapshotFrom<TMachine>) => unknown;
    readonly comesByItself: (at: number) => boolean;
    readonly bringAbout: (step: PathStep<TMachine>, at: number) => void | Promise<void>;
  },
): Promise<void> {
  const keyText = (snapshot: SnapshotFrom<TMachine>): string => JSON.stringify(options.keyOf(snapshot));
  const arrive = async (where: SnapshotFrom<TMachine>): Promise<void> => {
    const key = keyText(where);
    const isThere = (): boolean => keyText(actor.getSnapshot()) === key;
    try {
      await until(isThere, `The machine is not at ${key}`);
    } catch (error) {
      throw new Error(`The machine is at ${keyText(actor.getSnapshot())}`, { cause: error });
    }
  };
  for (const [at, step] of path.steps.entries()) {
    if (!options.comesByItself(at)) await arrive(step.before);
    await options.bringAbout(step, at);
  }
  await arrive(path.end);
}

/** Lets time pass to the moment when the machine's state changes, and not before. */
export async function waitFor(
  milliseconds: number,
  clock: SimulatedClock,
  actor: { getSnapshot(): { readonly value: unknown } },
): Promise<void> {
  const { value } = actor.getSnapshot();
  await clock.advance(milliseconds - 1);
  const early = actor.getSnapshot().value;
  if (!isDeepStrictEqual(early, value)) throw new Error(`The machine is at ${JSON.stringify(early)} too early`);
  await clock.advance(1);
}

/** Looks that nothing is open when a machine is done: no connection and no timer, nor comes one, whatever time passes. */
export async function expectNothingOpen(clock: SimulatedClock, server: ScriptedServer): Promise<void> {
  await server.clientsEnded();
  const { accepted } = server;
  await clock.advance(1_000_000);
  await turns();
  if (clock.pending > 0) throw new Error(`${clock.pending} timers are set`);
  if (server.accepted > accepted) throw new Error("A client has come that should be done");
}

/** A door that the test opens. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/** Whether an act decides about an attempt to connect. */
export function isEndOfAttempt(act: string | undefined): boolean {
  return act === "refused" || act === "Connected";
}

/** Whether the next attempt to connect, among these acts, is refused. */
export function isNextRefused(acts: readonly string[]): boolean {
  return acts.find(isEndOfAttempt) === "refused";
}
