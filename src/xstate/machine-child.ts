import {
  type ActorRefFromLogic,
  type AnyActorLogic,
  type AnyActorRef,
  type EventFromLogic,
  type EventObject,
  type Snapshot,
} from "xstate";
import { start, type Started, type StartError } from "../otp/start.ts";
import { checkChildSpec, checkChoice, type ChildSpec } from "../otp/supervision.ts";
import type { Name } from "../process/name.ts";
import { Abnormal } from "../process/exit.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { processEngine } from "../process/process.ts";
import type { Host } from "../process/runtime.ts";
import { newSelector, type Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
import type { Result } from "../result.ts";
import { ActorLife, throwFailure } from "./actor-life.ts";
import { eventLoop } from "./actor-owner.ts";
import { type ActorSettings, actorSettingNames, type InputSetting, makeActor } from "./make-actor.ts";
import { stopActor } from "./relay.ts";

/** How a supervised actor is made; `input` is called afresh for each start. */
export type MachineChildOptions<TLogic extends AnyActorLogic> = Omit<ChildSpec, "start"> &
  ActorSettings<TLogic> &
  InputSetting<TLogic, []> & {
    /**
     * What it begins from when it is started again: its input, or the last snapshot that it was well with. That is
     * persisted after every event, so its children have to be named in `setup({ actors })`; where one is not, the actor
     * does not start, or fails. Default "input".
     */
    readonly restartFrom?: "input" | "snapshot" | undefined;
    /** A persisted snapshot, to begin from the first time. */
    readonly snapshot?: Snapshot<unknown> | undefined;
    /** A name that it holds: what is sent to it comes to the actor as its event, also after it was started again. */
    readonly name?: Name<EventFromLogic<TLogic>> | undefined;
  };

/** An actor among the children of a supervisor. */
export interface MachineChild<TLogic extends AnyActorLogic> extends ChildSpec {
  start(host: Host): Promise<Result<Started<ActorRefFromLogic<TLogic>>, StartError>>;
}

/**
 * An XState actor, a machine or any other logic, as a child of a supervisor. A process hosts it: it ends normally, and
 * its result is the output, when the actor is done; abnormally when that is in error; and its end stops the actor. What is
 * sent to the process comes to the actor as its event. The actor's system lives in the supervisor's runtime.
 *
 * @throws TypeError or RangeError for options that no child can have
 */
export function machineChild<TLogic extends AnyActorLogic>(
  logic: TLogic,
  options: MachineChildOptions<TLogic>,
): MachineChild<TLogic> {
  const action = "supervise a machine";
  checkOptionNames(action, options, optionNames);
  const { id, restart, significant, shutdownTimeoutMs, restartFrom = "input", name } = options;
  checkChoice(action, "restartFrom", restartFrom, ["input", "snapshot"]);
  const makeInput: (() => unknown) | undefined = options.input;
  let last = options.snapshot;
  const keep = (snapshot: Snapshot<unknown> | undefined): void => {
    last = snapshot;
  };
  const spec = {
    id,
    start: (host: Host) =>
      start(host, { initTimeoutMs, name }, (self, events: OwnSubject<EventFromLogic<TLogic>>) => {
        const actor = makeActor(logic, self.runtime, options, makeInput?.(), last);
        keep(undefined);
        const output = hosted(actor, self, newSelector().select(events));
        if (restartFrom === "snapshot") keepSnapshots(actor, self, keep);
        return { data: actor, run: () => output };
      }),
    restart,
    significant,
    shutdownTimeoutMs,
  };
  checkChildSpec(action, spec);
  return spec;
}

/** It is started within one turn; only a machine that never comes to rest takes longer. */
const initTimeoutMs = 1_000;

const optionNames = Object.keys({
  ...actorSettingNames,
  id: true,
  restart: true,
  significant: true,
  shutdownTimeoutMs: true,
  restartFrom: true,
  snapshot: true,
  name: true,
  input: true,
} satisfies Record<keyof MachineChildOptions<AnyActorLogic>, true>);

/**
 * Calls `keep` after each event that leaves the actor well, and with nothing once it is done: then it begins afresh.
 *
 * @throws where it cannot be persisted to begin with
 */
function keepSnapshots(actor: AnyActorRef, self: Self, keep: (snapshot: Snapshot<unknown> | undefined) => void): void {
  const look = (): void => {
    const { status } = actor.getSnapshot() as Snapshot<unknown>;
    if (status === "active") keep(actor.getPersistedSnapshot());
    if (status === "done") keep(undefined);
  };
  look();
  actor.subscribe({
    next: () => {
      try {
        look();
      } catch (error) {
        self.exit(Abnormal(error));
      }
    },
    error: () => undefined, // the process says it
  });
}

/**
 * Starts `actor` in the process of `self`. Resolves with its output when it is done or stopped.
 *
 * @throws what the actor fails of as it starts
 */
function hosted(actor: AnyActorRef, self: Self, events: Selector<EventObject>): Promise<unknown> {
  const output = new Promise<unknown>((resolve, reject) => {
    // Before it starts: that the process says what it fails of is enough.
    ActorLife.of(actor).onEnd((reason) => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the actor has failed of
      if (reason.type === "Abnormal") reject(reason.reason);
      else resolve((actor.getSnapshot() as Snapshot<unknown>).output);
      return true;
    });
  });
  output.catch(() => undefined);
  actor.start();
  throwFailure(actor);
  self.onExit(() => {
    if (ActorLife.of(actor).ended === undefined) stopActor(actor);
  }, "resource");
  eventLoop(actor, processEngine(self.process), events);
  return output;
}
