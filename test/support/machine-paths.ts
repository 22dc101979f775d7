// The ways through a machine that is a client, as XState's graph knows them, as runs against a server that misbehaves.

import type { AnyStateMachine, EventFromLogic, InputFrom, SnapshotFrom } from "xstate";
import { getSimplePaths } from "xstate/graph";
import type { Fault, Script, Turn } from "./scripted-server.ts";

export interface PathStep<TMachine extends AnyStateMachine> {
  /** Where the machine is when the event comes. */
  readonly before: SnapshotFrom<TMachine>;
  readonly event: EventFromLogic<TMachine>;
}

/** A way from the machine's beginning to one of its ends. */
export interface MachinePath<TMachine extends AnyStateMachine> {
  readonly steps: readonly PathStep<TMachine>[];
  readonly end: SnapshotFrom<TMachine>;
}

/**
 * Every way on which no state (with its context) comes twice, through the pure logic: no actor is started and no time
 * passes. `events` are those that may come in a state; what others would come from (ends, time) are a server's faults.
 */
export function pathsToEnds<TMachine extends AnyStateMachine>(
  machine: TMachine,
  options: {
    readonly input: InputFrom<TMachine>;
    readonly events: (snapshot: SnapshotFrom<TMachine>) => readonly EventFromLogic<TMachine>[];
  },
): MachinePath<TMachine>[] {
  type Options = NonNullable<Parameters<typeof getSimplePaths<TMachine>>[1]>;
  const simple = getSimplePaths(machine, { ...options, serializeState: stateKey } as unknown as Options);
  return simple
    .filter(({ state }) => state.status === "done")
    .map(({ state, steps }) => ({
      // Each of XState's steps has the state behind its event, and the first has the beginning.
      steps: steps.slice(1).map(({ event }, at) => ({ before: steps[at]?.state as SnapshotFrom<TMachine>, event })),
      end: state as SnapshotFrom<TMachine>,
    }));
}

function stateKey(snapshot: { readonly value: unknown; readonly context: unknown }): string {
  return JSON.stringify([snapshot.value, snapshot.context]);
}

/** One conversation of the machine with a server, and the path that it is on, until the fault. */
export interface MachineRun<TMachine extends AnyStateMachine> {
  readonly name: string;
  readonly path: MachinePath<TMachine>;
  readonly script: Script;
  /** The step in which the server does wrong. */
  readonly faultyStep: PathStep<TMachine> | undefined;
}

/**
 * Turns paths into runs: every path as it is, and with each fault in each turn of the server's. `turnOf` says what a server
 * does that brings a step about; one that is not the server's (a connection) has none. A fault behind the same
 * beginning is run once, whatever would have come later.
 */
export function runsOf<TMachine extends AnyStateMachine>(
  paths: readonly MachinePath<TMachine>[],
  turnOf: (step: PathStep<TMachine>) => Turn | undefined,
  faultsOf: (step: PathStep<TMachine>) => readonly Fault[],
): MachineRun<TMachine>[] {
  const runs = new Map<string, MachineRun<TMachine>>();
  for (const path of paths) {
    const served = path.steps.flatMap((step) => {
      const turn = turnOf(step);
      return turn === undefined ? [] : [{ step, turn }];
    });
    const turns = served.map(({ turn }) => turn);
    const answers = turns.map(({ answer }) => answer.toString());
    const name = answers.map((answer) => JSON.stringify(answer)).join(" ");
    runs.set(name, { name, path, script: { turns }, faultyStep: undefined });
    for (const [at, { step }] of served.entries()) {
      for (const how of faultsOf(step)) {
        if (how === "WithNext" && at + 1 === turns.length) continue;
        const key = JSON.stringify([answers.slice(0, at + 2), at, how]);
        if (runs.has(key)) continue;
        const wrong = typeof how === "string" ? how : `says ${JSON.stringify(how.says.toString())}`;
        runs.set(key, {
          name: `${name}, turn ${at}: ${wrong}`,
          path,
          script: { turns, fault: { at, how } },
          faultyStep: step,
        });
      }
    }
  }
  return [...runs.values()];
}
