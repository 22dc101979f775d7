// What costs memory: an idle process, an idle connection with its owner, and a peer that sends 100 MB to somebody who does not ask.
// Run with --expose-gc, so that the figures are what is alive and not what waits to be collected.
import { spawn as startProgram } from "node:child_process";
import { once } from "node:events";
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

const processes = 100_000;
const connections = 2_000;
const sentBytes = 100 * 1024 * 1024;

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(2)} KiB`;

console.log(`idle process             ${kilobytes(await idleProcess())} of heap each (${processes} of them)`);
console.log(
  `idle connection, accepted ${kilobytes(await idleConnection())} of heap each, its process included (${connections} of them)`,
);
const { read, grown } = await unaskedBytes();
console.log(`100 MB that nobody asks for: ${kilobytes(read)} were read, resident memory grew by ${kilobytes(grown)}`);

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function idleProcess(): Promise<number> {
  const before = heap();
  const started = Array.from({ length: processes }, () =>
    spawn((self, inbox: OwnSubject<"stop">) => self.receiveForever(inbox)),
  );
  await spawn((self) => self.sleep(1)).result; // they have started before it
  const each = (heap() - before) / processes;
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
  const before = heap();
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
  const each = (heap() - before) / connections;
  for (const owner of owners) owner.kill();
  peer.kill();
  return each;
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
