// A redis-server of a test's own, on this machine only.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { within } from "./peer.ts";

/** Killed at the end of the test's block, or before. */
export interface RunningRedis extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it is gone, with whatever it had not written down. */
  kill(): Promise<void>;
}

/** Starts `program`; with a folder it writes down each command there before it answers, otherwise nothing. */
export async function startRedis(program: string, port: number, folder?: string): Promise<RunningRedis> {
  const disk =
    folder === undefined ? ["--appendonly", "no"] : ["--dir", folder, "--appendonly", "yes", "--appendfsync", "always"];
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", ...disk];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const isReady = new Promise<void>((resolve) => {
    child.stdout.on("data", (data: Buffer) => {
      if (data.includes("Ready to accept connections")) resolve();
    });
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  await within(isReady, "redis-server does not come up");
  return { port, kill, [Symbol.asyncDispose]: kill };
}
