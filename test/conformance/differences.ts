// Where Tankard does something else on purpose: rules on an operation or a value, never on a scenario, each with its
// reason. The README shows them ("Where we differ from mug and the BEAM").

import type { Scenario, Step } from "./scenario.ts";

export interface Difference {
  readonly name: string;
  readonly why: string;
  /** Whether the two are in different states afterwards, so that later steps cannot be held against each other. */
  readonly partsWays: boolean;
}

/** A step whose result is not Erlang's. */
interface Case {
  readonly scenario: Scenario;
  readonly index: number;
  /** The step itself, or, for an `await`, the one that it waits for. */
  readonly step: Step;
  readonly expected: readonly string[];
  readonly seen: string;
}

interface Rule extends Difference {
  readonly applies: (at: Case) => boolean;
}

const LARGEST_TIME = 2 ** 32 - 1;
const LARGEST_SIZE = 2 ** 31 - 1;

const rules: readonly Rule[] = [
  {
    name: "asking a socket that is over",
    why: "a silent failure is a hang",
    partsWays: false,
    applies: ({ step, seen }) => step.op === "receive_next_packet_as_message" && seen === "Error(Closed)",
  },
  {
    name: "numbers beyond 32 bits",
    why: "a long time that is cut to a short one is a bug that shows by chance",
    partsWays: true,
    applies: ({ step }) =>
      [step.timeout, step.delay, step.ms].some((time) => Number(time) > LARGEST_TIME) ||
      Number(step.size) > LARGEST_SIZE,
  },
  {
    name: "bad arguments",
    why: "said before anything is tried",
    partsWays: true,
    applies: ({ scenario, index, step, seen }) =>
      isBadArgument(step)
        ? isRefused(seen)
        : stepsBefore(scenario, index).some((before) => isCall(before) && isBadArgument(before)),
  },
  {
    name: "receiving from another process's subject",
    why: "its messages go to the other process: a silent failure is a hang",
    partsWays: true,
    applies: ({ step, expected, seen }) =>
      step.op === "receive_forever" && expected.includes("Blocked") && isRefused(seen),
  },
  {
    name: "the timeout of `connect`",
    why: "a resolver that does not answer would hang the caller",
    partsWays: true,
    applies: ({ step, expected, seen }) =>
      step.op === "connect" && expected.some((result) => result.includes("Nxdomain")) && seen.includes("Timeout"),
  },
  {
    name: "zones of IPv6 addresses",
    why: "a link-local address is of no use without",
    partsWays: true,
    applies: ({ step }) => step.op === "connect" && typeof step.host === "string" && step.host.includes("%"),
  },
  {
    name: "the packet after a `receiveExact` that timed out with nothing",
    why: "how large a packet is says nothing; a small one costs throughput",
    partsWays: true,
    applies: ({ scenario, index, step, expected, seen }) =>
      stepsBefore(scenario, index).some((before, at) => hasTimedOut(before, scenario.observed[at])) &&
      (step.op.startsWith("receive") || expected.some((result) => result.includes("Packet("))) &&
      seen !== "Error(Timeout)",
  },
  {
    name: "asking while another process waits in `receive`",
    why: "a bug of the driver, not a feature",
    partsWays: true,
    applies: ({ scenario, index }) => isArmedBesideReceive(stepsBefore(scenario, index)),
  },
  {
    name: "a send that waits when the socket's owner ends",
    why: "who hears Closed in the end need not wait for it",
    partsWays: false,
    applies: ({ step, expected, seen }) =>
      step.op === "send" && expected.includes("Blocked") && seen === "Error(Closed)",
  },
  {
    name: "a send after `shutdown`",
    why: "a clean end after a cut is a lie",
    partsWays: false,
    applies: ({ scenario, index, step }) =>
      step.op.startsWith("peer_read_to_end") && isSentAfterShutdown(stepsBefore(scenario, index)),
  },
  {
    name: "messages by shape",
    why: "nothing can be forged",
    partsWays: true,
    applies: ({ scenario, index }) => stepsBefore(scenario, index).some(isForgery),
  },
  {
    name: "a subject's message in `selectOther`",
    why: "the tag around it is no part of the message",
    partsWays: false,
    applies: ({ step, expected, seen }) =>
      JSON.stringify(step.selector ?? []).includes("select_other") &&
      expected.some((result) => isUntagged(result, seen)),
  },
  {
    name: "a reply after its `call` timed out",
    why: "nobody waits for it any more, and a mailbox that fills is a leak",
    partsWays: true,
    applies: ({ scenario, index, step, expected, seen }) =>
      (step.op === "mailbox" || step.op === "selector_receive") &&
      stepsBefore(scenario, index).some(isCall) &&
      expected.some((result) => result.length > seen.length),
  },
  {
    name: "names of one process",
    why: "a name is an address, and a service may have two",
    partsWays: true,
    applies: ({ step, expected, seen }) =>
      step.op === "register" && expected.includes("Error(Nil)") && seen === "Ok(Nil)",
  },
  {
    name: "the atoms `kill` and `normal` as exit reasons",
    why: "JavaScript has no atoms; `kill()` and `sendExit()` say what is meant",
    partsWays: true,
    applies: ({ scenario, index }) => stepsBefore(scenario, index).some(isExitByAtom),
  },
];

function isRefused(seen: string): boolean {
  return /^Panic\(\w*Error: Cannot /.test(seen);
}

/** The steps up to `index`, itself among them. */
function stepsBefore(scenario: Scenario, index: number): readonly Step[] {
  return scenario.steps.slice(0, index + 1);
}

function isCall({ op }: Step): boolean {
  return op === "call" || op === "call_forever";
}

function isBadArgument({ port, timeout, delay, ms, size }: Step): boolean {
  return Number(port) > 65_535 || [port, timeout, delay, ms, size].some((number) => Number(number) < 0);
}

function hasTimedOut(step: Step, observed: string | null | undefined): boolean {
  return step.op === "receive_exact" && observed === "Error(Timeout)";
}

function isSentAfterShutdown(steps: readonly Step[]): boolean {
  return steps.some(
    (shutdown, at) =>
      shutdown.op === "shutdown" &&
      steps.slice(at).some(({ op, socket }) => op.startsWith("send") && socket === shutdown.socket),
  );
}

function isForgery({ op, message }: Step): boolean {
  const tag = op === "tell" ? (message as { readonly tuple?: readonly unknown[] } | null)?.tuple?.[0] : undefined;
  if (typeof tag !== "object" || tag === null) return false;
  const { atom, ref } = tag as { readonly atom?: string; readonly ref?: string };
  return ref !== undefined || ["tcp", "tcp_closed", "tcp_error", "DOWN", "EXIT"].includes(atom ?? "");
}

function isExitByAtom({ op, reason }: Step): boolean {
  return op === "send_abnormal_exit" && typeof reason === "object" && reason !== null && "atom" in reason;
}

/** Whether a process armed the socket in whose receive another waits. */
function isArmedBesideReceive(steps: readonly Step[]): boolean {
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

/** `Other(#(s, 1))` and `Other(1)`. */
function isUntagged(expected: string, seen: string): boolean {
  return expected.replace(/#\(\w+, (.*)\)(?=\)+$)/, "$1") === seen;
}

/** All of them, for the README's table to be held against. */
export const namedDifferences: readonly Difference[] = rules;

/** The difference that explains why step `index` showed `seen`; nothing where none does. */
export function differenceAt(
  scenario: Scenario,
  index: number,
  expected: readonly string[],
  seen: string,
): Difference | undefined {
  const step = stepBehind(scenario, index);
  return rules.find(({ applies }) => applies({ scenario, index, step, expected, seen }));
}

function stepBehind(scenario: Scenario, index: number): Step {
  const step = scenario.steps[index] as Step;
  return (step.op === "await" && scenario.steps.find(({ async: id }) => id === step.id)) || step;
}
