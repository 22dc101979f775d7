// What one keeps that waits for a message: `idle-processes <kind> <count>`.
import { ownerFromCallback, spawn } from "tankard";
import { continueWith, startActor } from "tankard/otp";
import { actorOwner } from "tankard/xstate";
import { createActor, createMachine, fromTransition } from "xstate";
import { printEach } from "./footprint.ts";

const [name = "", count] = process.argv.slice(2);
const machine = createMachine({ on: { Packet: { actions: () => undefined } } });
const transition = fromTransition((state: null) => state, null);

const kinds: Record<string, () => unknown> = {
  "async process": () => spawn((self) => self.receiveForever(self.newSubject())),
  actor: () => startActor({ state: null, onMessage: (state) => continueWith(state) }),
  "callback owner": () => ownerFromCallback(() => undefined),
  "XState transition": () => createActor(transition).start(),
  "XState machine": () => createActor(machine).start(),
  "XState machine as owner": () => actorOwner(createActor(machine).start() as never),
};

const make = kinds[name];
if (make === undefined) throw new Error(`There is no kind ${name}`);
const kept: unknown[] = [];

await printEach(Number(count), async (more) => {
  for (let i = 0; i < more; i++) kept.push(make());
  await spawn((self) => self.sleep(1)).result; // they have started before it
  await Promise.all(kept.splice(-more)).then((made) => kept.push(...made));
});
