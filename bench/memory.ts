// What costs memory: an idle process, an idle connection with its owner, and a peer that sends 100 MB to somebody who does not ask.
// Run with --expose-gc, so that the figures are what is alive and not what waits to be collected.
import { spawn as startProgram } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  accept,
  controllingProcess,
  getstat,
  listen,
  type OwnSubject,
  receiveNextPacketAsMessage,
  spawn,
  tcpMessages,
  unwrap,
} from "tankard";
import { continueWith } from "tankard/otp";
import { startServer, withReply } from "tankard/server";

const processes = 100_000;
const connections = 2_000;
const servedConnections = 10_000;
const sentBytes = 100 * 1024 * 1024;

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(2)} KiB`;

console.log(`idle process             ${kilobytes(await idleProcess())} of heap each (${processes} of them)`);
console.log(
  `idle connection, accepted ${kilobytes(await idleConnection())} of heap each, its process included (${connections} of them)`,
);
const raw = await servedConnection("raw");
const served = await servedConnection("tankard/server");
console.log(
  `idle connection, served   ${kilobytes(served)} of heap each by tankard/server, ${kilobytes(raw)} by raw net, ${(served / raw).toFixed(2)} times as much (${servedConnections} of them)`,
);
const { read, grown } = await unaskedBytes();
console.log(`100 MB that nobody asks for: ${kilobytes(read)} were read, resident memory grew by ${kilobytes(grown)}`);

/** What was alive a moment ago takes a few turns to be let go of. */
async function heap(): Promise<number> {
  for (let times = 0; times < 5; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
}

async function idleProcess(): Promise<number> {
  const before = await heap();
  const started = Array.from({ length: processes }, () =>
    spawn((self, inbox: OwnSubject<"stop">) => self.receiveForever(inbox)),
  );
  await spawn((self) => self.sleep(1)).result; // they have started before it
  const each = ((await heap()) - before) / processes;
  for (const one of started) one.kill();
  return each;
}

async function idleConnection(): Promise<number> {
  await using listener = unwrap(await listen({ host: "127.0.0.1", port: 0, backlog: connections }));
  const peer = startPeer(`
    setTimeout(() => process.exit(), 30_000);
    const net = require("node:net");
    for (let i = 0; i < ${connections}; i++) net.connect(${listener.port}, "127.0.0.1").on("error", () => {});
  `);
  const before = await heap();
  const owners = [];
  for (let i = 0; i < connections; i++) {
    const ready = unwrap(await accept(listener, 10_000));
    owners.push(
      spawn(async (self) => {
        const socket = unwrap(controllingProcess(ready, self));
        receiveNextPacketAsMessage(socket);
        await self.receiveForever(tcpMessages);
      }),
    );
  }
  await spawn((self) => self.sleep(1)).result;
  const each = ((await heap()) - before) / connections;
  for (const owner of owners) owner.kill();
  peer.kill();
  return each;
}

/** All of one server, which has done nothing yet but to accept them. */
async function servedConnection(by: "raw" | "tankard/server"): Promise<number> {
  const open = by === "raw" ? await serveRaw() : await serveByTankard();
  const before = await heap();
  const peer = startPeer(`
    setTimeout(() => process.exit(), 60_000);
    const net = require("node:net");
    let left = ${servedConnections};
    const next = () => {
      if (left-- > 0) net.connect(${open.port}, "127.0.0.1", next).on("error", () => {});
    };
    for (let i = 0; i < 50; i++) next();
  `);
  while (open.count() < servedConnections) await new Promise((resolve) => setTimeout(resolve, 20)); // nothing tells of it
  const each = ((await heap()) - before) / servedConnections;
  peer.kill();
  await open.close();
  return each;
}

interface Open {
  readonly port: number;
  count(): number;
  close(): Promise<unknown>;
}

async function serveRaw(): Promise<Open> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (data) => socket.write(data)).on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    count: () => sockets.size,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      return once(server, "close");
    },
  };
}

async function serveByTankard(): Promise<Open> {
  const onPacket = (state: number, data: Buffer) => withReply(continueWith(state), data);
  const server = unwrap(
    await startServer({ host: "127.0.0.1", port: 0, backlog: 10_000 }, { init: () => ({ state: 0 }), onPacket }),
  );
  return { port: server.port, count: () => server.info().accepted, close: () => server.stop() };
}

/** One packet is asked for, and then nothing more. */
async function unaskedBytes(): Promise<{ read: number; grown: number }> {
  await using listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
  const peer = startPeer(`
    setTimeout(() => process.exit(), 30_000);
    const socket = require("node:net").connect(${listener.port}, "127.0.0.1").on("error", () => {});
    socket.write(Buffer.alloc(${sentBytes}));
  `);
  const owner = spawn(async (self) => {
    const socket = unwrap(await accept(listener, 10_000, { owner: self }));
    const before = process.memoryUsage.rss();
    receiveNextPacketAsMessage(socket);
    await self.receiveForever(tcpMessages);
    await self.sleep(2_000); // time for whatever would be read without being asked for
    return { read: unwrap(getstat(socket)).recvOct, grown: process.memoryUsage.rss() - before };
  });
  const figures = await owner.result;
  peer.kill();
  await once(peer, "exit");
  return figures;
}

function startPeer(program: string): ReturnType<typeof startProgram> {
  return startProgram(process.execPath, ["-e", program], { stdio: "inherit" });
}
