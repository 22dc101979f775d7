// Actors of each kind, and what goes with them, made, started and stopped: `creation <kind>`.
import { spawn } from "tankard";
import { createSocketPair } from "tankard/testing";
import { actorOwner, fromProcess, fromTcpSocket } from "tankard/xstate";
import { createActor, createMachine, fromTransition } from "xstate";
import { batches, standBy } from "./rounds.ts";

const machine = createMachine({ on: { Packet: { actions: () => undefined } } });
const withSocket = createMachine({
  invoke: { id: "tcp", src: fromTcpSocket(), input: ({ context }) => context as never },
  context: ({ input }) => input as object,
});
const transition = fromTransition((state: null) => state, null);
const forever = fromProcess((self) => self.receiveForever(self.newSubject()));

const kinds: Record<string, () => { stop(): unknown }> = {
  "async process": () => {
    const process = spawn((self) => self.receiveForever(self.newSubject()));
    return { stop: () => process.kill() };
  },
  "XState transition": () => createActor(transition).start(),
  "XState transition as owner": () => {
    const actor = createActor(transition).start();
    actorOwner(actor as never);
    return actor;
  },
  "XState machine": () => createActor(machine).start(),
  "XState machine as owner": () => {
    const actor = createActor(machine).start();
    actorOwner(actor as never);
    return actor;
  },
  "XState `fromProcess`": () => createActor(forever).start(),
  "socket pair": () => {
    const [one, other] = createSocketPair();
    return { stop: () => [one, other].map((socket) => socket[Symbol.asyncDispose]()) };
  },
  "socket pair, one in a `fromTcpSocket` child": () => {
    const [socket, other] = createSocketPair();
    const actor = createActor(withSocket, { input: { socket } } as never).start();
    return { stop: () => [actor.stop(), other[Symbol.asyncDispose]()] };
  },
};

const make = kinds[process.argv[2] ?? ""];
if (make === undefined) throw new Error(`There is no kind ${process.argv[2]}`);

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    const made = Array.from({ length: 100 }, make);
    await new Promise((resolve) => setImmediate(resolve));
    for (const one of made) one.stop();
    await new Promise((resolve) => setImmediate(resolve));
    return made.length;
  }),
);
