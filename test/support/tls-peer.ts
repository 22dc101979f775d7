// The other side of a connection that speaks TLS, over plain node:tls.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";

export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** Those that have shaken hands. */
  readonly sockets: readonly TLSSocket[];
  /** Whether each of them has resumed a session. */
  readonly resumed: readonly boolean[];
  /** Why handshakes have failed, by Node's codes. */
  readonly failures: readonly (string | undefined)[];
}

/** A server of Node's that sends back what it gets. */
export async function tlsEchoServer(options: TlsOptions): Promise<TlsServer> {
  const sockets: TLSSocket[] = [];
  const resumed: boolean[] = [];
  const failures: (string | undefined)[] = [];
  const server = createServer(options, (socket) => {
    sockets.push(socket);
    resumed.push(socket.isSessionReused());
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => {
    failures.push(error.code);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    resumed,
    failures,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
