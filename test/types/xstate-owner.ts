// A machine that owns its socket itself. Compiled, never run.
import { assign, createActor, setup } from "xstate";
import {
  newSelector,
  receiveNextPacketAsMessage,
  selectTcpMessages,
  send,
  shutdown,
  type ConnectionOptions,
  type MessageFrom,
  type OwnedSocket,
} from "tankard";
import { actorOwner, fromConnect } from "tankard/xstate";

const bytes = selectTcpMessages(newSelector(), (m) =>
  m.type === "Packet"
    ? { type: "net.bytes", bytes: m.data }
    : m.type === "TcpError"
      ? { type: "net.error", error: m.error }
      : { type: "net.closed" },
);
type Events = MessageFrom<typeof bytes> | { type: "write"; text: string } | { type: "pause" } | { type: "resume" };
export const client = setup({
  types: {
    input: {} as ConnectionOptions,
    context: {} as { options: ConnectionOptions; socket: OwnedSocket | undefined; seen: number },
    events: {} as Events,
  },
  actors: { connect: fromConnect(bytes) },
  actions: {
    arm: ({ context }) => {
      if (context.socket) receiveNextPacketAsMessage(context.socket);
    },
    write: ({ context }, text: string) => {
      if (context.socket) void send(context.socket, text);
    },
  },
}).createMachine({
  context: ({ input }) => ({ options: input, socket: undefined, seen: 0 }),
  initial: "connecting",
  states: {
    connecting: {
      invoke: {
        src: "connect",
        input: ({ context }) => context.options,
        onDone: { target: "open", actions: assign({ socket: ({ event }) => event.output }) },
        onError: "closed",
      },
    },
    open: {
      initial: "flowing",
      on: { write: { actions: { type: "write", params: ({ event }) => event.text } }, "net.closed": "closed" },
      states: {
        flowing: {
          entry: "arm",
          on: {
            "net.bytes": {
              actions: [assign({ seen: ({ context, event }) => context.seen + event.bytes.length }), "arm"],
            },
            pause: "paused",
          },
        },
        paused: {
          on: {
            resume: "flowing",
            "net.bytes": { actions: assign({ seen: ({ context, event }) => context.seen + event.bytes.length }) },
          },
        },
      },
    },
    closed: {
      type: "final",
      entry: ({ context }) => {
        if (context.socket) void shutdown(context.socket);
      },
    },
  },
});
const a = createActor(client, { input: { host: "h", port: 1 } }).start();
const owner = actorOwner(a, bytes);
console.log(owner.runtime);
