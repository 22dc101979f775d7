// Processes and their mailboxes, without sockets.
import { type Contestant, erlang, node, npm, type Workload } from "../workload.ts";

export function processWorkloads(): Workload[] {
  const two = ["async process", "actor"];
  const perSecond = (name: string, title: string, unit: string, contestants: readonly Contestant[]): Workload => ({
    name,
    title,
    unit,
    isMoreBetter: true,
    kind: "rounds",
    contestants,
  });
  const ours = (program: string, kinds: readonly string[]): Contestant[] =>
    kinds.map((name) => ({ name, measured: node(program, name) }));
  /** Where an actor is compared with what it is a port of, too. */
  const withGenServer = ["ping-pong", "spawn", "call"];
  const withPeers = (program: string, kinds: readonly string[]): Contestant[] => [
    ...ours(program, kinds),
    { name: "Erlang", measured: erlang("process_peer", program) },
    ...(withGenServer.includes(program)
      ? [{ name: "Erlang gen_server", measured: erlang("gen_server_peer", program) }]
      : []),
    { name: "nact", measured: npm("nact", program) },
  ];
  const others = [0, 10_000, 100_000];
  return [
    perSecond(
      "ping-pong",
      "two that answer each other",
      "round trips/s",
      withPeers("ping-pong", [...two, "XState transition", "XState machine"]),
    ),
    perSecond("ring", "a message that goes round a thousand", "messages/s", withPeers("ring", two)),
    perSecond("fan-in", "a hundred that send to one", "messages/s", withPeers("fan-in", two)),
    perSecond(
      "spawn",
      "started, told one thing, answered, ended",
      "lives/s",
      withPeers("spawn", [...two, "XState transition"]),
    ),
    perSecond("call", "calls with a monitor and a time limit", "calls/s", withPeers("call", two)),
    perSecond("selective", "received by a subject while others' messages wait", "messages/s", [
      ...others.map((count) => ({
        name: `${count.toLocaleString("en")} others`,
        measured: node("selective-receive", count),
      })),
      ...others.map((count) => ({
        name: `Erlang, ${count.toLocaleString("en")} others`,
        measured: erlang("process_peer", "selective", count),
      })),
    ]),
    perSecond(
      "receive-timeout",
      "messages that were waited for",
      "messages/s",
      ours("receive-timeout", ["receiveForever", "receive within 5 s"]),
    ),
    perSecond("timers-cancelled", "set and cancelled", "timers/s", [
      ...ours("timers-cancelled", ["setTimeout", "sendAfter", "sendEvery"]),
      { name: "Erlang", measured: erlang("process_peer", "timers-cancelled") },
    ]),
    perSecond("timers-fired", "a thousand of 1 ms at a time, which ring", "timers/s", [
      ...ours("timers-fired", ["setTimeout", "sendAfter"]),
      { name: "Erlang", measured: erlang("process_peer", "timers-fired") },
    ]),
    perSecond("restarts", "a child that ends and is started again", "restarts/s", [
      ...ours("restarts", ["startSupervisor", "startFactorySupervisor"]),
      { name: "Erlang", measured: erlang("process_peer", "restarts") },
    ]),
    perSecond(
      "creation",
      "made, started and stopped",
      "made/s",
      ours("creation", [
        "async process",
        "XState transition",
        "XState transition as owner",
        "XState machine",
        "XState machine as owner",
        "XState `fromProcess`",
        "socket pair",
        "socket pair, one in a `fromTcpSocket` child",
      ]),
    ),
    {
      name: "fairness",
      title: "an unrelated connection, and a timer of 1 ms, beside two that play without end",
      unit: "round trips/s",
      isMoreBetter: true,
      kind: "afresh",
      isUnpinned: true, // the connection's other side is a program of its own
      beside: { unit: "ms late, p99" },
      contestants: ours("fairness", ["idle", "busy pair"]),
    },
  ];
}
