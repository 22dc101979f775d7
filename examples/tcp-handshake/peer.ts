// What both peers know and do: RFC 9293's send and receive sequence, on top of a real connection.

import { newSelector, selectTcpMessages, type MessageFrom } from "tankard";
import {
  type Accepted,
  type Connected,
  fromServer,
  fromTcpSocket,
  type Listening,
  tcpSocketActions,
} from "tankard/xstate";
import { assign, enqueueActions, setup } from "xstate";
import { lineOf, segmentsIn, type Segment } from "./segment.ts";

const carried = selectTcpMessages(newSelector(), (message) =>
  message.type === "Packet" ? { type: "bytes", data: message.data } : { type: "cut" },
);

export const wire = tcpSocketActions("wire");

export const peer = setup({
  types: {
    /** Where to call, or where to listen. */
    input: {} as { readonly port: number },
    context: {} as {
      readonly port: number;
      readonly sendNext: number;
      readonly receiveNext: number;
      readonly rest: string;
    },
    events: {} as MessageFrom<typeof carried> | Connected | Listening | Accepted | Segment | { readonly type: "close" },
  },
  actors: { wire: fromTcpSocket(carried), server: fromServer() },
  delays: { "2 MSL": 240_000 },
  guards: {
    isExpected: ({ context, event }) =>
      "seq" in event && event.seq === context.receiveNext && event.ack === context.sendNext,
  },
  actions: {
    read: enqueueActions(({ context, enqueue }, data: Buffer) => {
      const { segments, rest } = segmentsIn(context.rest + data.toString("latin1"));
      enqueue.assign({ rest });
      for (const segment of segments) enqueue.raise(segment);
    }),
    take: assign(({ event }) => ("seq" in event ? { receiveNext: event.seq + lengthOf(event.type) } : {})),
    send: enqueueActions(({ enqueue }, type: Segment["type"]) => {
      enqueue(wire.send(({ context }) => lineOf({ type, seq: context.sendNext, ack: context.receiveNext })));
      enqueue.assign(({ context }) => ({ sendNext: context.sendNext + lengthOf(type) }));
    }),
  },
});

/** SYN and FIN take a place in the sequence, as if they were a byte: so they are acknowledged as bytes are. */
function lengthOf(type: Segment["type"]): number {
  return type === "ACK" ? 0 : 1;
}
