// Lines that must not compile, each for the reason that stands above it. Compiled, never run.
import {
  abort,
  call,
  connect,
  describeError,
  newOptions,
  newSelector,
  type Owner,
  type OwnSubject,
  receive,
  receiveNextPacketAsMessage,
  selectTcpMessages,
  type Self,
  send,
  sendBuilder,
  setopts,
  type Socket,
  spawn,
  type Subject,
  timeout,
  unwrap,
} from "tankard";
import { newFraming } from "tankard/framing";
import { continueWith, startActor, withSelector } from "tankard/otp";
import { type ConnectionHandler, startServer, withUpgrade } from "tankard/server";

declare const self: Self;
declare const socket: Socket;
declare const somebody: Subject<{ type: "say"; text: string }>;
declare const own: OwnSubject<"tick">;
type Command =
  { type: "get"; reply: Subject<number> } | { type: "name"; reply: Subject<string> } | { type: "inc"; by: number };
declare const counter: Subject<Command>;
const received = await receive(socket, 100);

// @ts-expect-error wrong reason literal
if (!received.ok && received.error === "ECONNREFUSED") void 0;
// @ts-expect-error wrong reason to describe
describeError("Refused");
// @ts-expect-error not narrowed
received.value;
// @ts-expect-error wrong message
somebody.send({ type: "sya", text: "x" });
// @ts-expect-error wrong message field
somebody.send({ type: "say", txt: "x" });
const s0 = unwrap(await connect({ host: "h", port: 1 }));
// @ts-expect-error active without owner
receiveNextPacketAsMessage(s0);
// @ts-expect-error option typo
await connect({ host: "h", port: 1, timeot: 5 });
// @ts-expect-error option typo with owner
await connect({ host: "h", port: 1, timeot: 5, owner: self });
// @ts-expect-error wrong preference
await connect({ host: "h", port: 1, ipVersionPreference: "ipv4" });
// @ts-expect-error missing port
await connect({ host: "h" });
// @ts-expect-error forgotten timeout
await receive(socket);
// @ts-expect-error object timeout
await receive(socket, { timeout: 5 });
// @ts-expect-error receive from another's subject
await self.receiveForever(somebody);
// @ts-expect-error narrowing a subject that is received from
const n14: OwnSubject<string> = self.newSubject<string | number>();
// @ts-expect-error newSubject without type
self.newSubject().send("x");
// @ts-expect-error sendAfter wrong message
self.sendAfter(own, 5, "tock");
// @ts-expect-error call: wrong type
await call(counter, 100, (reply) => ({ type: "gett", reply }));
// @ts-expect-error call: no reply field
await call(counter, 100, (reply) => ({ type: "get" }));
// @ts-expect-error call: answer used wrongly
const n19: number = unwrap(await call(counter, 100, (reply) => ({ type: "name", reply })));
// @ts-expect-error call: wrong annotated reply
await call(counter, 100, (reply: Subject<boolean>) => ({ type: "get", reply }));
// @ts-expect-error owner of wrong kind
await connect({ host: "h", port: 1, owner: socket });
// @ts-expect-error sendBuilder numbers
await sendBuilder(socket, [1, 2, 3]);
// @ts-expect-error forgot await
const n23: Buffer = unwrap(receive(socket, 5));
// @ts-expect-error mug order
send("hello", socket);
const p = spawn(async () => 1);
// @ts-expect-error process seen from outside cannot receive
p.receive(own, 5);
// @ts-expect-error a socket with no owner where one is armed
receiveNextPacketAsMessage(socket);
declare const get: Extract<Command, { type: "get" }>;
// @ts-expect-error reply twice the wrong type
get.reply.send("one");
// @ts-expect-error timeout builder
timeout(newOptions("h", 1), 5);
// @ts-expect-error raw websocket-like as Subject
await call({ send(m: Command) {} }, 5, (reply) => ({ type: "get", reply }));
// @ts-expect-error non-exhaustive mapper
const sel43 = selectTcpMessages(newSelector(), (m) => {
  switch (m.type) {
    case "Packet":
      return { type: "p" };
    case "SocketClosed":
      return { type: "c" };
  }
});
let grow = newSelector();
// @ts-expect-error let reassign
grow = grow.select(own);
const bot = spawn(async (self, c: OwnSubject<{ type: "say" }>) => 1);
// @ts-expect-error spawned process sent wrong message
bot.subject.send({ type: "sya" });
// @ts-expect-error process that accepts nothing
p.subject.send("x");
// @ts-expect-error close of an unread number as socket
abort(1);
const s48 = unwrap(await connect({ host: "h", port: 1, owner: self as Owner | undefined }));
// @ts-expect-error owner possibly undefined
receiveNextPacketAsMessage(s48);
// @ts-expect-error actor with another state
await startActor({ state: { n: 0 }, onMessage: (_state, _message: { type: "inc" }) => continueWith({ n: "1" }) });
await startActor({
  state: 0,
  // @ts-expect-error actor that forgets to return
  onMessage(state, _message: { type: "inc" }) {
    state + 1;
  },
});
// @ts-expect-error actor that returns the bare state
await startActor({ state: 0, onMessage: (state, _message: { type: "inc" }) => state + 1 });
const act = unwrap(await startActor({ state: 0, onMessage: (s, _message: { type: "inc" }) => continueWith(s + 1) }));
// @ts-expect-error the wrong message to an actor
act.data.send({ type: "dec" });
await startActor({
  state: 0,
  // @ts-expect-error another selector than the handler's messages
  onMessage: (state, _message: "a") => withSelector(continueWith(state), newSelector().select(own)),
});

// @ts-expect-error no such header
await connect({ host: "h", port: 1, packet: 3 });
// @ts-expect-error an open socket cannot change it
setopts(socket, { readAhead: 1 });
// @ts-expect-error a misspelt option
setopts(socket, { paket: "raw" });
// @ts-expect-error a state of another type than the first one
newFraming({ start: 0, read: () => ({ type: "More", state: "one" }) });
// @ts-expect-error a reading that does not exist
newFraming({ start: 0, read: () => ({ type: "Done", end: 1 }) });

declare const handler: ConnectionHandler<number, never>;
// @ts-expect-error a server without a context, by whose options each connection would read its certificate
withUpgrade(continueWith(1), { cert: "", key: "" });
// @ts-expect-error a client's option
await startServer({ port: 0, tls: { cert: "", key: "", serverNameIndication: "h" } }, handler);
// @ts-expect-error a misspelt option of TLS
await startServer({ port: 0, tls: { cert: "", keys: "" } }, handler);
