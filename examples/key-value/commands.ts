// The commands: what each asks of the database, or what it is answered with at once.

import { integerOf, NOT_AN_INTEGER, type Request } from "./database.ts";
import { type Command, type Failure, failure, printable, type Reply, status } from "./resp.ts";

/** What a command comes to: a request for the database, or a reply that needs none. */
export type Task = Request | Answer;

export interface Answer {
  readonly type: "Answer";
  readonly reply: Reply;
}

interface CommandKind {
  /** How many arguments it takes. */
  readonly least: number;
  readonly most: number;
  task(args: readonly string[]): Task;
}

/** Lets the sum of a time and a clock be exact. */
const LONGEST_MS = 2 ** 52;

const SYNTAX_ERROR = answer(failure("ERR syntax error"));
const PONG = answer(status("PONG"));
const [NO_ARGUMENT, ONE, TWO, MANY] = [0, 1, 2, Infinity];

const kinds = new Map<string, CommandKind>([
  ["PING", kind(NO_ARGUMENT, ONE, ([message]) => (message === undefined ? PONG : answer(message)))],
  ["ECHO", kind(ONE, ONE, ([message = ""]) => answer(message))],
  ["GET", kind(ONE, ONE, ([key = ""]) => ({ type: "Get", key }))],
  ["SET", kind(TWO, MANY, set)],
  ["DEL", kind(ONE, MANY, (keys) => ({ type: "Delete", keys }))],
  ["EXISTS", kind(ONE, MANY, (keys) => ({ type: "Exists", keys }))],
  ["INCR", kind(ONE, ONE, ([key = ""]) => ({ type: "Increment", key }))],
  ["EXPIRE", kind(TWO, TWO, expire)],
  ["TTL", kind(ONE, ONE, ([key = ""]) => ({ type: "TimeToLive", key }))],
  // What redis-cli and redis-benchmark ask for before they begin.
  ["COMMAND", kind(NO_ARGUMENT, MANY, () => answer([]))],
  ["CONFIG", kind(ONE, MANY, config)],
]);

export function taskOf([name = "", ...args]: Command): Task {
  const found = kinds.get(name) ?? kinds.get(name.toUpperCase());
  if (found === undefined) return answer(failure(`ERR unknown command '${printable(name)}'`));
  if (args.length < found.least || args.length > found.most)
    return answer(failure(`ERR wrong number of arguments for '${name.toLowerCase()}' command`));
  return found.task(args);
}

function kind(least: number, most: number, task: (args: readonly string[]) => Task): CommandKind {
  return { least, most, task };
}

function set([key = "", value = "", ...options]: readonly string[]): Task {
  let only: "NX" | "XX" | undefined;
  let time: { readonly text: string | undefined; readonly unit: bigint } | undefined;
  for (let at = 0; at < options.length; at++) {
    const option = options[at]?.toUpperCase();
    if ((option === "NX" || option === "XX") && (only ?? option) === option) only = option;
    else if ((option === "EX" || option === "PX") && time === undefined && at + 1 < options.length)
      time = { text: options[++at], unit: option === "EX" ? 1_000n : 1n };
    else return SYNTAX_ERROR;
  }
  if (time === undefined) return { type: "Set", key, value, expiresInMs: undefined, only };
  const expiresInMs = milliseconds("set", time.text, time.unit);
  if (typeof expiresInMs !== "number") return answer(expiresInMs);
  return expiresInMs > 0 ? { type: "Set", key, value, expiresInMs, only } : answer(invalidTime("set"));
}

function expire([key = "", seconds = ""]: readonly string[]): Task {
  const inMs = milliseconds("expire", seconds, 1_000n);
  return typeof inMs === "number" ? { type: "Expire", key, inMs } : answer(inMs);
}

function milliseconds(command: string, text = "", unit: bigint): number | Failure {
  const count = integerOf(text);
  if (count === undefined) return NOT_AN_INTEGER;
  const time = Number(count * unit);
  return Math.abs(time) > LONGEST_MS ? invalidTime(command) : time;
}

function invalidTime(command: string): Failure {
  return failure(`ERR invalid expire time in '${command}' command`);
}

/** Nothing is saved, and it can say so. */
const settings = new Map([
  ["save", ""],
  ["appendonly", "no"],
]);

function config([subcommand = "", ...names]: readonly string[]): Task {
  if (subcommand.toUpperCase() !== "GET") return answer(failure(`ERR unknown subcommand '${printable(subcommand)}'`));
  if (names.length === 0) return answer(failure("ERR wrong number of arguments for 'config|get' command"));
  return answer(
    names.flatMap((name) => {
      const value = settings.get(name.toLowerCase());
      return value === undefined ? [] : [name.toLowerCase(), value];
    }),
  );
}

function answer(reply: Reply): Answer {
  return { type: "Answer", reply };
}
