// Runs a few lines of JavaScript in a Node process of their own, where `tankard` is our own src.

import { execFile } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const END_WITHIN_MS = 9_000;

export interface Ended {
  /** `null` where it did not end by itself in time. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Resolves when the program has ended; it is killed when it does not in time. */
export function runProgram(source: string): Promise<Ended> {
  const { NODE_OPTIONS: _, ...env } = process.env; // Jest's own flags are not the program's
  const args = ["--conditions=tankard-source", "--import=tsx", "--input-type=module", "--eval", source];
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env, timeout: END_WITHIN_MS, killSignal: "SIGKILL" } as const;
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}
