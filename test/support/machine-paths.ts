// The ways through a machine that is a client, as XState's graph knows them, as runs against a server that misbehaves.

import type { ActorLogic, AnyStateMachine, EventFromLogic, InputFrom, Snapshot, SnapshotFrom } from "xstate";
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

export interface PathOptions<TMachine extends AnyStateMachine> {
  readonly input: InputFrom<TMachine>;
  /** Those that may come in a state, after these. What would come from elsewhere may be a server's fault instead. */
  readonly events: (
    snapshot: SnapshotFrom<TMachine>,
    past: readonly EventFromLogic<TMachine>[],
  ) => readonly EventFromLogic<TMachine>[];
  /** What makes two states different: they have the same JSON or not. Default: the state's value and its context. */
  readonly key?: ((snapshot: SnapshotFrom<TMachine>, past: readonly EventFromLogic<TMachine>[]) => unknown) | undefined;
}

/** Every way on which no state comes twice, through the pure logic: no actor is started and no time passes. */
export function pathsToEnds<TMachine extends AnyStateMachine>(
  machine: TMachine,
  { input, events, key = ({ value, context }) => [value, context] }: PathOptions<TMachine>,
): MachinePath<TMachine>[] {
  const simple = getSimplePaths(withPast(machine), {
    input,
    events: ({ now, past }) => events(now, past),
    serializeState: ({ now, past }) => JSON.stringify(key(now, past)),
    limit: MOST_STATES,
  });
  return simple
    .filter(({ state }) => state.status === "done")
    .map(({ state, steps }) => ({
      // Each of XState's steps has the state behind its event, and the first has the beginning.
      steps: steps.slice(1).map(({ event }, at) => ({ before: steps[at]?.state.now as SnapshotFrom<TMachine>, event })),
      end: state.now,
    }));
}

/** How many ways lead to each end. */
export function countOfEnds(paths: readonly MachinePath<AnyStateMachine>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { end } of paths) {
    const name = JSON.stringify(end.value);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** More ways from a state to the next are a mistake in a key, and would take for ever. */
const MOST_STATES = 5_000;

type WithPast<TMachine extends AnyStateMachine> = Snapshot<unknown> & {
  readonly now: SnapshotFrom<TMachine>;
  readonly past: readonly EventFromLogic<TMachine>[];
};

/** The machine, which remembers what has come to it: a snapshot does not say how it came about. */
function withPast<TMachine extends AnyStateMachine>(
  machine: TMachine,
): ActorLogic<WithPast<TMachine>, EventFromLogic<TMachine>, InputFrom<TMachine>> {
  const at = (now: SnapshotFrom<TMachine>, past: WithPast<TMachine>["past"]): WithPast<TMachine> => {
    const { status, output, error } = now as Snapshot<unknown>;
    return { status, output, error, now, past } as WithPast<TMachine>;
  };
  return {
    getInitialSnapshot: (scope, input) =>
      at(machine.getInitialSnapshot(scope as never, input) as SnapshotFrom<TMachine>, []),
    transition: ({ now, past }, event, scope) =>
      at(machine.transition(now, event, scope as never) as SnapshotFrom<TMachine>, [...past, event]),
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

/** One conversation of the machine with a server, and the path that it is on, until the fault. */
export interface MachineRun<TMachine extends AnyStateMachine> {
  readonly name: string;
  readonly path: MachinePath<TMachine>;
  readonly script: Script;
  /** What the server does wrong, once. */
  readonly fault: Fault | undefined;
  /** The step in which it does. */
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
    runs.set(name, { name, path, script: { turns }, fault: undefined, faultyStep: undefined });
    for (const [at, { step }] of served.entries()) {
      for (const how of faultsOf(step)) {
        if (how === "WithNext" && at + 1 === turns.length) continue;
        const key = JSON.stringify([answers.slice(0, at + 2), at, how]);
        if (runs.has(key)) continue;
        const wrong = typeof how === "string" ? how : `says ${JSON.stringify(how.says.toString())}`;
        runs.set(key, {
          name: `${name}, turn ${at}: ${wrong}`,
          path,
          script: { turns, faults: [{ at, how }] },
          fault: how,
          faultyStep: step,
        });
      }
    }
  }
  return [...runs.values()];
}

/** What the server does in each step of a path: as it should, where there is nothing. */
export interface PathRun<TMachine extends AnyStateMachine, TForm> {
  readonly name: string;
  readonly path: MachinePath<TMachine>;
  readonly forms: readonly (TForm | undefined)[];
}

/**
 * Turns paths into runs: every path with each step as it is, and with each other form of each of its steps, one at a time.
 * A form is run once where the machine is at the same key (which is JSON), however it got there and goes on.
 */
export function runsInForms<TMachine extends AnyStateMachine, TForm>(
  paths: readonly MachinePath<TMachine>[],
  options: {
    readonly nameOf: (step: PathStep<TMachine>) => string;
    readonly keyOf: (snapshot: SnapshotFrom<TMachine>) => unknown;
    readonly formsOf: (step: PathStep<TMachine>, next: PathStep<TMachine> | undefined) => readonly TForm[];
  },
): PathRun<TMachine, TForm>[] {
  const runs: PathRun<TMachine, TForm>[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    const names = path.steps.map(options.nameOf);
    runs.push({ name: names.join(), path, forms: names.map(() => undefined) });
    for (const [at, step] of path.steps.entries()) {
      for (const form of options.formsOf(step, path.steps[at + 1])) {
        const key = JSON.stringify([options.keyOf(step.before), names[at], form]);
        if (seen.has(key)) continue;
        seen.add(key);
        const name = names.with(at, `${names[at]} (${JSON.stringify(form)})`).join();
        runs.push({ name, path, forms: names.map((_, other) => (other === at ? form : undefined)) });
      }
    }
  }
  return runs;
}
