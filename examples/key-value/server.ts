// The tree: a supervisor that starts the store again when it crashes, and beside it the server, whose connections find
// the store by its name.

import { namedSubject, type Result, type SocketError, unwrap } from "tankard";
import { startSupervisor, type Supervisor } from "tankard/otp";
import { type Server, type ServerOptions, startServer } from "tankard/server";
import { keyValueConnection } from "./connection.ts";
import { newStoreName, startStore } from "./store.ts";

export interface KeyValueServer {
  readonly server: Server;
  /** Of the store alone. It ends when the server has ended. */
  readonly supervisor: Supervisor;
}

export async function startKeyValueServer(options: ServerOptions): Promise<Result<KeyValueServer, SocketError>> {
  const name = newStoreName();
  const { data: supervisor } = unwrap(
    await startSupervisor({
      strategy: "OneForOne",
      children: [{ id: "store", start: (host) => startStore(name, host) }],
    }),
  );
  // Who is connected and has nothing to ask may stay.
  const settings = { ...options, readTimeoutMs: Infinity };
  const started = await startServer(settings, keyValueConnection(namedSubject(name)));
  if (!started.ok) {
    await supervisor.stop();
    return started;
  }
  const server = started.value;
  void server.process.exited.then(() => supervisor.stop());
  return { ok: true, value: { server, supervisor } };
}
