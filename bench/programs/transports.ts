// What connections go over. One more transport is one more of these, and a row in workloads/echo.ts.
import { once } from "node:events";
import net, { type Socket } from "node:net";
import type { ConnectionOptions, ListenOptions } from "tankard";

export interface Transport {
  /** As one would without Tankard. Resolves when the connection can be used. */
  connectRaw(address: string): Promise<Socket>;
  /** Calls `serve` with each connection. Gives the address to connect to. */
  listenRaw(where: string | undefined, serve: (socket: Socket) => void): Promise<string>;
  connectOptions(address: string): ConnectionOptions;
  listenOptions(where: string | undefined): ListenOptions;
}

const host = "127.0.0.1";
const backlog = 4_096;

export const transports: Record<"tcp" | "unix", Transport> = {
  tcp: {
    connectRaw: (port) => connected(net.connect({ host, port: Number(port), noDelay: true })),
    listenRaw: (_, serve) => listening(net.createServer({ noDelay: true }, serve).listen({ host, port: 0, backlog })),
    connectOptions: (port) => ({ host, port: Number(port) }),
    listenOptions: () => ({ host, port: 0, backlog }),
  },
  unix: {
    connectRaw: (path) => connected(net.connect({ path })),
    listenRaw: (path, serve) => listening(net.createServer(serve).listen({ path, backlog })),
    connectOptions: (path) => ({ host, port: 0, path }),
    listenOptions: (path) => ({ port: 0, path, backlog }),
  },
};

/** @throws Error for a name that is none */
export function transportNamed(name: string | undefined): Transport {
  const transport = (transports as Partial<Record<string, Transport>>)[name ?? ""];
  if (transport === undefined) throw new Error(`There is no transport ${name}`);
  return transport;
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket, "connect");
  return socket;
}

async function listening(server: net.Server): Promise<string> {
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? `${address.port}` : `${address}`;
}
