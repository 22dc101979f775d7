// What had happened in a scenario before a step: the questions that rules ask.

import type { Scenario, Step } from "./scenario.ts";

/** The steps up to and with `index`. */
export function stepsUntil({ steps }: Scenario, index: number): readonly Step[] {
  return steps.slice(0, index + 1);
}

/** The step itself, or, for an `await`, the one that it waits for. */
export function stepBehind({ steps }: Scenario, index: number): Step {
  const step = steps[index] as Step;
  return (step.op === "await" && steps.find(({ async: id }) => id === step.id)) || step;
}

/** Whether one of these was done, to this socket if one is given. */
export function isDone(steps: readonly Step[], ops: readonly string[], socket?: unknown): boolean {
  return steps.some((step) => ops.includes(step.op) && (socket === undefined || step.socket === socket));
}

/** Whether something has happened by which a socket may be over. */
export function hasSomethingEnded(scenario: Scenario, index: number): boolean {
  const steps = stepsUntil(scenario, index);
  return (
    isDone(steps, ["close", "shutdown", "die", "send_exit", "send_abnormal_exit", "kill"]) ||
    isDone(steps, ["peer_close", "peer_reset", "peer_half_close", "peer_shutdown"]) ||
    scenario.observed.slice(0, index).some((result) => result?.startsWith("Exited(") === true)
  );
}

/** Whether the owner of the step's socket has ended, or it was closed. */
export function isOwnerGone(steps: readonly Step[], socket: unknown): boolean {
  const [made] = steps.filter((step) => ["connect", "connect_raw"].includes(step.op) && step.socket === socket);
  const owners = [made, ...steps.filter((step) => step.op === "controlling_process" && step.socket === socket)];
  const names = owners.map((step) => step?.to ?? step?.actor);
  const isEnd = ({ op, actor, process }: Step): boolean =>
    (op === "die" && names.includes(actor)) ||
    (["kill", "send_exit", "send_abnormal_exit"].includes(op) && names.includes(process as string));
  return isDone(steps, ["close"], socket) || steps.some(isEnd);
}

/** Whether a `receiveExact` got nothing whole in its time: of this socket, where it is known. */
export function hasExactTimedOut(scenario: Scenario, index: number, socket: unknown): boolean {
  return scenario.steps.slice(0, index).some((step, at) => {
    const { op, socket: other } = stepBehind(scenario, at);
    return (
      op === "receive_exact" && (socket === undefined || other === socket) && scenario.observed[at] === "Error(Timeout)"
    );
  });
}

/** Whether a process armed the socket in whose receive another waits. */
export function isArmedBesideReceive(steps: readonly Step[]): boolean {
  return steps.some(
    (arming, at) =>
      arming.op === "receive_next_packet_as_message" &&
      steps
        .slice(0, at)
        .some(
          (step) =>
            (step.op === "receive" || step.op === "receive_exact") &&
            typeof step.async === "string" &&
            step.socket === arming.socket &&
            step.actor !== arming.actor,
        ),
  );
}

/** Whether somebody told a process what looks like a message of the system, or of a subject. */
export function isForgery({ op, message }: Step): boolean {
  const tag = op === "tell" ? (message as { readonly tuple?: readonly unknown[] } | null)?.tuple?.[0] : undefined;
  return isSystemTag(tag);
}

/** A tag by which Erlang's messages are known: the system's, or a subject's. */
export function isSystemTag(tag: unknown): boolean {
  if (typeof tag !== "object" || tag === null) return false;
  const { atom, ref } = tag as { readonly atom?: string; readonly ref?: string };
  return ref !== undefined || ["tcp", "tcp_closed", "tcp_error", "DOWN", "EXIT"].includes(atom ?? "");
}
