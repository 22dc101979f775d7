// What an XState actor costs as the owner of a connection, beside a raw net.Socket: 64-byte round trips, one by one on each
// connection, against the same echo server; memory; and how fast actors are made. As a Markdown table, and with
// `--json file` as JSON. `--quick` for a look.
//
// On one core, client and server together, the rate says what a round trip costs in all; on two, they overlap. Needs gcc, and
// taskset for the one core. The clients are built, and run what is built, by Node alone: tsx makes a hot path slower.
import { type ChildProcess, execFileSync, fork, type ForkOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { buildSync } from "esbuild";
import type { Footprint, Trips } from "./xstate/client.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    /** Only clients whose names contain one of these, beside the raw one: `--only machine,tcp`. */
    only: { type: "string", default: "" },
    /** Without memory and creation. */
    trips: { type: "boolean", default: false },
    /** Only on one core. */
    pinned: { type: "boolean", default: false },
    core: { type: "string", default: "1" },
  },
});

const raw = "net `data`";
const names = [
  raw,
  "`ownerFromCallback`",
  "async process",
  "`fromTransition` as owner",
  "machine as owner",
  "`fromTcpSocket` child",
  "`fromProcess`",
  "net `data` to a `fromTransition`",
  "net `data` to a machine",
  "net in a `fromCallback` child",
].filter((name) => name === raw || options.only.split(",").some((part) => name.includes(part)));
/** Round trips a second, of raw net's. */
const goals = new Map([
  ["async process", 0.95],
  ["`fromTransition` as owner", 0.97],
  ["machine as owner", 0.7],
]);
const remembered = [raw, "`ownerFromCallback`", "`fromTransition` as owner", "machine as owner", "`fromTcpSocket` child", "net in a `fromCallback` child"]; // prettier-ignore
const rememberedConnections = 1_000;
const rounds = options.quick ? 7 : 20;
const roundMs = options.quick ? 150 : 200;
const warmUpRounds = 5;

interface Figures {
  readonly client: string;
  readonly cores: "one" | "two";
  readonly connections: number;
  readonly perSecond: number;
  /** Of raw net's in the same round: the median, and a quarter of the rounds below and above. */
  readonly ratio: readonly [low: number, median: number, high: number];
  /** Processor time of the client for a round trip, in the best tenth of the rounds: what other work does not touch. */
  readonly microseconds: number;
  readonly goal: number | undefined;
}

const folder = mkdtempSync(path.join(tmpdir(), "bench-xstate-"));
const echo = path.join(folder, "echo");
execFileSync("gcc", ["-O2", "-o", echo, path.join(import.meta.dirname, "xstate/echo.c")]);
const clientProgram = path.join(import.meta.dirname, "../reports/bench-xstate/client.mjs");
buildSync({
  entryPoints: [path.join(import.meta.dirname, "xstate/client.ts")],
  outfile: clientProgram,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
});
const canPin = cpus().length > 1 && process.platform === "linux";
const tripFigures: Figures[] = [];
try {
  for (const cores of ["one", "two"] as const) {
    if (cores === "one" ? !canPin : options.pinned) continue;
    for (const connections of [1, 100]) {
      const figures = await measureTrips(cores, connections);
      tripFigures.push(...figures);
      reportTrips(figures);
    }
  }
  const footprints = options.trips ? {} : await measureMemory();
  const creation = options.trips ? {} : await measureCreation();
  if (!options.trips) reportRest(footprints, creation);
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify({ node: process.version, trips: tripFigures, footprints, creation }));
} finally {
  rmSync(folder, { recursive: true });
}

/** All clients stand by with their connections; one at a time works, in another order in each round. */
async function measureTrips(cores: "one" | "two", connections: number): Promise<Figures[]> {
  const isPinned = cores === "one";
  const server = await startEcho(isPinned);
  const running = new Map<string, ChildProcess>();
  const measured = new Map<string, Trips[]>(names.map((name) => [name, []]));
  try {
    for (const name of names) {
      const client = startClient(["trips", name, `${server.port}`, `${connections}`], isPinned);
      running.set(name, client);
      await once(client, "message");
    }
    for (let round = -warmUpRounds; round < rounds; round++) {
      for (const name of shuffled(names)) {
        const client = running.get(name) as ChildProcess;
        client.send(roundMs);
        const [trips] = (await once(client, "message")) as [Trips];
        if (round >= 0) measured.get(name)?.push(trips);
      }
    }
  } finally {
    for (const client of running.values()) client.disconnect();
    server.child.kill();
  }
  const rates = (name: string): number[] => (measured.get(name) ?? []).map(({ trips, seconds }) => trips / seconds);
  const rawRates = rates(raw);
  return names.map((client) => {
    const own = rates(client);
    const ratios = own.map((rate, round) => rate / (rawRates[round] ?? NaN));
    const costs = (measured.get(client) ?? []).map(({ trips, cpuSeconds }) => (cpuSeconds / trips) * 1e6);
    return {
      client,
      cores,
      connections,
      perSecond: quantile(own, 0.5),
      ratio: [quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)],
      microseconds: quantile(costs, 0.1),
      goal: isPinned ? goals.get(client) : undefined,
    };
  });
}

async function measureMemory(): Promise<Record<string, Footprint>> {
  const server = await startEcho(false);
  const footprints: Record<string, Footprint> = {};
  for (const name of remembered) {
    const args = ["memory", name, `${server.port}`, `${rememberedConnections}`];
    const [footprint] = (await once(startClient(args, false, ["--expose-gc"]), "message")) as [Footprint];
    footprints[name] = footprint;
  }
  server.child.kill();
  return footprints;
}

async function measureCreation(): Promise<Record<string, number>> {
  const [rates] = (await once(startClient(["creation"], false), "message")) as [Record<string, number>];
  return rates;
}

async function startEcho(isPinned: boolean): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const [program = echo, ...args] = isPinned ? ["taskset", "-c", options.core, echo] : [echo];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}

function startClient(args: readonly string[], isPinned: boolean, flags: readonly string[] = []): ChildProcess {
  const execArgv = [...process.execArgv.filter((flag) => /prof/.test(flag)), ...flags];
  const how: ForkOptions = isPinned
    ? { execPath: "taskset", execArgv: ["-c", options.core, process.execPath, ...execArgv] }
    : { execArgv };
  return fork(clientProgram, args, how);
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ value }) => value);
}

function quantile(figures: readonly number[], share: number): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length * share)] ?? NaN;
}

function reportTrips(figures: readonly Figures[]): void {
  const [{ cores, connections } = { cores: "", connections: 0 }] = figures;
  const count = connections === 1 ? "1 connection" : `${connections} connections`;
  console.log(`\n| ${count}, ${cores === "one" ? "one core" : "two cores"} | round trips/s | of raw | middle half | µs of client at best | goal |`); // prettier-ignore
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const { client, perSecond, ratio, microseconds, goal } of figures) {
    const [low, median, high] = ratio.map((share) => share.toFixed(2));
    const verdict = goal === undefined ? "" : `${goal.toFixed(2)} ${judged(ratio, goal)}`;
    console.log(`| ${client} | ${perSecond.toFixed(0)} | ${median} | ${low} to ${high} | ${microseconds.toFixed(2)} | ${verdict} |`); // prettier-ignore
  }
}

/** Beside other work the rounds differ by more than the clients do: then one run says nothing. */
function judged([low, , high]: Figures["ratio"], goal: number): string {
  if (low >= goal) return "met";
  return high < goal ? "MISSED" : "undecided";
}

function reportRest(footprints: Record<string, Footprint>, creation: Record<string, number>): void {
  const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(1);
  console.log(
    `\n| an idle connection of ${rememberedConnections} | KiB of heap | KiB resident |\n| --- | ---: | ---: |`,
  );
  for (const [name, { heapBytes, rssBytes }] of Object.entries(footprints))
    console.log(`| ${name} | ${kilobytes(heapBytes)} | ${kilobytes(rssBytes)} |`);
  console.log("\n| made, started and stopped | a second | µs each |\n| --- | ---: | ---: |");
  for (const [name, rate] of Object.entries(creation))
    console.log(`| ${name} | ${rate.toFixed(0)} | ${(1e6 / rate).toFixed(1)} |`);
}
