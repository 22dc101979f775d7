// A nats-server of a test's own, on this machine only.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { within } from "./peer.ts";

/** Killed at the end of the test's block, or before. */
export interface RunningNats extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it is gone, with whatever it knew. */
  kill(): Promise<void>;
}

/** Starts `program` on a port that it chooses, or on the one where another has been. */
export async function startNats(program: string, port = -1, ...options: readonly string[]): Promise<RunningNats> {
  const args = ["--addr", "127.0.0.1", "--port", `${port}`, ...options];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let log = "";
  const isReady = new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (data: Buffer) => {
      if (log.length < 65_536) log += data.toString();
      if (log.includes("Server is ready")) resolve();
    });
    void exited.then(() => {
      reject(new Error(`nats-server has ended: ${log}`));
    });
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await within(isReady, "nats-server does not come up");
  } catch (error) {
    await kill();
    throw error;
  }
  const [, listensOn] = /client connections on 127\.0\.0\.1:(\d+)/.exec(log) ?? [];
  return { port: Number(listensOn), kill, [Symbol.asyncDispose]: kill };
}
