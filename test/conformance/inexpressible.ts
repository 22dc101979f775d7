// What Tankard cannot show, and why: rules on an operation or a value, never on a scenario.

import { isUsedBefore, unknownOptions } from "./options.ts";
import type { Scenario, Step } from "./scenario.ts";
import { readTree } from "./tree.ts";

/** Why a step has nothing to show. */
export interface Inexpressible {
  readonly why: string;
  /** Whether Erlang is in another state afterwards, so that later steps cannot be held against each other. */
  readonly partsWays: boolean;
}

interface Rule extends Inexpressible {
  readonly applies: (step: Step, scenario: Scenario, index: number) => boolean;
}

const rules: readonly Rule[] = [
  {
    why: "looks into the Erlang VM: its ports, and the options of its driver",
    partsWays: false,
    applies: ({ op }) => ["port_open", "getopt", "owner"].includes(op),
  },
  {
    why: "looks into another process's mailbox, which nobody but its owner can",
    partsWays: false,
    applies: ({ op }) => op === "peek",
  },
  {
    why: "looks at a descriptor of the kernel",
    partsWays: false,
    applies: ({ op }) => op === "fd_open",
  },
  {
    why: "sets an option of the kernel's that Node does not offer: buffer sizes, TCP_USER_TIMEOUT, TCP_SYNCNT",
    partsWays: true,
    applies: (step) =>
      ["user_timeout", "connect_raw", "connect_until_error"].includes(step.op) ||
      (step.op === "setopts" && unknownOptions(step).length > 0),
  },
  {
    why: "changes an option of a socket that has been used: ours are set by who connects",
    partsWays: true,
    applies: ({ op }, scenario, index) => op === "setopts" && isUsedBefore(scenario, index),
  },
  {
    why: "sends what is no bytes: single bits, integers over 255, atoms, improper lists",
    partsWays: true,
    applies: (step) =>
      (step.op === "send_builder" && readTree(step.tree) === undefined) || contains(step, "bits_value"),
  },
  {
    why: "has a tuple or a list as the tag of a record, which in JavaScript are the same only if they are one",
    partsWays: true,
    applies: ({ selector }) =>
      ((selector ?? []) as readonly (readonly unknown[])[]).some(
        ([name, tag]) => name === "select_record" && (Array.isArray(tag) || contains(tag, "tuple")),
      ),
  },
  {
    why: "tells 1.0 from 1",
    partsWays: true,
    applies: (step) => contains(step, "float"),
  },
];

/** Why step `index` has nothing to show on Node; nothing where it has. */
export function whyInexpressible(scenario: Scenario, index: number): Inexpressible | undefined {
  const step = scenario.steps[index] as Step;
  return rules.find(({ applies }) => applies(step, scenario, index));
}

function contains(value: unknown, key: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, inner]) => name === key || contains(inner, key));
}
