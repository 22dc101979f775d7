// Echo servers: by Node's own ways, by `listen` and `accept` with each kind of owner, and by `startServer` with each of its
// handlers.
import type { Socket as NetSocket } from "node:net";
import {
  accept,
  listen,
  type OwnedSocket,
  type Owner,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  type Self,
  send,
  type Socket,
  spawn,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { continueWith } from "tankard/otp";
import { type Connection, type Server, type ServerOptions, startServer, withReply } from "tankard/server";
import { upgrade } from "tankard/tls";
import { machineHandler } from "tankard/xstate";
import { setup } from "xstate";
import type { Transport } from "./transports.ts";

/** Gives the address where it listens. */
export type EchoServer = (over: Transport, where: string | undefined) => Promise<string>;

const timeLimitMs = 5_000;

export const servers: Record<string, EchoServer> = {
  "net `data`": (over, where) =>
    over.listenRaw(where, (socket) => {
      onlyEnd(socket).on("data", (data: Buffer) => socket.write(data));
    }),

  "net `for await`": (over, where) =>
    over.listenRaw(where, (socket) => {
      void (async () => {
        for await (const data of onlyEnd(socket)) socket.write(data as Buffer);
      })();
    }),

  "accept, callback owner": (over, where) =>
    acceptForever(over, where, (serve) => {
      serve(ownerFromCallback(echo));
    }),

  "accept, async process": (over, where) =>
    acceptForever(over, where, (serve) => {
      spawn(async (self) => {
        serve(self);
        await echoForever(self);
      });
    }),

  "accept, passive receive": async (over, where) => {
    const listener = unwrap(await listen(over.listenOptions(where)));
    void (async () => {
      for (;;) {
        const socket = unwrap(await accept(listener, Infinity));
        void ready(over, socket).then(() => echoPassively(socket));
      }
    })();
    return where ?? `${listener.port}`;
  },

  "startServer, actor": async (over, where) =>
    addressOf(
      await startServer(serverOptions(over, where), {
        init: () => ({ state: null }),
        onPacket: (state, data) => withReply(continueWith(state), data),
      }),
      where,
    ),

  "startServer, async process": async (over, where) =>
    addressOf(
      await startServer(serverOptions(over, where), ({ socket }: Connection, self: Self) => {
        receiveNextPacketAsMessage(socket);
        return echoForever(self);
      }),
      where,
    ),

  "startServer, callback owner": async (over, where) =>
    addressOf(
      await startServer(serverOptions(over, where), {
        createOwner: ({ socket }) => {
          queueMicrotask(() => receiveNextPacketAsMessage(socket)); // it is the owner's when this has returned
          return ownerFromCallback(echo);
        },
      }),
      where,
    ),

  "startServer, XState machine": async (over, where) => {
    const machine = setup({ types: { input: {} as Connection, events: {} as TcpMessage } }).createMachine({
      context: ({ input }) => ({ socket: input.socket }),
      entry: ({ context }) => void receiveNextPacketAsMessage((context as { socket: OwnedSocket }).socket),
      initial: "open",
      states: {
        open: { on: { Packet: { actions: ({ event }) => echo(event) }, SocketClosed: "closed" } },
        closed: { type: "final" },
      },
    });
    const handler = machineHandler(machine, { input: (connection) => connection });
    return addressOf(await startServer(serverOptions(over, where), handler), where);
  },
};

function echo(message: TcpMessage): void {
  if (message.type !== "Packet") return;
  void send(message.socket, message.data);
  receiveNextPacketAsMessage(message.socket);
}

async function echoForever(self: Self): Promise<void> {
  for (;;) {
    const message = await self.receive(tcpMessages, timeLimitMs);
    if (!message.ok) continue;
    if (message.value.type !== "Packet") return;
    echo(message.value);
  }
}

async function echoPassively(socket: Socket): Promise<void> {
  for (;;) {
    const data = await receive(socket, timeLimitMs);
    if (data.ok) void send(socket, data.value);
    else if (data.error !== "Timeout") return;
  }
}

/** `start` makes an owner for each connection, and says who it is. */
async function acceptForever(
  over: Transport,
  where: string | undefined,
  start: (serve: (owner: Owner) => void) => void,
): Promise<string> {
  const listener = unwrap(await listen(over.listenOptions(where)));
  const next = (): void => {
    start((owner) => {
      void accept(listener, Infinity, { owner }).then((accepted) => {
        const socket = unwrap(accepted);
        next();
        void ready(over, socket).then(() => receiveNextPacketAsMessage(socket));
      });
    });
  };
  next();
  return where ?? `${listener.port}`;
}

/** Waits for the handshake, where there is one. */
async function ready({ serverContext }: Transport, socket: Socket): Promise<void> {
  if (serverContext !== undefined) unwrap(await upgrade(socket, serverContext));
}

function serverOptions(over: Transport, where: string | undefined): ServerOptions {
  return { ...over.listenOptions(where), tls: over.serverContext };
}

function addressOf(started: Parameters<typeof unwrap<Server>>[0], where: string | undefined): string {
  return where ?? `${unwrap(started).port}`;
}

/** Its error is the end of it, and that of nothing else. */
function onlyEnd(socket: NetSocket): NetSocket {
  return socket.on("error", () => undefined);
}
