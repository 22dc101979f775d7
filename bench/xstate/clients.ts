// Echo clients of bench/xstate.ts: whatever comes back is sent again, by each kind of owner that a socket can have.
import { once } from "node:events";
import net from "node:net";
import {
  connect,
  newSelector,
  type Owner,
  ownerFromCallback,
  type OwnedSocket,
  type OwnSubject,
  receiveNextPacketAsMessage,
  type Self,
  send,
  spawn,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { actorOwner, type Connected, fromProcess, fromTcpSocket, tcpSocketActions } from "tankard/xstate";
import { type AnyEventObject, createActor, fromCallback, fromTransition, sendTo, setup } from "xstate";

/** What a client sends for what it has received: the same bytes, or none for a pause. */
export type Answer = (data: Buffer) => Buffer;
/** Connects to an echo server. Gives what sends the first bytes, again after each pause. */
export type Client = (port: number, answer: Answer) => Promise<(data: Buffer) => void>;

const host = "127.0.0.1";

export const clients: Record<string, Client> = {
  "net `data`": async (port, answer) => {
    const socket = await rawSocket(port);
    socket.on("data", (data: Buffer) => socket.write(answer(data)));
    return (data) => socket.write(data);
  },

  "`ownerFromCallback`": async (port, answer) => {
    const owner = ownerFromCallback((message) => {
      if (message.type === "Packet") answerAndArm(message.socket, answer(message.data));
    });
    return armedSocket(port, owner);
  },

  "async process": async (port, answer) => {
    const process = spawn(async (self, inbox: OwnSubject<never>) => {
      const selector = newSelector().select(inbox).merge(tcpMessages);
      for (;;) {
        const message = await self.receive(selector, 5_000);
        if (message.ok && message.value.type === "Packet")
          answerAndArm(message.value.socket, answer(message.value.data));
      }
    });
    return armedSocket(port, process);
  },

  "`fromTransition` as owner": async (port, answer) => {
    const logic = fromTransition((context: null, event: TcpMessage) => {
      if (event.type === "Packet") answerAndArm(event.socket, answer(event.data));
      return context;
    }, null);
    return armedSocket(port, actorOwner(createActor(logic).start()));
  },

  "machine as owner": async (port, answer) => {
    const machine = setup({ types: { events: {} as TcpMessage } }).createMachine({
      on: { Packet: { actions: ({ event }) => answerAndArm(event.socket, answer(event.data)) } },
    });
    return armedSocket(port, actorOwner(createActor(machine).start()));
  },

  "`fromTcpSocket` child": async (port, answer) => {
    const tcp = tcpSocketActions("tcp");
    let connected!: () => void;
    const isConnected = new Promise<void>((resolve) => (connected = resolve));
    const machine = setup({
      types: { events: {} as TcpMessage | Connected | { type: "begin"; data: Buffer } },
      actors: { tcp: fromTcpSocket() },
    }).createMachine({
      invoke: { id: "tcp", src: "tcp", input: { host, port } },
      on: {
        Connected: { actions: [tcp.receiveNextPacketAsMessage, () => connected()] },
        begin: { actions: tcp.send(({ event }) => event.data) },
        Packet: { actions: [tcp.send(({ event }) => answer(event.data)), tcp.receiveNextPacketAsMessage] },
      },
    });
    const actor = createActor(machine).start();
    await isConnected;
    return (data) => actor.send({ type: "begin", data });
  },

  "`fromProcess`": (port, answer) =>
    new Promise((resolve) => {
      const logic = fromProcess(async (self: Self) => {
        resolve(await armedSocket(port, self));
        for (;;) {
          const message = await self.receive(tcpMessages, 5_000);
          if (message.ok && message.value.type === "Packet")
            answerAndArm(message.value.socket, answer(message.value.data));
        }
      });
      createActor(logic).start();
    }),

  // What XState itself costs: the same machines on a raw socket, as one would write them without Tankard.

  "net `data` to a `fromTransition`": async (port, answer) => {
    const socket = await rawSocket(port);
    const logic = fromTransition((context: null, event: { type: "Packet"; data: Buffer }) => {
      socket.write(answer(event.data));
      return context;
    }, null);
    const actor = createActor(logic).start();
    socket.on("data", (data: Buffer) => {
      actor.send({ type: "Packet", data });
    });
    return (data) => socket.write(data);
  },

  "net `data` to a machine": async (port, answer) => {
    const socket = await rawSocket(port);
    const machine = setup({ types: { events: {} as { type: "Packet"; data: Buffer } } }).createMachine({
      on: { Packet: { actions: ({ event }) => void socket.write(answer(event.data)) } },
    });
    const actor = createActor(machine).start();
    socket.on("data", (data: Buffer) => {
      actor.send({ type: "Packet", data });
    });
    return (data) => socket.write(data);
  },

  "net in a `fromCallback` child": async (port, answer) => {
    const socket = await rawSocket(port);
    const machine = setup({
      types: { events: {} as { type: "Packet"; data: Buffer } },
      actors: {
        tcp: fromCallback<{ type: "send"; data: Buffer } & AnyEventObject>(({ sendBack, receive }) => {
          receive(({ data }) => socket.write(data));
          socket.on("data", (data: Buffer) => {
            sendBack({ type: "Packet", data });
          });
        }),
      },
    }).createMachine({
      invoke: { id: "tcp", src: "tcp" },
      on: { Packet: { actions: sendTo("tcp", ({ event }) => ({ type: "send", data: answer(event.data) })) } },
    });
    createActor(machine).start();
    return (data) => socket.write(data);
  },
};

async function rawSocket(port: number): Promise<net.Socket> {
  const socket = net.connect({ host, port, noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function armedSocket(port: number, owner: Owner): Promise<(data: Buffer) => void> {
  const socket = unwrap(await connect({ host, port, owner }));
  receiveNextPacketAsMessage(socket);
  return (data) => void send(socket, data);
}

function answerAndArm(socket: OwnedSocket, data: Buffer): void {
  void send(socket, data);
  receiveNextPacketAsMessage(socket);
}
