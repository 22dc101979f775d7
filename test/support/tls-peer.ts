// The other side of a connection that speaks TLS, over plain node:tls.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { connect, type ConnectionOptions, createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { type Peer, peerOf } from "./peer.ts";

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

export interface TlsPeer extends Peer {
  readonly raw: TLSSocket;
}

/** A client of Node's that has shaken hands; where it cannot, it throws Node's error. It trusts whoever answers. */
export async function connectTlsPeer(options: ConnectionOptions): Promise<TlsPeer> {
  const raw = connect({ host: "127.0.0.1", rejectUnauthorized: false, ...options });
  raw.pause();
  try {
    await once(raw, "secureConnect");
  } catch (error) {
    raw.destroy();
    throw error;
  }
  return { ...peerOf(raw), raw };
}

/** The first bytes of a client of Node's. */
export async function clientHello(): Promise<Buffer> {
  let resolve: (hello: Buffer) => void = () => undefined;
  const hello = new Promise<Buffer>((settle) => (resolve = settle));
  const wire = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, written) => {
      resolve(data);
      written();
    },
  });
  const raw = connect({ socket: wire, servername: "localhost" });
  raw.on("error", () => undefined);
  try {
    return await hello;
  } finally {
    raw.destroy();
  }
}
