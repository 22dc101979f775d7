// A chat server that speaks IRC: point any IRC client at it, or the bot (chat-bot --host HOST --port PORT). An actor for
// each connection, one for the nicks, and a group for each room; Ctrl-C says goodbye to everybody and ends it.
//
// Prints: listening on 127.0.0.1:6667

import { parseArgs } from "node:util";
import { describeError, spawn, type Self } from "tankard";
import { drainOnSignals } from "tankard/server";
import { startChatServer } from "./chat/server.ts";

const USAGE = "Usage: chat-server [--host HOST] [--port PORT]";
const DRAIN_WITHIN_MS = 5_000;

const address = readAddress();
if (address === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await spawn((self) => serve(self, address)).result;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function serve(self: Self, { host, port }: Address): Promise<void> {
  const started = await startChatServer({ host, port }, self);
  if (!started.ok) {
    console.error(`Cannot listen on ${host}:${port}: ${describeError(started.error)}.`);
    process.exitCode = 1;
    return;
  }
  const server = started.value;
  drainOnSignals(server, { withinMs: DRAIN_WITHIN_MS });
  console.log(`listening on ${host}:${server.port}`);
  await server.process.exited;
}

function readAddress(): Address | undefined {
  const text = { type: "string" } as const;
  try {
    const { host = "127.0.0.1", port = "6667" } = parseArgs({ options: { host: text, port: text } }).values;
    const isRight = /^[!-~]+$/.test(host) && /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
    return isRight ? { host, port: Number(port) } : undefined;
  } catch {
    return undefined; // an option that there is not
  }
}
