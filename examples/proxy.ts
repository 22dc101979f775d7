// A TCP proxy: whoever connects to it talks to the server that --to names, at the pace of the slower of the two. A process
// for each connection owns both its sockets; Ctrl-C ends the proxy, which takes them along.
//
// Prints: listening on 127.0.0.1:8080

import { abort, accept, connect, controllingProcess, describeError, listen, relay, spawn } from "tankard";
import type { Self, Socket } from "tankard";
import { type Address, addressOf, announce, readCommandLine, sayUsage } from "./command-line/address.ts";

const USAGE = "Usage: proxy --to HOST:PORT [--host HOST] [--port PORT]";
const PAUSE_MS = 100;

const commandLine = readCommandLine(USAGE, "to");
if (commandLine !== undefined) {
  const { here, texts } = commandLine;
  const there = addressOf(texts.to ?? "");
  if (there === undefined) sayUsage(USAGE);
  else await run(here, there);
}

async function run(here: Address, there: Address): Promise<void> {
  const proxy = spawn((self) => serve(self, here, there));
  const end = () => proxy.kill();
  process.once("SIGINT", end).once("SIGTERM", end);
  await proxy.exited;
}

async function serve(self: Self, here: Address, server: Address): Promise<void> {
  const listener = announce(here, await listen({ ...here, owner: self }));
  if (listener === undefined) return;
  for (;;) {
    const accepted = await accept(listener, Infinity);
    if (accepted.ok) self.spawn((connection) => join(connection, accepted.value, server));
    else if (accepted.error === "Closed") return;
    else await self.sleep(PAUSE_MS); // no descriptor left: one comes free when somebody goes
  }
}

async function join(self: Self, client: Socket, server: Address): Promise<void> {
  if (!controllingProcess(client, self).ok) return; // it has gone already
  const connected = await connect({ ...server, owner: self });
  if (connected.ok) {
    await relay(client, connected.value);
    return;
  }
  abort(client); // whom nobody has answered must not take it for an answer
  if (connected.error.type !== "ConnectAborted") console.error(`${describeError(connected.error)}.`);
}
