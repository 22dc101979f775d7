// One program of bench/xstate.ts: `trips <client> <port> <connections>`, `memory <client> <port> <connections>`, or
// `creation`.
import { actorOwner, fromProcess, fromTcpSocket } from "tankard/xstate";
import { spawn } from "tankard";
import { createSocketPair } from "tankard/testing";
import { createActor, createMachine, fromTransition } from "xstate";
import { type Client, clients } from "./clients.ts";

/** What a round of trips has brought. */
export interface Trips {
  readonly trips: number;
  readonly seconds: number;
  /** Processor time of this program. */
  readonly cpuSeconds: number;
}

/** What one client keeps in memory. */
export interface Footprint {
  readonly heapBytes: number;
  readonly rssBytes: number;
}

const payload = Buffer.alloc(64, 1);
const nothing = Buffer.alloc(0);
const [what, name = "", port, connections] = process.argv.slice(2);

process.once("disconnect", () => process.exit());
switch (what) {
  case "trips":
    await trips(clients[name] as Client, Number(port), Number(connections));
    break;
  case "memory":
    process.send?.(await memory(clients[name] as Client, Number(port), Number(connections)));
    process.exit();
    break;
  case "creation":
    process.send?.(await creation());
    process.exit();
}

/** For each message, which says how many milliseconds: as many trips as there is time for. */
async function trips(client: Client, port: number, connections: number): Promise<void> {
  let bytes = 0;
  let isOver = true;
  let underWay = 0;
  let finish: () => void = () => undefined;
  const answer = (data: Buffer): Buffer => {
    bytes += data.length;
    if (!isOver) return data;
    if (--underWay === 0) finish();
    return nothing;
  };
  const begin: ((data: Buffer) => void)[] = [];
  for (let i = 0; i < connections; i++) begin.push(await client(port, answer));
  process.on("message", (milliseconds: number) => {
    const cpuStart = process.cpuUsage();
    const start = performance.now();
    bytes = 0;
    isOver = false;
    underWay = connections;
    setTimeout(() => (isOver = true), milliseconds);
    finish = () => {
      const seconds = (performance.now() - start) / 1_000;
      const { user, system } = process.cpuUsage(cpuStart);
      const result: Trips = { trips: bytes / payload.length, seconds, cpuSeconds: (user + system) / 1e6 };
      process.send?.(result);
    };
    for (const one of begin) one(payload);
  });
  process.send?.("ready");
}

/** Of connections that have each made one trip. */
async function memory(client: Client, port: number, connections: number): Promise<Footprint> {
  const kept: unknown[] = [];
  const open = async (count: number): Promise<void> => {
    let answered = 0;
    const answer = (): Buffer => {
      answered++;
      return nothing;
    };
    for (let i = 0; i < count; i++) {
      const begin = await client(port, answer);
      kept.push(begin);
      begin(payload);
    }
    while (answered < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await open(100); // the code, and what there is once
  const before = await footprint();
  await open(connections);
  const after = await footprint();
  return {
    heapBytes: (after.heapBytes - before.heapBytes) / connections,
    rssBytes: (after.rssBytes - before.rssBytes) / connections,
  };
}

async function footprint(): Promise<Footprint> {
  for (let times = 0; times < 5; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, rssBytes: rss };
}

/** Actors a second, each with what it has besides; made, started and stopped. */
async function creation(): Promise<Record<string, number>> {
  const machine = createMachine({ on: { Packet: { actions: () => undefined } } });
  const withSocket = createMachine({
    invoke: { id: "tcp", src: fromTcpSocket(), input: ({ context }) => context as never },
    context: ({ input }) => input as object,
  });
  const transition = fromTransition((state: null) => state, null);
  const forever = fromProcess((self) => self.receiveForever(self.newSubject()));
  const kinds: Record<string, () => { stop(): unknown }> = {
    process: () => {
      const process = spawn((self) => self.receiveForever(self.newSubject()));
      return { stop: () => process.kill() };
    },
    "`fromTransition`": () => createActor(transition).start(),
    "`fromTransition` as owner": () => {
      const actor = createActor(transition).start();
      actorOwner(actor as never);
      return actor;
    },
    machine: () => createActor(machine).start(),
    "machine as owner": () => {
      const actor = createActor(machine).start();
      actorOwner(actor as never);
      return actor;
    },
    "`fromProcess`": () => createActor(forever).start(),
    "socket pair": () => {
      const [one, other] = createSocketPair();
      return { stop: () => [one, other].map((socket) => socket[Symbol.asyncDispose]()) };
    },
    "socket pair, one in a `fromTcpSocket` child": () => {
      const [socket, other] = createSocketPair();
      const actor = createActor(withSocket, { input: { socket } } as never).start();
      return { stop: () => [actor.stop(), other[Symbol.asyncDispose]()] };
    },
  };
  const rates: Record<string, number[]> = {};
  for (let round = 0; round < 12; round++) {
    for (const [kind, make] of Object.entries(kinds)) {
      const count = 1_000;
      const start = performance.now();
      for (let batch = 0; batch < count; batch += 100) {
        const made = Array.from({ length: 100 }, make);
        await new Promise((resolve) => setImmediate(resolve));
        for (const one of made) one.stop();
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (round > 1) (rates[kind] ??= []).push((count / (performance.now() - start)) * 1_000);
    }
  }
  return Object.fromEntries(
    Object.entries(rates).map(([kind, all]) => [kind, all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN]),
  );
}
