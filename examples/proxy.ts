// A TCP proxy: whoever connects to it talks to the server that --to names, at the pace of the slower of the two. A process
// for each connection owns both its sockets; Ctrl-C ends the proxy, which takes them along.
//
// Prints: listening on 127.0.0.1:8080

import { parseArgs } from "node:util";
import { abort, accept, connect, controllingProcess, describeError, listen, relay, spawn } from "tankard";
import type { Self, Socket } from "tankard";

const USAGE = "Usage: proxy --to HOST:PORT [--host HOST] [--port PORT]";
const PAUSE_MS = 100;

const settings = readSettings();
if (settings === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const { here, there } = settings;
  const proxy = spawn((self) => serve(self, here, there));
  const end = () => proxy.kill();
  process.once("SIGINT", end).once("SIGTERM", end);
  await proxy.exited;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function serve(self: Self, { host, port }: Address, server: Address): Promise<void> {
  const listening = await listen({ host, port, owner: self });
  if (!listening.ok) {
    console.error(`Cannot listen on ${host}:${port}: ${describeError(listening.error)}.`);
    process.exitCode = 1;
    return;
  }
  console.log(`listening on ${host}:${listening.value.port}`);
  for (;;) {
    const accepted = await accept(listening.value, Infinity);
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

function readSettings(): { readonly here: Address; readonly there: Address } | undefined {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ options: { host: text, port: text, to: text } });
    const here = address(`${values.host ?? "127.0.0.1"}:${values.port ?? "0"}`);
    const there = address(values.to ?? "");
    return here === undefined || there === undefined ? undefined : { here, there };
  } catch {
    return undefined; // an option that there is not
  }
}

/** An IPv6 address may stand in brackets. */
function address(text: string): Address | undefined {
  const [, host, port] = /^\[?([!-~]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}
