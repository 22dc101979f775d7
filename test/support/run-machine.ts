// A client machine, run against a scripted server in time that stands still.

import { type AnyStateMachine, createActor, type InputFrom, type SnapshotFrom, toPromise } from "xstate";
import { createSimulatedClock } from "tankard/testing";
import { until, within } from "./peer.ts";
import type { ScriptedServer } from "./scripted-server.ts";

export interface FinishedMachine<TMachine extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<TMachine>;
  /** Simulated milliseconds that have passed: none where the machine never had to wait in vain. */
  readonly passedMs: number;
}

/**
 * Runs the machine to its end, over real sockets. Only where the server lets it wait in vain time passes, `stallMs` at a
 * time. Nothing may be open then: no connection and no timer.
 */
export async function runMachine<TMachine extends AnyStateMachine>(
  machine: TMachine,
  input: InputFrom<TMachine>,
  server: ScriptedServer,
  stallMs: number,
): Promise<FinishedMachine<TMachine>> {
  const clock = createSimulatedClock();
  const actor = createActor(machine as AnyStateMachine, { clock, input });
  const over = toPromise(actor).then(
    () => undefined,
    () => undefined, // its snapshot says it
  );
  actor.start();
  const isStalled = await within(
    Promise.race([over.then(() => false), server.stalled.then(() => true)]),
    "Neither ends the machine, nor does it wait",
  );
  if (isStalled) await clock.advance(stallMs);
  await within(over, "The machine does not end");
  const passedMs = clock.now();
  await server.clientsEnded();
  // One is the runtime's, which looks when the first of its alarms was due, also if that has been cleared.
  await until(() => clock.pending <= 1, "The machine's timers are not all gone");
  return { snapshot: actor.getSnapshot() as SnapshotFrom<TMachine>, passedMs };
}
