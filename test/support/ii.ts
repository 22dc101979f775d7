// ii, a client that is files: a FIFO to type into and a file to read, for each channel.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { constants, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { endProgram, eventually } from "./other-program.ts";

export interface Ii extends AsyncDisposable {
  /** Types into a channel's window, or into the server's where the channel is empty. */
  type(channel: string, text: string): Promise<void>;
  /** Resolves when the channel's window shows it. */
  reads(channel: string, pattern: RegExp): Promise<void>;
  /** Ends it with SIGKILL: it can say nothing more. */
  kill(): Promise<void>;
}

/** Starts the `program` for a server of this machine, with its files in `folder`. */
export async function startIi(program: string, port: number, nick: string, folder: string): Promise<Ii> {
  const files = join(folder, `ii-${nick}`);
  const child = spawn(program, ["-s", "127.0.0.1", "-p", `${port}`, "-n", nick, "-i", files], { stdio: "ignore" });
  const window = (channel: string, file: string) => join(files, "127.0.0.1", channel, file);
  await eventually(() => Promise.resolve(existsSync(window("", "in"))));
  return {
    type: async (channel, text) => {
      const fifo = await open(window(channel, "in"), constants.O_WRONLY);
      await fifo.write(text);
      await fifo.close();
    },
    reads: (channel, pattern) =>
      eventually(async () => {
        const shown = await readFile(window(channel, "out"), "utf8").catch(() => "");
        return pattern.test(shown);
      }),
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    [Symbol.asyncDispose]: () => endProgram(child),
  };
}
