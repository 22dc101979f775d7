// What is inferred where nothing is annotated. Compiled, never run.
import { expectTypeOf } from "expect-type";
import {
  call,
  connect,
  type MessageFrom,
  namedSubject,
  newName,
  newSelector,
  type OwnedSocket,
  type OwnSubject,
  type Process,
  type Result,
  selectTcpMessages,
  type Self,
  setopts,
  type Socket,
  spawn,
  type Subject,
  tcpMessages,
  unwrap,
} from "tankard";
import { type Framing, newFraming } from "tankard/framing";

type Counter =
  { type: "inc"; by: number } | { type: "get"; reply: Subject<number> } | { type: "name"; reply: Subject<string> };
declare const counter: Subject<Counter>;
declare const tuples: Subject<readonly ["get", Subject<number>] | readonly ["name", Subject<string>]>;
declare const bare: Subject<Subject<Date>>;
declare const self: Self;

// The answer's type is read off the request, or off the reply where that is annotated.
expectTypeOf(unwrap(await call(counter, 5, (reply) => ({ type: "get", reply })))).toEqualTypeOf<number>();
expectTypeOf(unwrap(await call(counter, 5, (reply) => ({ type: "name", reply })))).toEqualTypeOf<string>();
expectTypeOf(
  unwrap(await call(counter, 5, (reply: Subject<number>) => ({ type: "get", reply }))),
).toEqualTypeOf<number>();
const makeGet = (reply: Subject<number>): Counter => ({ type: "get", reply });
expectTypeOf(unwrap(await call(counter, 5, makeGet))).toEqualTypeOf<number>();
expectTypeOf(unwrap(await call(tuples, 5, (reply: Subject<number>) => ["get", reply]))).toEqualTypeOf<number>();
expectTypeOf(unwrap(await call(tuples, 5, (reply) => ["get", reply]))).toEqualTypeOf<unknown>();
expectTypeOf(unwrap(await call(bare, 5, (reply: Subject<Date>) => reply))).toEqualTypeOf<Date>();
expectTypeOf(unwrap(await self.call(counter, 5, (reply) => ({ type: "get", reply })))).toEqualTypeOf<number>();

// A process is typed by what its function accepts and returns.
expectTypeOf(spawn((_self, _subject: OwnSubject<"x">) => Promise.resolve(1))).toEqualTypeOf<Process<number, "x">>();
expectTypeOf(spawn(() => "s")).toEqualTypeOf<Process<string>>();
const counterName = newName<Counter>("counter");
const named = spawn(
  async (ofNamed, inbox: OwnSubject<Counter>) => {
    const message = await ofNamed.receiveForever(inbox);
    if (message.type === "get") message.reply.send(1);
    return nextPacket(ofNamed);
  },
  { name: counterName },
);
expectTypeOf(await named.result).toEqualTypeOf<Buffer | undefined>();
expectTypeOf(namedSubject(counterName)).toEqualTypeOf<Subject<Counter>>();

// Any process is a Process; an address may be narrowed to less than it accepts.
const anyProcess: Process = named;
const narrow: Subject<{ type: "inc"; by: number }> = counter;
export { anyProcess, narrow };

// An owner decides what kind of socket it is.
expectTypeOf(unwrap(await connect({ host: "h", port: 1 }))).toEqualTypeOf<Socket>();
expectTypeOf(unwrap(await connect({ host: "h", port: 1, owner: self }))).toEqualTypeOf<OwnedSocket>();

// A framing's state has the type of its start, without an annotation.
const counting = newFraming({
  start: { seen: 0 },
  read(state, bytes) {
    expectTypeOf(state).toEqualTypeOf<{ seen: number }>();
    return bytes.length > 3 ? { type: "Frame", end: 3 } : { type: "More", state: { seen: state.seen + bytes.length } };
  },
});
expectTypeOf(counting).toEqualTypeOf<Framing<{ seen: number }>>();
expectTypeOf(setopts(unwrap(await connect({ host: "h", port: 1, packet: counting })), { packet: 4 })).toEqualTypeOf<
  Result<undefined, "Closed">
>();

// A mapper's literals stay literals, so a selector types a machine's events.
const renamed = selectTcpMessages(newSelector(), (message) =>
  message.type === "Packet" ? { type: "bytes" } : { type: "over" },
);
expectTypeOf<MessageFrom<typeof renamed>["type"]>().toEqualTypeOf<"bytes" | "over">();
const message = await self.receive(renamed, 5);
if (!message.ok) expectTypeOf(message.error).toEqualTypeOf<"Timeout">();

async function nextPacket(ofProcess: Self): Promise<Buffer | undefined> {
  const next = await ofProcess.receive(tcpMessages, 1_000);
  return next.ok && next.value.type === "Packet" ? next.value.data : undefined;
}
