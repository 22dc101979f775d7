// Programs that are not ours: they send no events to wait for.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { canConnect } from "./peer.ts";

const POLL_MS = 20;
const WAIT_MS = 10_000;

/** Asks it to end, and kills it where it does not in time. */
export async function endProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const impatient = setTimeout(() => child.kill("SIGKILL"), WAIT_MS / 5);
  await exited;
  clearTimeout(impatient);
}

/** Looks again and again, for a bounded time. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("It did not happen in time");
    await delay(POLL_MS);
  }
}

/**
 * Waits until a server accepts connections at `port`, and gives what ends it and deletes the folder of its own; that is
 * done where it does not come to it.
 */
export async function served(child: ChildProcess, port: number, folder: AsyncDisposable): Promise<() => Promise<void>> {
  const stop = async (): Promise<void> => {
    await endProgram(child);
    await folder[Symbol.asyncDispose]();
  };
  await eventually(() => canConnect(port)).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return stop;
}
