import net from "node:net";
import type { Address } from "./address.ts";
import { adoptAccepted } from "./node-transport.ts";
import type { KernelOptions, Transport } from "./transport.ts";

/** What a listening socket is told to be. */
export type ServerAddress =
  | { readonly path: string; readonly backlog: number }
  | { readonly host: string | undefined; readonly port: number; readonly backlog: number };

/** What a listening socket tells. */
export interface ServerEvents {
  listening(): void;
  accepted(transport: Transport): void;
  /** It could not listen, or one connection could not be accepted. */
  failed(code: string): void;
}

/** A listening socket. */
export interface ServerSocket {
  readonly address: Address;
  /** Stops listening, at once; connections that were accepted stay. */
  close(): void;
}

/** Listens. Nothing is called inside this call. */
export function serve(address: ServerAddress, options: KernelOptions, events: ServerEvents): ServerSocket {
  const isUnixSocket = "path" in address;
  const server = net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
  });
  server.on("connection", (raw) => {
    events.accepted(adoptAccepted(raw, isUnixSocket, options));
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    events.failed(error.code ?? "");
  });
  server.on("listening", () => {
    events.listening();
  });
  server.listen({ ...address });
  return {
    get address(): Address {
      const bound = server.address();
      if (bound === null) return { address: "", port: 0 };
      return typeof bound === "string" ? { address: bound, port: 0 } : { address: bound.address, port: bound.port };
    },
    close: () => {
      server.close();
    },
  };
}
