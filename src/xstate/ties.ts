import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from "xstate";
import { type ExitReason, ExitSignal, noproc } from "../process/exit.ts";
import { type Owner, ownerItself, watch } from "../process/owner.ts";
import { ProcessEngine } from "../process/process.ts";
import { checkMethods } from "../tcp/option-checks.ts";
import { actorProcess } from "./actor-owner.ts";
import { createLogic, type LogicSnapshotFields } from "./logic.ts";

/** Whose end concerns the machine: a process, `actorOwner` of another actor, or any other owner. */
export interface TieInput {
  readonly target: Owner;
}

/** What `fromMonitor` and `fromLink` give. */
export type TieLogic = ActorLogic<
  Snapshot<ExitReason> & LogicSnapshotFields<undefined, TieInput>,
  EventObject,
  TieInput
>;

/**
 * Monitors a process, or any owner, for as long as the actor is invoked: it is done when `target` ends, and its output is
 * the reason; `Abnormal("noproc")` where it had ended before. Source: `process.monitor`.
 */
export function fromMonitor(): TieLogic {
  return createLogic<undefined, ExitReason, EventObject, TieInput, EventObject>({
    context: undefined,
    start: (actor) => {
      const leave = watch(targetOf("monitor", actor.input), "observer", (reason) => {
        actor.done(reason);
      });
      if (leave === undefined) actor.done(noproc);
      return { receive: () => undefined, end: () => leave?.() };
    },
  });
}

/**
 * Links the parent to a process, or to any owner, for as long as the actor is invoked. Where `target` ends abnormally the
 * actor is in error, with what the target threw or an `ExitSignal`: a machine without `onError` fails of it, one that
 * has it traps exits. Where the parent, or an actor above it, fails, `target` ends with it, or hears of it from the
 * parent's `actorOwner` if it traps exits. A normal end of either only undoes the link, and so does leaving the state.
 * Source: `process.link`.
 */
export function fromLink(): TieLogic {
  return createLogic<undefined, ExitReason, EventObject, TieInput, EventObject>({
    context: undefined,
    start: (actor) => {
      const target = targetOf("link", actor.input);
      const heard = (reason: ExitReason): void => {
        if (reason.type === "Normal") actor.done(reason);
        else actor.fail(reason.type === "Abnormal" ? reason.reason : new ExitSignal(reason));
      };
      const leave = watch(target, "observer", heard);
      if (leave === undefined) heard(noproc);
      const { _parent } = actor.ref;
      return {
        receive: () => undefined,
        end: (reason, status) => {
          leave?.();
          if (status === "stopped" && reason.type !== "Normal") takeDown(target, reason, _parent);
        },
      };
    },
  });
}

/** The machine that was linked to `target` has failed, and that has been reported where it comes from. */
function takeDown(target: Owner, reason: ExitReason, machine: AnyActorRef | undefined): void {
  if (!(target instanceof ProcessEngine)) target.exit?.(reason);
  else if (!target.isTrappingExits) target.end(reason);
  else target.hearExit(machine === undefined ? target : actorProcess(machine, undefined), reason);
}

function targetOf(action: string, input: TieInput | undefined): Owner {
  checkMethods(action, "target", input?.target, ["onExit"]);
  return ownerItself((input as TieInput).target);
}
