// Makes round trips of 64 bytes with an echo server, or as one: `round-trips <kind> <port> <count> <counted>`. Prints how
// many async resources of the type `counted` are made for each. A tracer finds those that count between two looks at a file
// that is not there.

import { createHook } from "node:async_hooks";
import { spawn as startProgram } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  accept,
  close,
  connect,
  listen,
  type OwnedSocket,
  ownerFromCallback,
  receive,
  receiveNextPacketAsMessage,
  send,
  spawn,
  tcpMessages,
  unwrap,
} from "tankard";

const [kind = "", port, countText, counted] = process.argv.slice(2);
const at = { host: "127.0.0.1", port: Number(port) };
const count = Number(countText);
const payload = Buffer.alloc(64, 1);
const clientSource = `
const client = require("node:net").connect(process.argv[1], "127.0.0.1", () => client.write(Buffer.alloc(64, 1)));
client.setNoDelay().on("data", (data) => client.write(data)).on("error", () => {});
`;
const endWithinMs = 50_000;
/** What is made once has been made by then. */
const warmUps = 100;

let trips = 0;
let made = 0;
const hook = createHook({
  init(_id, type) {
    if (type === counted) made++;
  },
});

/** Says whether to go on. */
function trip(): boolean {
  trips++;
  if (trips === warmUps) {
    hook.enable();
    existsSync("/round-trips-begin");
  }
  if (trips < warmUps + count) return true;
  existsSync("/round-trips-end");
  hook.disable();
  return false;
}

const kinds: Record<string, () => Promise<unknown>> = {
  "callback owner": () =>
    new Promise<void>((resolve) => {
      const owner = ownerFromCallback((message) => {
        if (message.type !== "Packet") throw new Error(message.type);
        if (trip()) answerAndArm(message.socket, message.data);
        else void close(message.socket).then(resolve);
      });
      void connect({ ...at, owner }).then((socket) => answerAndArm(unwrap(socket), payload));
    }),

  "async process": () =>
    spawn(async (self) => {
      const socket = unwrap(await connect({ ...at, owner: self }));
      answerAndArm(socket, payload);
      for (;;) {
        const message = unwrap(await self.receive(tcpMessages, 5_000));
        if (message.type !== "Packet") throw new Error(message.type);
        if (!trip()) return;
        answerAndArm(socket, message.data);
      }
    }).result,

  "passive receive": async () => {
    const socket = unwrap(await connect(at));
    do {
      void send(socket, payload);
      unwrap(await receive(socket, 5_000));
    } while (trip());
    await close(socket);
  },

  "accepted, callback owner": async () => {
    const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
    const client = startProgram(process.execPath, ["-e", clientSource, `${listener.port}`], { stdio: "inherit" });
    await new Promise<void>((resolve) => {
      const owner = ownerFromCallback((message) => {
        if (message.type !== "Packet") throw new Error(message.type);
        if (trip()) answerAndArm(message.socket, message.data);
        else void close(message.socket).then(resolve);
      });
      void accept(listener, 5_000, { owner }).then((socket) => receiveNextPacketAsMessage(unwrap(socket)));
    });
    await once(client, "exit");
    await listener[Symbol.asyncDispose]();
  },
};

setTimeout(() => process.exit(1), endWithinMs).unref(); // a tracer that is killed leaves it behind
const run = kinds[kind];
if (run === undefined) throw new Error(`There is no kind ${kind}`);
await run();
console.log(made / count);

function answerAndArm(socket: OwnedSocket, data: Buffer): void {
  void send(socket, data);
  receiveNextPacketAsMessage(socket);
}
