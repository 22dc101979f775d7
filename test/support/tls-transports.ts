// TLS as two more records of what connections are made over: from the first byte, and as an upgrade of one in plain text.

import { once } from "node:events";
import tls from "node:tls";
import { receiveExact, send, setopts, type Socket, unwrap } from "tankard";
import { connect, newServerContext, type TlsClientOptions, type TlsServerContext, upgrade } from "tankard/tls";
import { ca, credentials } from "./certificates.ts";
import { connectPeer, type Peer, peerOf, peerServer, type PeerServer } from "./peer.ts";
import { type BothOptions, type OurServer, tcp, type Transport } from "./transports.ts";

const client: TlsClientOptions = { ca, serverNameIndication: "localhost" };
const context: TlsServerContext = newServerContext(credentials("localhost"));
const farContext = tls.createSecureContext({ ...credentials("localhost"), ca });

export const overTls: Transport = {
  name: "TLS",
  hasReset: true,
  farServer: () => farServer(secureFarServer),
  farConnect: async (to) => secureFarClient(await connectPeer(to)),
  serve: (options) => serve(options, (socket) => secured(socket, context)),
  connect: async ({ port }, options, owner) =>
    unwrap(await connect({ ...options, host: "127.0.0.1", port, owner, tls: client })),
};

/** Both sides say one word in plain text first. */
export const upgraded: Transport = {
  name: "an upgraded connection",
  hasReset: true,
  farServer: () =>
    farServer(async (peer) => {
      await peer.receive(word.length);
      await peer.send(word);
      return secureFarServer(peer);
    }),
  farConnect: async (to) => {
    const peer = await connectPeer(to);
    await peer.send(word);
    await peer.receive(word.length);
    return secureFarClient(peer);
  },
  serve: (options) =>
    serve({ ...options, packet: "raw" }, async (socket) => {
      unwrap(await receiveExact(socket, word.length, handshakeMs));
      unwrap(await send(socket, word));
      await secured(socket, context);
      unwrap(setopts(socket, { packet: options.packet }));
    }),
  connect: async (to, options, owner) => {
    const socket = await tcp.connect(to, { ...options, packet: "raw" }, owner);
    unwrap(await send(socket, word));
    unwrap(await receiveExact(socket, word.length, handshakeMs));
    await secured(socket, client);
    unwrap(setopts(socket, { packet: options.packet }));
    return socket;
  },
};

const word = "STARTTLS\n";
const handshakeMs = 5_000;

async function secured(socket: Socket, how: TlsClientOptions | TlsServerContext): Promise<void> {
  unwrap(await upgrade(socket, how));
  await nextTurn(); // a server's tickets have left then: otherwise it is they that hear of a reset, and a read sees an end
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function serve(options: BothOptions, secure: (socket: Socket) => Promise<void>): Promise<OurServer> {
  const server = await tcp.serve(options);
  return {
    ...server,
    accept: async (owner) => {
      const socket = await server.accept(owner);
      await secure(socket);
      return socket;
    },
  };
}

async function farServer(secure: (peer: Peer) => Promise<Peer>): Promise<PeerServer> {
  const server = await peerServer();
  const all: Peer[] = [];
  return {
    port: server.port,
    get accepted() {
      return server.accepted;
    },
    accept: async () => {
      const peer = await secure(await server.accept());
      all.push(peer);
      return peer;
    },
    [Symbol.asyncDispose]: async () => {
      for (const peer of all) await peer[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function secureFarClient({ raw }: Peer): Promise<Peer> {
  const stream = tls.connect({ socket: raw, secureContext: farContext, servername: "localhost" });
  // Closed before the tickets have come it would be a reset to the server.
  await Promise.all([once(stream, "secureConnect"), once(stream, "session")]);
  await nextTurn(); // Node does not send what is written while OpenSSL gives a session
  return farPeer(stream, raw);
}

async function secureFarServer({ raw }: Peer): Promise<Peer> {
  const stream = new tls.TLSSocket(raw, { isServer: true, secureContext: farContext });
  await once(stream, "secure");
  await nextTurn(); // the tickets have left
  return farPeer(stream, raw);
}

function farPeer(stream: tls.TLSSocket, raw: Peer["raw"]): Peer {
  stream.allowHalfOpen = true;
  return peerOf(stream, raw);
}
