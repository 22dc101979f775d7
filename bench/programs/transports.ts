// What connections go over. One more transport is one more of these, and a row in workloads/echo.ts.
import { once } from "node:events";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import {
  connect,
  type ConnectionOptions,
  type ListenOptions,
  type OwnedSocket,
  type Owner,
  receiveExact,
  send,
  unwrap,
  type Socket as TankardSocket,
} from "tankard";
import { connect as connectTls, newServerContext, type TlsServerContext, upgrade } from "tankard/tls";
import ca from "../../test/support/certificates/ca.pem";
import key from "../../test/support/certificates/localhost.key";
import cert from "../../test/support/certificates/localhost.pem";

export interface Transport {
  /** As one would without Tankard. Resolves when the connection can be used. */
  connectRaw(address: string): Promise<Socket>;
  /** Calls `serve` with each connection. Gives the address to connect to. */
  listenRaw(where: string | undefined, serve: (socket: Socket) => void): Promise<string>;
  /** As `connectRaw`, with Tankard. */
  connect(address: string, owner: Owner): Promise<OwnedSocket>;
  connect(address: string): Promise<TankardSocket>;
  /** Where to, and nothing of TLS. */
  connectOptions(address: string): ConnectionOptions;
  listenOptions(where: string | undefined): ListenOptions;
  /** Of a server that speaks TLS from the first byte. */
  readonly serverContext?: TlsServerContext;
}

const host = "127.0.0.1";
const backlog = 4_096;

// Both of a pair are told the same. Nobody gives a session to be resumed: each handshake is a whole one.
/** For Node. */
export const rawClient = { ca, servername: "localhost" };
/** For Tankard. */
export const client = { ca, serverNameIndication: "localhost" };
const credentials = { key, cert };
/** What both sides say in plain text before they upgrade. */
const word = Buffer.from("STARTTLS\n");
const wordMs = 5_000;

const overTcp = {
  connectOptions: (port: string) => ({ host, port: Number(port) }),
  listenOptions: () => ({ host, port: 0, backlog }),
};

export const transports: Record<"tcp" | "unix" | "tls" | "starttls", Transport> = {
  tcp: {
    ...overTcp,
    connectRaw: connectTcp,
    listenRaw: (_, serve) => listenTcp(serve),
    connect: connecting(async (port, owner) => unwrap(await connect({ ...overTcp.connectOptions(port), owner }))),
  },
  unix: {
    connectRaw: (path) => connected(net.connect({ path })),
    listenRaw: (path, serve) => listening(net.createServer(serve).listen({ path, backlog })),
    connect: connecting(async (path, owner) => unwrap(await connect({ host, port: 0, path, owner }))),
    connectOptions: (path) => ({ host, port: 0, path }),
    listenOptions: (path) => ({ port: 0, path, backlog }),
  },
  tls: {
    ...overTcp,
    connectRaw: (port) => secured(tls.connect({ ...rawClient, host, port: Number(port) }).setNoDelay()),
    listenRaw: (_, serve) =>
      listening(tls.createServer({ ...credentials, noDelay: true }, serve).listen({ host, port: 0, backlog })),
    connect: connecting(async (port, owner) =>
      unwrap(await connectTls({ ...overTcp.connectOptions(port), tls: client, owner })),
    ),
    serverContext: newServerContext(credentials),
  },
  /** Clients that upgrade, and the one server of them all. */
  starttls: {
    ...overTcp,
    connectRaw: async (port) => {
      const socket = await connectTcp(port);
      socket.write(word);
      await wordFrom(socket);
      return secured(tls.connect({ ...rawClient, socket }));
    },
    listenRaw: (_, serve) => {
      const secureContext = tls.createSecureContext(credentials);
      return listenTcp((socket) => {
        void wordFrom(socket).then(() => {
          socket.write(word);
          serve(new tls.TLSSocket(socket, { isServer: true, secureContext }));
        });
      });
    },
    connect: connecting(async (port, owner) => {
      const socket = unwrap(await connect({ ...overTcp.connectOptions(port), owner }));
      unwrap(await send(socket, word));
      unwrap(await receiveExact(socket, word.length, wordMs));
      unwrap(await upgrade(socket, client));
      return socket;
    }),
  },
};

/** @throws Error for a name that is none */
export function transportNamed(name: string | undefined): Transport {
  const transport = (transports as Partial<Record<string, Transport>>)[name ?? ""];
  if (transport === undefined) throw new Error(`There is no transport ${name}`);
  return transport;
}

/** What belongs to an owner where there is one, as the compiler cannot see by itself. */
function connecting(how: (address: string, owner: Owner | undefined) => Promise<TankardSocket>): Transport["connect"] {
  return how as Transport["connect"];
}

function connectTcp(port: string): Promise<Socket> {
  return connected(net.connect({ host, port: Number(port), noDelay: true }));
}

function listenTcp(serve: (socket: Socket) => void): Promise<string> {
  return listening(net.createServer({ noDelay: true }, serve).listen({ host, port: 0, backlog }));
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket, "connect");
  return socket;
}

async function secured(socket: tls.TLSSocket): Promise<Socket> {
  await once(socket, "secureConnect");
  return socket;
}

/** It comes alone: who has sent it waits for an answer. */
async function wordFrom(socket: Socket): Promise<void> {
  await once(socket, "readable");
  if (!word.equals(socket.read() as Buffer)) throw new Error("The other side did not say STARTTLS");
}

async function listening(server: net.Server): Promise<string> {
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? `${address.port}` : `${address}`;
}
