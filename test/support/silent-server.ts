// A server that answers no SYN: its backlog is full, and nobody accepts.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

/** It listens in a thread that stands still, for only such a one leaves connections in the kernel's queue. */
const program = `
  import { createServer } from "node:net";
  import { parentPort, workerData } from "node:worker_threads";
  const server = createServer().listen({ host: workerData.host, port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(workerData.gate), 0, 0);
    process.exit();
  });
`;
const fullAfterMs = 100;

export async function silentServer(host = "127.0.0.1"): Promise<AsyncDisposable & { readonly port: number }> {
  const gate = new SharedArrayBuffer(4);
  const source = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const worker = new Worker(source, { workerData: { host, gate } });
  const [port] = (await once(worker, "message")) as [number];
  const fillers: Socket[] = [];
  while (await isAnswered(host, port, fillers)); // until one is not: then the queue is full
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy();
      Atomics.notify(new Int32Array(gate), 0);
      await once(worker, "exit");
    },
  };
}

async function isAnswered(host: string, port: number, fillers: Socket[]): Promise<boolean> {
  const filler = connect({ host, port });
  filler.on("error", () => undefined); // the queue goes with the thread
  fillers.push(filler);
  const connected = once(filler, "connect").then(() => true);
  // Nothing tells that a SYN was dropped; on this machine the answer to one takes no time.
  return await Promise.race([connected, new Promise<false>((resolve) => setTimeout(resolve, fullAfterMs, false))]);
}
