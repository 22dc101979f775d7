// The active side: calls, and hangs up first.

import { peer, wire } from "./peer.ts";

export const client = peer.createMachine({
  id: "client",
  context: ({ input: { port } }) => ({ port, sendNext: 100, receiveNext: 0, rest: "" }),
  invoke: { id: "wire", src: "wire", input: ({ context: { port } }) => ({ host: "127.0.0.1", port }) },
  initial: "OPENING",
  on: {
    bytes: { actions: [{ type: "read", params: ({ event }) => event.data }, wire.receiveNextPacketAsMessage] },
  },
  states: {
    OPENING: {
      on: {
        Connected: { target: "SYN-SENT", actions: [{ type: "send", params: "SYN" }, wire.receiveNextPacketAsMessage] },
      },
    },
    "SYN-SENT": {
      on: { "SYN,ACK": { target: "ESTABLISHED", actions: ["take", { type: "send", params: "ACK" }] } },
    },
    ESTABLISHED: { on: { close: { target: "FIN-WAIT-1", actions: { type: "send", params: "FIN,ACK" } } } },
    "FIN-WAIT-1": { on: { ACK: { guard: "isExpected", target: "FIN-WAIT-2" } } },
    "FIN-WAIT-2": {
      on: {
        "FIN,ACK": { guard: "isExpected", target: "TIME-WAIT", actions: ["take", { type: "send", params: "ACK" }] },
      },
    },
    "TIME-WAIT": { after: { "2 MSL": "CLOSED" } },
    CLOSED: { type: "final" },
  },
});
