// Prints how many bytes of heap each of many idle things keeps: `footprint <kind> <count> <port>`, with --expose-gc.
// Connections are to a server that sends nothing, or of clients that do not.

import { spawn as startProgram } from "node:child_process";
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
import { startServer } from "tankard/server";

const [kind = "", countText, port] = process.argv.slice(2);
const count = Number(countText);

/** Each makes one, and waits until it is idle. */
const kinds: Record<string, () => unknown> = {
  "async process": () => spawn((self) => self.receiveForever(self.newSubject())),
  actor: () => startActor({ state: null, onMessage: (state) => continueWith(state) }),
  "callback owner": () => ownerFromCallback(() => undefined),
  "connection, callback owner": () => armedConnection(ownerFromCallback(() => undefined)),
  "connection, async process": () => armedConnection(spawn((self) => self.receiveForever(tcpMessages))),
  "connection, served by an actor": async () => {
    const opened = new Promise<void>((resolve) => (tellOpened = resolve));
    const { port: servedAt } = await (served ??= serve());
    client ??= startProgram(process.execPath, ["-e", clientSource, String(servedAt)], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    client.stdin?.write("connect\n");
    await opened;
  },
};

const clientSource = `
process.stdin.on("data", (lines) => {
  for (const line of String(lines).trim().split("\\n")) require("node:net").connect(process.argv[1], "127.0.0.1");
}).on("end", () => process.exit());
`;
let client: ReturnType<typeof startProgram> | undefined;
let served: Promise<{ readonly port: number }> | undefined;
let tellOpened = (): void => undefined;

async function serve(): Promise<{ readonly port: number }> {
  const onEvent = ({ type }: { readonly type: string }): void => {
    if (type === "ConnectionOpened") tellOpened();
  };
  const options = { host: "127.0.0.1", port: 0, maxPerAddress: Infinity, onEvent };
  return unwrap(
    await startServer(options, { init: () => ({ state: null }), onPacket: (state) => continueWith(state) }),
  );
}

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
