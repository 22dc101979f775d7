// A tree that heals: a supervisor starts again whichever of its children ends, and leaves the other alone.
//
//     supervisor
//     ├── tally     an actor that counts, and crashes when it is told to; it is found by its name
//     └── server    takes connections, each of them an actor that asks the tally
//
// Prints: the tally starts
//         the server starts
//         add: 1
//         add: 2
//         the tally starts
//         crash: the tally is down (Error: Told to crash)
//         add: 1
//         the server starts
//         add: connection closed
//         add: 2
//         the tree has ended

import { connect, describeError, namedSubject, newName, receive, send, shutdown, unwrap } from "tankard";
import type { CallError, Host, ReplySubject, Socket, Subject } from "tankard";
import { continueWith, startActor, startSupervisor } from "tankard/otp";
import { type ConnectionHandler, type Server, supervised, withReply } from "tankard/server";

type TallyMessage = { readonly type: "add" | "crash"; readonly reply: Subject<number> };

const tallyName = newName<TallyMessage>("tally");
const tally = namedSubject(tallyName); // whoever holds the name when something is sent

function startTally(host: Host) {
  console.log("the tally starts");
  return startActor<number, TallyMessage>(
    {
      name: tallyName,
      state: 0,
      onMessage(count, { type, reply }) {
        if (type === "crash") throw new Error("Told to crash");
        reply.send(count + 1);
        return continueWith(count + 1);
      },
    },
    host,
  );
}

/** Each packet is a question for the tally. A connection does not crash with it: it says that the tally is down. */
const connection: ConnectionHandler<undefined, never> = {
  init: () => ({ state: undefined }),
  async onPacket(state, data, _connection, self) {
    const type = data.toString() === "crash" ? "crash" : "add";
    const count = await self.call(tally, 1_000, (reply: ReplySubject & Subject<number>) => ({ type, reply }));
    return withReply(continueWith(state), count.ok ? `${count.value}` : whyDown(count.error));
  },
};

function whyDown(error: CallError): string {
  const isCrash = error.type === "CalleeDown" && error.reason.type === "Abnormal";
  return isCrash ? `the tally is down (${String(error.reason.reason)})` : error.type;
}

let server: Server | undefined;
let port = 0;

/** A server that is started again listens where it did before. */
async function startServer(host: Host) {
  console.log("the server starts");
  const started = await supervised("server", { host: "127.0.0.1", port }, connection).start(host);
  if (started.ok) ({ port } = server = started.value.data);
  return started;
}

async function ask(socket: Socket, question: "add" | "crash"): Promise<void> {
  unwrap(await send(socket, question));
  const answer = await receive(socket, 1_000);
  console.log(`${question}: ${answer.ok ? answer.value.toString() : describeError(answer.error)}`);
}

const supervisor = unwrap(
  await startSupervisor({
    strategy: "OneForOne",
    children: [
      { id: "tally", start: startTally },
      { id: "server", start: startServer },
    ],
  }),
).data;

const first = unwrap(await connect({ host: "127.0.0.1", port }));
await ask(first, "add");
await ask(first, "add");
await ask(first, "crash");
await ask(first, "add"); // the same connection, and a tally that begins anew

server?.process.kill(); // its connections go with it
await ask(first, "add");

const second = unwrap(await connect({ host: "127.0.0.1", port }));
await ask(second, "add"); // the tally has not noticed anything
unwrap(await shutdown(second));

await supervisor.stop(); // the server before the tally: the last comes first
console.log("the tree has ended");
