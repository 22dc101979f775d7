// Prints how many bytes of heap each of many idle things keeps: `footprint <kind> <count> <port>`, with --expose-gc.
// Connections are to a server that sends nothing.

import {
  connect,
  type Owner,
  ownerFromCallback,
  receiveNextPacketAsMessage,
  spawn,
  tcpMessages,
  unwrap,
} from "tankard";
import { continueWith, startActor } from "tankard/otp";

const [kind = "", countText, port] = process.argv.slice(2);
const count = Number(countText);

/** Each makes one, and waits until it is idle. */
const kinds: Record<string, () => unknown> = {
  "async process": () => spawn((self) => self.receiveForever(self.newSubject())),
  actor: () => startActor({ state: null, onMessage: (state) => continueWith(state) }),
  "callback owner": () => ownerFromCallback(() => undefined),
  "connection, callback owner": () => armedConnection(ownerFromCallback(() => undefined)),
  "connection, async process": () => armedConnection(spawn((self) => self.receiveForever(tcpMessages))),
};

const make = kinds[kind];
if (make === undefined) throw new Error(`There is no kind ${kind}`);
const kept: unknown[] = [];
await makeSome(100); // the code, and what there is once
const before = await heap();
await makeSome(count);
const each = ((await heap()) - before) / count;
console.log(JSON.stringify(each));
process.exit();

async function makeSome(more: number): Promise<void> {
  for (let i = 0; i < more; i++) kept.push(await make?.());
  await spawn((self) => self.sleep(1)).result; // they have started before it
}

async function armedConnection(owner: Owner): Promise<unknown> {
  const socket = unwrap(await connect({ host: "127.0.0.1", port: Number(port), owner }));
  receiveNextPacketAsMessage(socket);
  return [owner, socket];
}

/** What was alive a moment ago takes a few turns to be let go of. */
async function heap(): Promise<number> {
  for (let times = 0; times < 5; times++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
}
