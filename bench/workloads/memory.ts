// What is kept while nothing happens.
import { c, type Contestant, erlang, node, nodeWithGc, type Workload } from "../workload.ts";

const connections = 10_000;
const processes = 50_000;

export function memoryWorkloads(): Workload[] {
  const each = {
    unit: "bytes of heap",
    isMoreBetter: false,
    kind: "afresh",
    beside: { unit: "bytes resident" },
  } as const;
  const data = "net `data`";
  const client = (name: string): Contestant => ({
    name,
    server: c("echo"),
    measured: nodeWithGc("idle-connections", name, "tcp", connections),
  });
  return [
    {
      ...each,
      name: "idle-connection",
      title: `an idle connection of ${connections}, armed, with its owner`,
      contestants: [
        ...[
          data,
          "net `for await`",
          "by hand: net `data` to an async function",
          "callback owner",
          "actor",
          "async process",
          "async process, no time limit",
          "XState transition",
          "XState machine",
          "XState machine with a `fromTcpSocket` child",
          "by hand: XState machine with net in a `fromCallback` child",
        ].map(client),
        {
          name: "Erlang active once",
          server: c("echo"),
          measured: erlang("tcp_peer", "idle-connections", connections),
        },
      ],
    },
    {
      ...each,
      name: "served-connection",
      title: `an idle connection of ${connections}, in a server`,
      contestants: [
        data,
        "net `for await`",
        "accept, callback owner",
        "accept, async process",
        "startServer, actor",
        "startServer, async process",
        "startServer, callback owner",
        "startServer, XState machine",
      ].map((name) => ({ name, measured: nodeWithGc("served-connections", name, "tcp", connections) })),
    },
    {
      ...each,
      name: "idle-process",
      title: `one of ${processes} that wait for a message`,
      contestants: [
        ...[
          "async process",
          "actor",
          "callback owner",
          "XState transition",
          "XState machine",
          "XState machine as owner",
        ].map((name) => ({ name, measured: nodeWithGc("idle-processes", name, processes) })),
        { name: "Erlang", measured: erlang("process_peer", "idle-processes", processes) },
      ],
    },
    {
      name: "unasked",
      title: "a stream without end, of which one packet is asked for",
      unit: "KiB read",
      isMoreBetter: false,
      kind: "afresh",
      beside: { unit: "KiB more resident" },
      contestants: ["net, paused after the first", "one packet asked for"].map((name) => ({
        name,
        server: c("stream", "source"),
        measured: node("unasked", name),
      })),
    },
  ];
}
