// What a user of the built package writes that the other programs here do not. Compiled, never run; also against the
// packed package, by scripts/check-package.mjs.
import { connect as connectRaw } from "node:net";
import { expectTypeOf } from "expect-type";
import {
  accept,
  connect,
  createRuntime,
  fromNodeSocket,
  listen,
  newName,
  newSelector,
  type OwnSubject,
  receiveNextPacketAsMessage,
  selectTcpMessagesFrom,
  spawn,
  type TcpMessage,
  tcpMessages,
  unwrap,
} from "tankard";
import { createSimulatedClock, type SimulatedClock } from "tankard/testing";

// The options of a socket, in all three places that take them.
const listener = unwrap(await listen({ port: 0, backlog: 5, nodelay: true, sendTimeout: 1_000 }));
const adopted = fromNodeSocket(connectRaw(listener.port), { linger: 5, head: new Uint8Array(), readAhead: 1 });
await adopted[Symbol.asyncDispose]();
// @ts-expect-error no such option: what takes any option has lost its type
await listen({ port: 0, nodelya: true });
// @ts-expect-error the wrong type
fromNodeSocket(connectRaw(listener.port), { linger: "5" });

const clock: SimulatedClock = createSimulatedClock();
const runtime = createRuntime({ clock, onCrash: ({ reason }) => reason });

type Command = "stop" | { readonly say: string };
const server = runtime.spawn(
  async (self, commands: OwnSubject<Command>) => {
    const socket = unwrap(await accept(listener, 1_000, { owner: self }));
    receiveNextPacketAsMessage(socket);
    const types = selectTcpMessagesFrom(newSelector(), socket, ({ type }) => type);
    const message = unwrap(await self.receive(newSelector().select(commands).merge(types), 1_000));
    return typeof message === "object" ? message.say : message;
  },
  { name: newName<Command>("server") },
);
server.subject.send({ say: "hello" });
expectTypeOf(await server.result).toEqualTypeOf<string>();

spawn(async (self) => {
  const socket = unwrap(await connect({ host: "localhost", port: listener.port, keepalive: true, owner: self }));
  receiveNextPacketAsMessage(socket);
  const message: TcpMessage = await self.receiveForever(tcpMessages);
  return message.type === "Packet" ? message.data.byteLength : 0;
});
