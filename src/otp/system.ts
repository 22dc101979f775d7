import { call, type CallError } from "../process/call.ts";
import { noproc } from "../process/exit.ts";
import type { Process } from "../process/process.ts";
import { valueText } from "../process/value-text.ts";
import { err, type Result } from "../result.ts";
import { ActorLoop, type SystemMessage } from "./actor-loop.ts";

/** How long a question to an actor may take, if not told otherwise: OTP's 5 seconds. */
const defaultWithinMs = 5_000;

/**
 * The state of an actor, as it is between two messages; for tests and for looking into a running program. It is the
 * state itself and not a copy.
 *
 * @throws TypeError for a process that is not an actor
 * Source: `system.get_state`, `sys:get_state`.
 */
export function getState(process: Process, withinMs = defaultWithinMs): Promise<Result<unknown, CallError>> {
  return ask("get the state of", process, withinMs, "GetState");
}

/**
 * Lets an actor handle no further message until it is resumed; they wait in its mailbox.
 *
 * @throws TypeError for a process that is not an actor
 * Source: `system.suspend`, `sys:suspend`.
 */
export function suspend(process: Process, withinMs = defaultWithinMs): Promise<Result<undefined, CallError>> {
  return ask("suspend", process, withinMs, "Suspend") as Promise<Result<undefined, CallError>>;
}

/**
 * Lets a suspended actor go on.
 *
 * @throws TypeError for a process that is not an actor
 * Source: `system.resume`, `sys:resume`.
 */
export function resume(process: Process, withinMs = defaultWithinMs): Promise<Result<undefined, CallError>> {
  return ask("resume", process, withinMs, "Resume") as Promise<Result<undefined, CallError>>;
}

/**
 * Ends an actor normally, behind the messages that were sent to it before; links hear nothing of it. Resolves when it has
 * ended.
 *
 * @throws TypeError for a process that is not an actor
 * Source: `gen_server:stop`.
 */
export function stopActor(process: Process, withinMs = Infinity): Promise<Result<undefined, CallError>> {
  return ask("stop", process, withinMs, "Stop") as Promise<Result<undefined, CallError>>;
}

function ask(
  action: string,
  process: Process,
  withinMs: number,
  type: SystemMessage["type"],
): Promise<Result<unknown, CallError>> {
  const actor = ActorLoop.of(process);
  if (actor === undefined)
    throw new TypeError(`Cannot ${action} a process that is not an actor: ${valueText(process)}`);
  if (!process.isAlive) return Promise.resolve(err({ type: "CalleeDown", reason: noproc }));
  return call(actor.system, withinMs, (reply) => ({ type, reply }));
}
