// The key-value example beside Redis, on one machine, in one run: redis-benchmark's requests a second, one command at a
// time and 16 in a packet. Without redis-server, the example alone. Needs redis-benchmark, of Debian's redis-tools.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { promisify } from "node:util";

const clients = 50;
const rounds = 3;
const tests = ["PING_INLINE", "SET", "GET", "INCR"];
/** Long enough for each to be warm. */
const requests = new Map([
  [1, 100_000],
  [16, 400_000],
]);

interface Running {
  readonly port: number;
  readonly child: ChildProcess;
}

const example = await startExample();
const redis = await startRedis();
if (redis === undefined) console.log("redis-server is not installed here: the example alone\n");
console.log("requests/s, median   P      example        redis   ratio");
try {
  for (const [pipeline, count] of requests) {
    const measured = { example: new Map<string, number[]>(), redis: new Map<string, number[]>() };
    // In turns, so that a slow moment of the machine is not one server's.
    for (let round = 0; round <= rounds; round++) {
      const isWarm = round > 0;
      for (const test of tests) {
        add(measured.example, test, await measure(example, test, pipeline, count), isWarm);
        if (redis !== undefined) add(measured.redis, test, await measure(redis, test, pipeline, count), isWarm);
      }
    }
    for (const test of tests) {
      const ours = median(measured.example.get(test));
      const theirs = median(measured.redis.get(test));
      const figures = [pad(ours.toFixed(0), 12), pad(redis === undefined ? "" : theirs.toFixed(0), 12)];
      const ratio = redis === undefined ? "" : (ours / theirs).toFixed(2);
      console.log(`${test.padEnd(18)} ${pad(`${pipeline}`, 3)} ${figures.join(" ")} ${pad(ratio, 7)}`);
    }
  }
} finally {
  await end(example);
  if (redis !== undefined) await end(redis);
}

async function startExample(): Promise<Running> {
  const flags = [
    "--conditions=tankard-source",
    "--import=tsx",
    ...process.execArgv.filter((flag) => /prof/.test(flag)),
  ];
  const child = spawn(process.execPath, [...flags, "examples/key-value-server.ts"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(/:(\d+)\n/.exec(line.toString())?.[1]) };
}

async function startRedis(): Promise<Running | undefined> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  probe.close();
  const child = spawn(
    "redis-server",
    ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const isThere = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false));
    child.stdout.on("data", (data: Buffer) => {
      if (data.toString().includes("Ready to accept connections")) resolve(true);
    });
  });
  return isThere ? { child, port } : undefined;
}

async function measure({ port }: Running, test: string, pipeline: number, count: number): Promise<number> {
  const load = ["-n", `${count}`, "-c", `${clients}`, "-P", `${pipeline}`, "-t", test.toLowerCase()];
  const { stdout, stderr } = await promisify(execFile)("redis-benchmark", ["-p", `${port}`, "--csv", ...load]);
  const found = new RegExp(`^"${test}","([0-9.]+)"`, "m").exec(stdout);
  if (found === null || stderr !== "") throw new Error(`redis-benchmark failed: ${stdout}${stderr}`);
  return Number(found[1]);
}

function add(figures: Map<string, number[]>, test: string, figure: number, isWarm: boolean): void {
  if (isWarm) figures.set(test, [...(figures.get(test) ?? []), figure]);
}

function median(figures: readonly number[] = []): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
}

function pad(text: string, width: number): string {
  return text.padStart(width);
}

async function end({ child }: Running): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
