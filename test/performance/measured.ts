// Runs a program of this folder in a Node process of its own, where `tankard` is our own src and nothing else goes on.

import { execFile } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const endWithinMs = 60_000;

interface Running {
  /** A command that runs the program: `strace` with its options. */
  readonly under?: readonly string[];
  readonly flags?: readonly string[];
}

/** What the program printed. It is killed where it does not end in time. */
export function outputOf(program: string, args: readonly (string | number)[], running: Running = {}): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env; // Jest's own flags are not the program's
  const file = join(import.meta.dirname, `${program}.fixture.ts`);
  const node = [process.execPath, ...(running.flags ?? []), "--conditions=tankard-source", "--import=tsx", file];
  const [command = "", ...rest] = [...(running.under ?? []), ...node, ...args.map(String)];
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env, timeout: endWithinMs, killSignal: "SIGKILL" } as const;
    execFile(command, rest, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} failed: ${stderr}`, { cause: error }));
    });
  });
}

/** The same, of one that prints JSON. */
export async function measured<T>(
  program: string,
  args: readonly (string | number)[],
  running: Running = {},
): Promise<T> {
  return JSON.parse(await outputOf(program, args, running)) as T;
}
