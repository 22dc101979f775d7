// The passive side: waits for a call, and hangs up when the other has.

import { assign, enqueueActions } from "xstate";
import { peer, wire } from "./peer.ts";

export const server = peer.createMachine({
  id: "server",
  context: ({ input: { port } }) => ({ port, sendNext: 300, receiveNext: 0, rest: "" }),
  invoke: { id: "server", src: "server", input: ({ context: { port } }) => ({ host: "127.0.0.1", port }) },
  initial: "LISTEN",
  on: {
    Listening: { actions: assign({ port: ({ event }) => event.port }) },
    Accepted: {
      actions: enqueueActions(({ enqueue, event: { connection } }) => {
        enqueue.spawnChild("wire", { id: "wire", input: { socket: connection.socket } });
      }),
    },
    Connected: { actions: wire.receiveNextPacketAsMessage },
    bytes: { actions: [{ type: "read", params: ({ event }) => event.data }, wire.receiveNextPacketAsMessage] },
  },
  states: {
    LISTEN: { on: { SYN: { target: "SYN-RECEIVED", actions: ["take", { type: "send", params: "SYN,ACK" }] } } },
    "SYN-RECEIVED": { on: { ACK: { guard: "isExpected", target: "ESTABLISHED" } } },
    ESTABLISHED: {
      on: {
        "FIN,ACK": { guard: "isExpected", target: "CLOSE-WAIT", actions: ["take", { type: "send", params: "ACK" }] },
      },
    },
    "CLOSE-WAIT": { on: { close: { target: "LAST-ACK", actions: { type: "send", params: "FIN,ACK" } } } },
    "LAST-ACK": { on: { ACK: { guard: "isExpected", target: "CLOSED" } } },
    CLOSED: { type: "final" },
  },
});
