// A machine on one of its ways, over real sockets: it is brought from one state to the next, as the path has it.

import type { AnyStateMachine, SnapshotFrom } from "xstate";
import type { MachinePath, PathStep } from "./machine-paths.ts";
import { until } from "./peer.ts";

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
