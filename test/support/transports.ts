// What connections are made over, one record for each, and the ways in which two ends come together over any of them.

import {
  abort,
  accept,
  close,
  connect,
  listen,
  type ListenOptions,
  type Owner,
  peername,
  receive,
  receiveExact,
  send,
  shutdownWrite,
  type Socket,
  sockname,
  unwrap,
} from "tankard";
import {
  connectPeer,
  type FarEnd,
  flood,
  type Peer,
  peerServer,
  type PeerServer,
  temporaryFolder,
  unixPeerServer,
  type Where,
} from "./peer.ts";

/** Options that a socket takes whoever has made the connection. */
export type BothOptions = Omit<ListenOptions, "host" | "port" | "path" | "backlog">;

/**
 * What connections are made over. Each of its sides can be ours or Node's; where there is a handshake, what resolves
 * has been through it.
 */
export interface Transport {
  readonly name: string;
  /** Whether a connection that is cut shows that to the other side. Otherwise that may see an end. */
  readonly hasReset: boolean;
  /** A server of Node's. */
  farServer(): Promise<PeerServer>;
  /** Connects a client of Node's. */
  farConnect(to: Where): Promise<Peer>;
  /** A server of ours. */
  serve(options: BothOptions): Promise<OurServer>;
  /** Connects a client of ours. */
  connect(to: Where, options: BothOptions, owner?: Owner): Promise<Socket>;
}

export interface OurServer extends Where, AsyncDisposable {
  accept(owner?: Owner): Promise<Socket>;
}

export const tcp: Transport = {
  name: "TCP",
  hasReset: true,
  farServer: () => peerServer(),
  farConnect: connectPeer,
  serve: (options) => serve({ ...options, host: "127.0.0.1", port: 0 }),
  connect: async ({ port }, options, owner) =>
    unwrap(await connect({ ...options, host: "127.0.0.1", port, owner, timeout: handshakeMs })),
};

export const unix: Transport = {
  name: "a unix socket",
  hasReset: false,
  farServer: unixPeerServer,
  farConnect: connectPeer,
  serve: async (options) => {
    const folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    const server = await serve({ ...options, port: 0, path });
    return {
      ...server,
      path,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
  connect: async ({ path = "" }, options, owner) =>
    unwrap(await connect({ ...options, host: "", port: 0, path, owner, timeout: handshakeMs })),
};

const handshakeMs = 5_000;

async function serve(options: ListenOptions): Promise<OurServer> {
  const listener = unwrap(await listen(options));
  return {
    port: listener.port,
    accept: async (owner) => unwrap(await accept(listener, handshakeMs, { owner })),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

/** A socket of ours and the other side of it. Disposing leaves the socket to its owner. */
export interface Link<P extends FarEnd> extends AsyncDisposable {
  readonly socket: Socket;
  readonly peer: P;
}

/** A way to connect a socket. */
export type Linking<P extends FarEnd = FarEnd> = (options: BothOptions, owner?: Owner) => Promise<Link<P>>;

/** A client of ours, and a server of Node's. */
export function byConnecting(transport: Transport): Linking<Peer> {
  return async (options, owner) => {
    const server = await transport.farServer();
    const [socket, peer] = await Promise.all([transport.connect(server, options, owner), server.accept()]);
    return { socket, peer, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };
}

/** A server of ours, and a client of Node's. */
export function byAccepting(transport: Transport): Linking<Peer> {
  return async (options, owner) => {
    await using server = await transport.serve(options);
    const [socket, peer] = await Promise.all([server.accept(owner), transport.farConnect(server)]);
    return { socket, peer, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
  };
}

/** A client of ours, and a server of ours as the other side. */
export function byConnectingToOurs(transport: Transport): Linking {
  return async (options, owner) => {
    await using server = await transport.serve(farOptions);
    const [socket, far] = await Promise.all([transport.connect(server, options, owner), server.accept()]);
    return linkTo(socket, far);
  };
}

/** A server of ours, and a client of ours as the other side. */
export function byAcceptingOurs(transport: Transport): Linking {
  return async (options, owner) => {
    await using server = await transport.serve(options);
    const [socket, far] = await Promise.all([server.accept(owner), transport.connect(server, farOptions)]);
    return linkTo(socket, far);
  };
}

/** What lets a socket of ours do what a far end does: see resets, send after the end, and know what has left. */
export const farOptions: BothOptions = {
  showEconnreset: true,
  exitOnClose: false,
  highWatermark: 1,
  sendQueueLimit: 2 ** 30,
};

/** The two ends, both of which are ours; `far` has `farOptions`. */
export function linkTo(socket: Socket, far: Socket): Link<FarEnd> {
  const peer = farEndOf(far);
  return { socket, peer, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

/** Milliseconds in which something more comes where there is more to come. */
const silenceMs = 5_000;

function farEndOf(socket: Socket): FarEnd {
  const sendAll = async (data: string | Uint8Array): Promise<void> => {
    const sending = send(socket, data);
    unwrap(await send(socket, "")); // waits until all before it has left
    unwrap(await sending);
  };
  return {
    send: sendAll,
    flood: (byteSize) => flood(byteSize, (piece, taken) => void sendAll(piece).then(taken, () => undefined)),
    receive: async (byteSize) => unwrap(await receiveExact(socket, byteSize, silenceMs)),
    readToEnd: async () => {
      const chunks: Buffer[] = [];
      for (;;) {
        const received = await receive(socket, silenceMs);
        if (received.ok) chunks.push(received.value);
        else if (received.error === "Timeout") throw new Error(`The stream does not end within ${silenceMs} ms`);
        else return { data: Buffer.concat(chunks), how: received.error === "Econnreset" ? "Rst" : "Fin" };
      }
    },
    halfClose: async () => {
      unwrap(await send(socket, ""));
      unwrap(await shutdownWrite(socket));
    },
    close: () => void close(socket),
    reset: () => {
      abort(socket);
    },
    ports: { here: unwrap(sockname(socket)).port, there: unwrap(peername(socket)).port },
    [Symbol.asyncDispose]: async () => {
      abort(socket);
      await close(socket);
    },
  };
}
