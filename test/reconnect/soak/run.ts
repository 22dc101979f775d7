// Many clients whose server is started anew every second, behind a proxy that resets, stalls and cuts. At the end all
// have to be back, each call answered by its own answer or failed, and nothing left: npm run soak -- --seconds 60.

import { connect as connectRaw, createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { createRuntime, type OwnSubject, unwrap } from "tankard";
import { continueWith } from "tankard/otp";
import { type ReconnectingConnection, type ReconnectMessage, startReconnecting } from "tankard/reconnect";
import { type Server, startServer, withReply } from "tankard/server";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, clients: { type: "string", default: "200" } },
});
const seconds = Number(values.seconds);
const clients = Number(values.clients);
const backoff = { minMs: 50, maxMs: 1_000 };
const host = "127.0.0.1";

const runtime = createRuntime();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)); // real sockets, real time

async function startEcho(port: number): Promise<Server> {
  const handler = {
    init: () => ({ state: undefined }),
    onPacket: (state: undefined, data: Buffer) => withReply(continueWith(state), data),
  };
  for (let tries = 100; ; tries--) {
    const started = await startServer({ host, port, onEvent: () => undefined }, handler, runtime);
    if (started.ok) return started.value;
    if (tries === 0) throw new Error(`Cannot listen on ${port} again: ${started.error}`);
    await sleep(20);
  }
}

/** Passes bytes on, and now and then does what networks do. */
function startProxy(to: number): Promise<{ readonly port: number; calm(): void; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let isCalm = false;
  const server = createServer((client) => {
    const upstream = connectRaw({ host, port: to, noDelay: true });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.on("data", (data: Buffer) => {
        const fault = isCalm ? 1 : Math.random();
        if (fault < 0.005) one.resetAndDestroy();
        else if (fault < 0.01) other.write(data.subarray(0, data.length / 2), () => other.destroy());
        else if (fault < 0.012)
          one.pause(); // for ever: only a heartbeat finds it
        else other.write(data);
      });
    }
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        calm: () => (isCalm = true),
        close: () =>
          new Promise((closed) => {
            server.close(() => {
              closed();
            });
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

const counts = { answered: 0, failed: 0, wrong: 0, connected: 0, disconnected: 0 };

/** Calls, one after the other, and looks whether each answer is its own. */
async function use(connection: ReconnectingConnection, name: number, isOver: () => boolean): Promise<void> {
  for (let calls = 0; !isOver(); calls++) {
    const request = `${name}:${calls}`;
    const answer = await connection.call(`${request}\n`, 2_000);
    if (!answer.ok) counts.failed++;
    else if (answer.value.toString() === request) counts.answered++;
    else counts.wrong++;
    await sleep(Math.random() * 20);
  }
}

const handlesBefore = openHandles();
let server = await startEcho(0);
const { port } = server;
const proxy = await startProxy(port);
const subscriber = runtime.spawn(async (self, messages: OwnSubject<ReconnectMessage>) => {
  for (;;) {
    const { type } = await self.receiveForever(messages);
    if (type === "Connected") counts.connected++;
    if (type === "Disconnected") counts.disconnected++;
  }
}).subject;
const connections: ReconnectingConnection[] = [];
for (let index = 0; index < clients; index++) {
  const started = await startReconnecting(
    {
      to: { host, port: proxy.port, ipVersionPreference: "Ipv4Only", packet: "line" },
      subscriber,
      backoff,
      stableAfterMs: 500,
      heartbeat: { data: "beat\n", everyMs: 1_000, withinMs: 1_000, isCall: true },
    },
    runtime,
  );
  connections.push(unwrap(started).data);
}

let isOver = false;
const using = connections.map((connection, index) => use(connection, index, () => isOver));
const heapBefore = process.memoryUsage().heapUsed;
for (let second = 0; second < seconds; second++) {
  await sleep(1_000);
  await server.stop();
  server = await startEcho(port);
}
proxy.calm();
const calmAt = performance.now();
// A stalled connection is found by its heartbeat, within 2 s, and connects again within the cap.
const allowedMs = 2_000 + backoff.maxMs + 2_000;
while (connections.some(({ state }) => state !== "connected") && performance.now() - calmAt < allowedMs)
  await sleep(10);
const away = connections.filter(({ state }) => state !== "connected").length;
const backMs = Math.round(performance.now() - calmAt);
isOver = true;
await Promise.all(using);
const heapGrowth = process.memoryUsage().heapUsed - heapBefore;
for (const connection of connections) await connection.close();
await server.stop();
await proxy.close();
await sleep(200);
const left = openHandles() - handlesBefore;

console.log(`${clients} clients, ${seconds} s: ${JSON.stringify(counts)}`);
console.log(
  `all back after ${backMs} ms, ${away} away; ${left} handles left; heap grew by ${Math.round(heapGrowth / 1024)} KiB`,
);
const isWell = away === 0 && counts.wrong === 0 && counts.answered > 0 && left === 0;
await runtime.stop();
console.log(isWell ? "well" : "NOT WELL");
process.exitCode = isWell ? 0 : 1;

function openHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCP|Timeout)/i.test(kind)).length;
}
