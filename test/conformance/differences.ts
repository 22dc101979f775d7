// Where Tankard does something else on purpose: rules on an operation and what it shows, never on a scenario, each with
// its reason. The README shows them ("Where we differ from mug and the BEAM").

import { beginsWith } from "./bytes.ts";
import {
  hasExactTimedOut,
  hasSomethingEnded,
  isArmedBesideReceive,
  isDone,
  isForgery,
  isOwnerGone,
  isSystemTag,
  stepBehind,
  stepsUntil,
} from "./history.ts";
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
  /** The steps up to this one. */
  readonly steps: readonly Step[];
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

const receiving = ["receive", "receive_exact", "receive_all", "receive_sizes"];
const takingMessages = [
  ...["mailbox", "flush_messages", "active_once_all", "select_tcp_messages", "select_tcp_messages_or_other"],
  ...["receive", "receive_forever", "selector_receive", "selector_receive_forever"],
];

const rules: readonly Rule[] = [
  {
    name: "asking a socket that is over",
    why: "a silent failure is a hang",
    partsWays: false,
    applies: ({ scenario, index, step, seen }) =>
      step.op === "receive_next_packet_as_message" && seen === "Error(Closed)" && hasSomethingEnded(scenario, index),
  },
  {
    name: "numbers beyond 32 bits",
    why: "a long time that is cut to a short one is a bug that shows by chance",
    partsWays: true,
    applies: ({ steps, step, seen }) =>
      isBeyond(step)
        ? isRefused(seen) || seen === "Blocked" || seen.startsWith("Ok(") || seen === "Error(Enomem)"
        : takesWhatCallSent(step) && steps.some((before) => isCall(before) && isBeyond(before)),
  },
  {
    name: "bad arguments",
    why: "said before anything is tried",
    partsWays: true,
    applies: ({ steps, step, seen }) =>
      isBadArgument(step)
        ? isRefused(seen)
        : takesWhatCallSent(step) && steps.some((before) => isCall(before) && isBadArgument(before)),
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
    applies: ({ step }) => step.op === "connect" && /^[\da-f]*:[\da-f:.]*%/i.test(String(step.host)),
  },
  {
    name: "what follows a `receiveExact` that timed out",
    why: "who gave up waiting for so much waits for it no longer",
    partsWays: true,
    applies: ({ scenario, index, step, expected, seen }) =>
      (receiving.includes(step.op) || takingMessages.includes(step.op)) &&
      hasExactTimedOut(scenario, index, step.socket) &&
      expected.some((result) => showsBytes(result) || showsBytes(seen)),
  },
  {
    name: "how a long stream is cut into packets",
    why: "how large a packet is says nothing; to join two costs a copy",
    partsWays: true,
    applies: ({ step, expected, seen }) =>
      step.op === "receive_sizes" &&
      expected.some(
        (result) => isCutOtherwise(result, seen) && Math.max(...sizesIn(seen)) <= Math.max(...sizesIn(result)),
      ),
  },
  {
    name: "receiving after `SocketClosed` with `exitOnClose: false`",
    why: "a bug of the driver, not a feature",
    partsWays: false,
    applies: ({ steps, step, expected, seen }) =>
      receiving.includes(step.op) &&
      expected.some((result) => result.replace("Einval", "Closed") === seen) &&
      isDone(steps, ["receive_next_packet_as_message", "active_once_all"], step.socket) &&
      steps.some((before) => before.op === "setopts" && JSON.stringify(before.options).includes("exit_on_close")),
  },
  {
    name: "asking while another process waits in `receive`",
    why: "a bug of the driver, not a feature",
    partsWays: true,
    applies: ({ steps, step }) =>
      (receiving.includes(step.op) || takingMessages.includes(step.op)) && isArmedBesideReceive(steps),
  },
  {
    name: "a send that waits when the socket's owner ends",
    why: "who hears Closed in the end need not wait for it",
    partsWays: false,
    applies: ({ steps, step, expected, seen }) =>
      step.op.startsWith("send") &&
      expected.includes("Blocked") &&
      seen === "Error(Closed)" &&
      isOwnerGone(steps, step.socket),
  },
  {
    name: "what is queued when a connection ends",
    why: "what was accepted is lost, and a clean end after a cut is a lie",
    partsWays: false,
    applies: ({ scenario, index, step, expected, seen }) =>
      step.op.startsWith("peer_read_to_end") &&
      hasSomethingEnded(scenario, index) &&
      expected.some((result) => areOfOneQueue(result, seen)),
  },
  {
    name: "what had come when the queue breaks",
    why: "what came is not lost by what did not leave",
    partsWays: true,
    applies: ({ steps, step, expected, seen }) =>
      receiving.includes(step.op) &&
      steps.some(isSend) &&
      isDone(steps, ["peer_reset", "peer_close"]) &&
      expected.some((result) => ["Error(Closed)", "Error(Enotconn)"].includes(result)) &&
      showsBytes(seen),
  },
  {
    name: "the order of sends that wait",
    why: "first come, first served",
    partsWays: true,
    applies: ({ steps, step, expected, seen }) =>
      step.op.startsWith("peer_re") &&
      steps.filter((before) => isSend(before) && before.async !== undefined).length > 1 &&
      expected.some((result) => inOrder(result) === inOrder(seen)),
  },
  {
    name: "closing another process's socket",
    why: "`close` does not ask who calls",
    partsWays: true,
    applies: ({ steps, step, expected, seen }) =>
      step.op === "mailbox" &&
      steps.some((before) => before.op === "close" && before.actor !== step.actor) &&
      expected.some((result) => result.replace(/(?:, )?SocketClosed\(\w+\)/, "") === seen),
  },
  {
    name: "a send that timed out",
    why: "what says that it failed must not arrive",
    partsWays: true,
    applies: ({ scenario, index, step, expected, seen }) =>
      step.op.startsWith("peer_") &&
      scenario.observed
        .slice(0, index)
        .some((result, at) => result === "Error(Timeout)" && isSend(stepBehind(scenario, at))) &&
      expected.some((result) => beginsWith(result, seen)),
  },
  {
    name: "handing a socket to a process that has ended",
    why: "`badarg` does not say what was bad",
    partsWays: false,
    applies: ({ step, expected, seen }) =>
      step.op === "controlling_process" && expected.includes("Error(Badarg)") && seen === "Error(OwnerExited)",
  },
  {
    name: "messages by shape",
    why: "nothing can be forged",
    partsWays: true,
    applies: ({ steps, step, expected }) =>
      takingMessages.includes(step.op) &&
      (steps.some(isForgery) || selectsSystemRecord(step)) &&
      !expected.includes("Error(Nil)"),
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
    name: "a reply that nobody waits for",
    why: "a mailbox that fills is a leak",
    partsWays: true,
    applies: ({ steps, step, expected, seen }) =>
      takingMessages.includes(step.op) &&
      steps.some(isCall) &&
      expected.some((result) =>
        showsMailbox(result)
          ? withoutReplies(result, steps) === seen
          : result.startsWith("Ok(") && hasReply(result, steps),
      ),
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
    applies: ({ steps }) => steps.some(isExitByAtom),
  },
];

function isRefused(seen: string): boolean {
  return /^Panic\(\w*Error: Cannot /.test(seen);
}

function isSend({ op }: Step): boolean {
  return op === "send" || op === "send_builder" || op === "send_many";
}

function isCall({ op }: Step): boolean {
  return op === "call" || op === "call_forever";
}

/** What a call with bad arguments has sent in Erlang, and here has not. */
function takesWhatCallSent(step: Step): boolean {
  return step.op === "take_request" || takingMessages.includes(step.op);
}

function isBeyond({ timeout, delay, ms, size }: Step): boolean {
  return [timeout, delay, ms].some((time) => Number(time) > LARGEST_TIME) || Number(size) > LARGEST_SIZE;
}

function isBadArgument({ port, timeout, delay, ms, size }: Step): boolean {
  return Number(port) > 65_535 || [port, timeout, delay, ms, size].some((number) => Number(number) < 0);
}

/** As many bytes and the same end. */
function isCutOtherwise(expected: string, seen: string): boolean {
  const end = (result: string): string => result.replace(/\[.*\]/, "");
  const sum = (result: string): number => sizesIn(result).reduce((total, size) => total + size, 0);
  return expected.startsWith("Sizes(") && end(expected) === end(seen) && sum(expected) === sum(seen);
}

/** The sizes in `Sizes(chunks=[1460x2, 80x1], then=E)`, each of them once per packet. */
function sizesIn(result: string): readonly number[] {
  return Array.from(result.matchAll(/(\d+)x(\d+)/g)).flatMap(([, size, times]) =>
    Array.from({ length: Number(times) }, () => Number(size)),
  );
}

/** Whether it shows bytes, be it in a packet or in a `Received`. */
function showsBytes(result: string): boolean {
  return /["(](?:Hex|Pattern|Bytes)\(|"|\d+x\d+/.test(result);
}

/** Whether two ends of a stream differ only in how much of the queue left before. */
function areOfOneQueue(expected: string, seen: string): boolean {
  if (expected.endsWith("(Truncated)")) return seen.endsWith("(Everything)");
  return beginsWith(seen, expected) || (seen.startsWith("Rst(") && beginsWith(expected, seen));
}

function inOrder(result: string): string {
  return Array.from(result).sort().join("");
}

function showsMailbox(result: string): boolean {
  return result.startsWith("[");
}

/** Whether a selector takes the system's own messages by their shape. */
function selectsSystemRecord({ selector }: Step): boolean {
  const pipes = (selector ?? []) as readonly (readonly unknown[])[];
  return pipes.some(([name, tag]) => name === "select_record" && isSystemTag(tag));
}

function repliesOf(steps: readonly Step[]): readonly string[] {
  return steps.filter(({ op }) => op === "take_request").map((step) => String(step.as));
}

function isReply(message: string, steps: readonly Step[]): boolean {
  return message.startsWith("Down(<ref>") || repliesOf(steps).some((reply) => message.startsWith(`#(${reply}, `));
}

function hasReply(result: string, steps: readonly Step[]): boolean {
  return itemsOf(result.replace(/^Ok\((?:\w+\()?/, "[")).some((message) => isReply(message, steps));
}

function withoutReplies(mailbox: string, steps: readonly Step[]): string {
  return `[${itemsOf(mailbox)
    .filter((message) => !isReply(message, steps))
    .join(", ")}]`;
}

/** The items of a list that a result shows. */
function itemsOf(list: string): readonly string[] {
  const items: string[] = [];
  let [item, depth] = ["", 0];
  for (const [token] of list.slice(1, -1).matchAll(/"(?:[^"\\]|\\.)*"|, |./gs)) {
    if (token === ", " && depth === 0) {
      items.push(item);
      item = "";
      continue;
    }
    if ("([".includes(token)) depth++;
    if (")]".includes(token)) depth--;
    item += token;
  }
  return item === "" ? items : [...items, item];
}

function isExitByAtom({ op, reason }: Step): boolean {
  if (op !== "send_abnormal_exit" || typeof reason !== "object" || reason === null) return false;
  return ["kill", "killed", "normal"].includes((reason as { readonly atom?: string }).atom ?? "");
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
  const [step, steps] = [stepBehind(scenario, index), stepsUntil(scenario, index)];
  return rules.find(({ applies }) => applies({ scenario, index, steps, step, expected, seen }));
}
