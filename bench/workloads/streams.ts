// Streams of 64 KiB at a time, many small sends in a turn, and frames.
import { c, type Contestant, erlang, node, type Workload } from "../workload.ts";

/** `MB/s`, of bytes. */
const megabytes = {
  unit: "MB/s",
  isMoreBetter: true,
  kind: "rounds",
  perOperation: 1e-6,
  beside: { unit: "" },
} as const;

export function streamWorkloads(): Workload[] {
  const receiver = (name: string, measured: Contestant["measured"]): Contestant => ({
    name,
    measured,
    server: c("stream", "source"),
  });
  const sender = (name: string, measured: Contestant["measured"]): Contestant => ({
    name,
    measured,
    server: c("stream", "sink"),
  });
  const ways = [
    "net `data`",
    "net `for await`",
    "net `onread`",
    "callback owner",
    "callback owner, `reuseBuffers`",
    "async process",
    "async process, `reuseBuffers`",
    "passive receive",
  ];
  const smallSenders = [
    "net, writes of 64 KiB",
    "net, 64 writes of 1 KiB",
    "net, 64 corked writes of 1 KiB",
    "64 sends of 1 KiB",
    "`sendBuilder` of 64 times 1 KiB",
  ];
  return [
    {
      ...megabytes,
      name: "bulk-receive",
      title: "a stream in pieces of 64 KiB, received",
      // A page of memory in seven is new in some processes of raw net's, in others hardly any: that is a fifth of its speed.
      processes: 5,
      contestants: [
        ...ways.map((name) => receiver(name, node("stream-receive", name, "tcp"))),
        receiver("Erlang active once", erlang("tcp_peer", "receive", "once")),
        receiver("Erlang passive", erlang("tcp_peer", "receive", "passive")),
        receiver("C", c("stream", "receive")),
      ],
    },
    {
      ...megabytes,
      name: "bulk-receive-tls",
      title: "a stream in pieces of 64 KiB, received over TLS",
      contestants: ["net `data`", "callback owner", "async process", "passive receive"].map((name) => ({
        name: name.replace(/^net /, "tls "),
        measured: node("stream-receive", name, "tls"),
        server: node("stream-source", "tls"),
      })),
    },
    {
      ...megabytes,
      name: "bulk-send",
      title: "a stream in pieces of 64 KiB, sent",
      contestants: [
        ...["net, writes of 64 KiB", "sends of 64 KiB"].map((name) => sender(name, node("stream-send", name, "tcp"))),
        sender("Erlang", erlang("tcp_peer", "send")),
        sender("C", c("stream", "send")),
      ],
    },
    {
      ...megabytes,
      name: "small-sends",
      title: "64 pieces of 1 KiB in a turn, sent",
      processes: 5,
      contestants: smallSenders.map((name) => sender(name, node("stream-send", name, "tcp"))),
    },
    {
      name: "framing",
      title: "round trips of one frame with a body of 64 bytes on 10 connections, callback owner",
      unit: "round trips/s",
      isMoreBetter: true,
      kind: "rounds",
      contestants: framings.map((name) => ({
        name,
        server: c("echo"),
        measured: node("framed-echo-client", name, 10),
      })),
    },
  ];
}

const framings = [
  "raw",
  '"line"',
  "header of 1 byte",
  "header of 2 bytes",
  "header of 4 bytes",
  "line",
  "lengthPrefix",
  "varint",
  "netstring",
  "jsonLines",
  "resp",
];
