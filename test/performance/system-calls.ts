// System calls of a program, between the two marks that it makes. strace sees those of the main thread alone.

import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "@jest/globals";
import { temporaryFolder } from "../support/peer.ts";

/** Whatever they are called on this machine. */
const names = {
  read: ["read", "readv", "recvfrom", "recvmsg"],
  write: ["write", "writev", "sendto", "sendmsg"],
  poll: ["epoll_wait", "epoll_pwait", "epoll_pwait2"],
  change: ["epoll_ctl"],
};
const marks = ["access", "faccessat", "faccessat2", "stat", "statx", "newfstatat"];
const traced = [...Object.values(names).flat(), ...marks].map((name) => `?${name}`).join(",");

export type SystemCalls = Record<keyof typeof names, number> & {
  /** Polls that found nothing: Node looks before it waits, where it has something else to do. */
  readonly emptyPoll: number;
  /** Reads of no socket: a thread of Node's, which collects garbage or compiles, has woken the loop. */
  readonly wakeUp: number;
};

const canTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
if (!canTrace) process.stderr.write("Skipped: system calls are not counted, strace is missing or not allowed here\n");

/** Skipped where nothing can be traced. */
export const describeWithStrace = canTrace ? describe : describe.skip;

/** `run` gets the command to run the program under. */
export async function systemCallsOf(
  begin: string,
  end: string,
  run: (under: readonly string[]) => Promise<unknown>,
): Promise<SystemCalls> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "strace");
  await run(["strace", "-y", "-o", file, "-e", `trace=${traced}`]);
  const lines = (await readFile(file, "utf8")).split("\n");
  const from = lines.findIndex((line) => line.includes(begin));
  const to = lines.findIndex((line) => line.includes(end));
  if (from < 0 || to < from) throw new Error(`There are no ${begin} and ${end} in ${lines.length} lines`);
  const between = lines.slice(from + 1, to);
  const callsOf = (kind: keyof typeof names): string[] =>
    between.filter((line) => names[kind].includes(line.slice(0, line.indexOf("("))));
  const count = (kind: keyof typeof names): number => callsOf(kind).length;
  const ofSocket = (line: string): boolean => /^\w+\(\d+<(socket|TCP)/.test(line);
  const read = callsOf("read").filter(ofSocket).length;
  const write = callsOf("write").filter(ofSocket).length;
  const emptyPoll = callsOf("poll").filter((line) => line.endsWith(" = 0")).length;
  return { read, write, poll: count("poll"), change: count("change"), emptyPoll, wakeUp: count("read") - read };
}
