// A small IRC server: an actor for each connection, one for the nicks, and a group for each room.

import { unwrap, type Host, type Result, type SocketError } from "tankard";
import { startServer, type Server } from "tankard/server";
import { clientHandler } from "./connection.ts";
import { startRegistry } from "./registry.ts";

const MAX_CLIENTS = 100;

/** How clients are served. */
const clientOptions = {
  maxConnections: MAX_CLIENTS,
  maxWaiting: 0, // one more is reset: who could not say a word would wait for nothing
  readTimeoutMs: Infinity, // people may be silent
  keepalive: true, // and machines that have gone are noticed all the same
  buffer: 4_096, // so few lines are obeyed at a time that nobody waits long for a turn
  sendQueueLimit: 512 * 1024, // who does not read is let go when this much waits
  linger: 1_000,
};

/** Starts it; on a `Self` it ends with that process. Port 0 is a free one. */
export async function startChatServer(
  address: { readonly host: string; readonly port: number },
  host: Host,
): Promise<Result<Server, SocketError>> {
  const registry = unwrap(await startRegistry(host)).data;
  const server = await startServer(
    { ...address, ...clientOptions },
    clientHandler({ registry, rooms: new Map() }),
    host,
  );
  const end = () => registry.send({ type: "End" });
  if (server.ok) void server.value.process.exited.then(end);
  else end();
  return server;
}
