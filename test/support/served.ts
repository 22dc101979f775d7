// A server for a test, in a world of its own, and peers that are connected to it.

import { connect } from "node:net";
import { unwrap } from "tankard";
import { continueWith } from "tankard/otp";
import {
  type ConnectionHandler,
  type ConnectionOwner,
  type ConnectionProcess,
  type Server,
  type ServerEvent,
  type ServerOptions,
  startServer,
  withReply,
} from "tankard/server";
import { createWorld, type World } from "./in-process.ts";
import { connectPeer, type Peer, until } from "./peer.ts";

export interface Served extends World, AsyncDisposable {
  readonly server: Server;
  /** What happened of this kind. */
  events<T extends ServerEvent["type"]>(type: T): Extract<ServerEvent, { readonly type: T }>[];
  /** Connects one more peer. */
  peer(): Promise<Peer>;
  /** Connects one that is reset at once, and gives the port that it came from. */
  refusedPeer(): Promise<number | undefined>;
  /** Waits until so many are served: their handlers have begun. */
  isServing(count: number): Promise<void>;
}

/** Everything that comes goes back. */
export const echo: ConnectionHandler<undefined, never> = {
  init: () => ({ state: undefined }),
  onPacket: (state, data) => withReply(continueWith(state), data),
};

export async function serve<S, U = never>(
  handler: ConnectionHandler<S, U> | ConnectionProcess | ConnectionOwner,
  options: Partial<ServerOptions> = {},
): Promise<Served> {
  const world = createWorld();
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  const all: ServerOptions = { host: "127.0.0.1", port: 0, onEvent, ...options };
  const server = unwrap(await startServer(all, handler, world.runtime));
  const peers: Peer[] = [];
  return {
    ...world,
    server,
    events: <T extends ServerEvent["type"]>(type: T) =>
      events.filter((event): event is Extract<ServerEvent, { readonly type: T }> => event.type === type),
    peer: async () => {
      const peer = await connectPeer({ port: server.port });
      peers.push(peer);
      return peer;
    },
    refusedPeer: () => reset(server.port),
    isServing: (count) =>
      until(() => serving(events) === count && server.info().open === count, `${count} are not served`),
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
      await server.stop();
      await world.runtime.stop();
    },
  };
}

function serving(events: readonly ServerEvent[]): number {
  const count = (type: ServerEvent["type"]): number => events.filter((event) => event.type === type).length;
  return count("ConnectionOpened") - count("ConnectionClosed");
}

function reset(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const raw = connect({ port, host: "127.0.0.1" });
    let localPort: number | undefined;
    raw.on("connect", () => {
      ({ localPort } = raw);
    });
    raw.on("end", () => {
      reject(new Error("The connection has a clean end"));
    });
    raw.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") resolve(localPort);
      else reject(error);
    });
  });
}
