// Echo clients: whatever comes back is sent again, by each kind of owner that a socket can have, and by Node's own ways.
import {
  newSelector,
  type Owner,
  ownerFromCallback,
  type OwnedSocket,
  type OwnSubject,
  receive,
  receiveNextPacketAsMessage,
  type Self,
  send,
  spawn,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { continueWith, startActorWithInit } from "tankard/otp";
import { actorOwner, type Connected, fromProcess, fromTcpSocket, tcpSocketActions } from "tankard/xstate";
import { type AnyEventObject, createActor, fromCallback, fromTransition, sendTo, setup } from "xstate";
import type { Transport } from "./transports.ts";

/** What a client sends for what it has received: the same bytes, or none for a pause. */
export type Answer = (data: Buffer) => Buffer;
/** Connects to an echo server. Gives what sends the first bytes, again after each pause. */
export type Client = (over: Transport, address: string, answer: Answer) => Promise<(data: Buffer) => void>;

/** Longer than any round. */
const timeLimitMs = 5_000;

export const clients: Record<string, Client> = {
  "net `data`": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
    socket.on("data", (data: Buffer) => socket.write(answer(data)));
    return (data) => socket.write(data);
  },

  "net `for await`": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
    void (async () => {
      for await (const data of socket) socket.write(answer(data as Buffer));
    })();
    return (data) => socket.write(data);
  },

  // The least that an async function costs which waits for each packet, whoever hands that over.
  "by hand: net `data` to an async function": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
    let give!: (data: Buffer) => void;
    socket.on("data", (data: Buffer) => give(data));
    void (async () => {
      for (;;) socket.write(answer(await new Promise<Buffer>((resolve) => (give = resolve))));
    })();
    return (data) => socket.write(data);
  },

  "callback owner": async (over, address, answer) => {
    const owner = ownerFromCallback((message) => {
      if (message.type === "Packet") answerAndArm(message.socket, answer(message.data));
    });
    return armedSocket(over, address, owner);
  },

  "async process": async (over, address, answer) => {
    const process = spawn(async (self, inbox: OwnSubject<never>) => {
      const selector = newSelector().select(inbox).merge(tcpMessages);
      for (;;) {
        const message = await self.receive(selector, timeLimitMs);
        if (message.ok && message.value.type === "Packet")
          answerAndArm(message.value.socket, answer(message.value.data));
      }
    });
    return armedSocket(over, address, process);
  },

  "async process, no time limit": async (over, address, answer) => {
    const process = spawn(async (self) => {
      for (;;) {
        const message = await self.receiveForever(tcpMessages);
        if (message.type === "Packet") answerAndArm(message.socket, answer(message.data));
      }
    });
    return armedSocket(over, address, process);
  },

  actor: async (over, address, answer) => {
    const started = await startActorWithInit({
      init: (self) => ({ state: null, selector: tcpMessages, data: self }),
      onMessage: (state, message) => {
        if (message.type === "Packet") answerAndArm(message.socket, answer(message.data));
        return continueWith(state);
      },
    });
    return armedSocket(over, address, unwrap(started).data);
  },

  "passive receive": async (over, address, answer) => {
    const socket = await over.connect(address);
    void (async () => {
      for (;;) {
        const data = await receive(socket, timeLimitMs);
        if (data.ok) void send(socket, answer(data.value));
        else if (data.error !== "Timeout") return;
      }
    })();
    return (data) => void send(socket, data);
  },

  "XState transition": async (over, address, answer) => {
    const logic = fromTransition((context: null, event: TcpMessage) => {
      if (event.type === "Packet") answerAndArm(event.socket, answer(event.data));
      return context;
    }, null);
    return armedSocket(over, address, actorOwner(createActor(logic).start()));
  },

  "XState machine": async (over, address, answer) => {
    const machine = setup({ types: { events: {} as TcpMessage } }).createMachine({
      on: { Packet: { actions: ({ event }) => answerAndArm(event.socket, answer(event.data)) } },
    });
    return armedSocket(over, address, actorOwner(createActor(machine).start()));
  },

  "XState machine with a `fromTcpSocket` child": async (over, address, answer) => {
    const tcp = tcpSocketActions("tcp");
    let connected!: () => void;
    const isConnected = new Promise<void>((resolve) => (connected = resolve));
    const machine = setup({
      types: { events: {} as TcpMessage | Connected | { type: "begin"; data: Buffer } },
      actors: { tcp: fromTcpSocket() },
    }).createMachine({
      invoke: { id: "tcp", src: "tcp", input: over.connectOptions(address) },
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

  "XState `fromProcess`": (over, address, answer) =>
    new Promise((resolve) => {
      const logic = fromProcess(async (self: Self) => {
        resolve(await armedSocket(over, address, self));
        for (;;) {
          const message = await self.receive(tcpMessages, timeLimitMs);
          if (message.ok && message.value.type === "Packet")
            answerAndArm(message.value.socket, answer(message.value.data));
        }
      });
      createActor(logic).start();
    }),

  // What XState itself costs: the same machines on a raw socket, as one would write them without Tankard.

  "by hand: net to an XState transition": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
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

  "by hand: net to an XState machine": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
    const machine = setup({ types: { events: {} as { type: "Packet"; data: Buffer } } }).createMachine({
      on: { Packet: { actions: ({ event }) => void socket.write(answer(event.data)) } },
    });
    const actor = createActor(machine).start();
    socket.on("data", (data: Buffer) => {
      actor.send({ type: "Packet", data });
    });
    return (data) => socket.write(data);
  },

  "by hand: XState machine with net in a `fromCallback` child": async (over, address, answer) => {
    const socket = await over.connectRaw(address);
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

async function armedSocket(over: Transport, address: string, owner: Owner): Promise<(data: Buffer) => void> {
  const socket = await over.connect(address, owner);
  receiveNextPacketAsMessage(socket);
  return (data) => void send(socket, data);
}

function answerAndArm(socket: OwnedSocket, data: Buffer): void {
  void send(socket, data);
  receiveNextPacketAsMessage(socket);
}
