import { describe, expect, test } from "@jest/globals";
import { Abnormal, call, err, newSelector, Normal, ok, selectMonitors, type Subject, unwrap } from "tankard";
import { continueWith, getState, resume, startActor, stopActor, suspend } from "tankard/otp";
import { inProcess, spawnIdle, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

type Message = { type: "add"; text: string } | { type: "get"; reply: Subject<string> };

function onMessage(state: string, message: Message) {
  if (message.type === "add") return continueWith(state + message.text);
  message.reply.send(state);
  return continueWith(state);
}

describe("getState", () => {
  test("gives the state behind the messages that were sent before", () =>
    inProcess(async (_self, { runtime }) => {
      const { data, process } = unwrap(await startActor({ state: "", onMessage }, runtime));
      for (const text of ["a", "b"]) data.send({ type: "add", text });
      const state = getState(process);
      data.send({ type: "add", text: "c" });
      expect(await state).toEqual(ok("ab"));
      expect(await getState(process)).toEqual(ok("abc"));
    }));

  test("waits for a handler that waits, and is CallTimeout in its time", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const slow = async (state: number, _message: string, self: { sleep(ms: number): Promise<void> }) => {
        await self.sleep(6_000);
        return continueWith(state + 1);
      };
      const { data, process } = unwrap(await startActor({ state: 0, onMessage: slow }, runtime));
      data.send("x");
      await turns();
      const [inVain, inTime] = [getState(process), getState(process, 10_000)];
      await clock.advance(6_000);
      expect(await inVain).toEqual(err({ type: "CallTimeout", withinMs: 5_000 }));
      expect(await inTime).toEqual(ok(1));
    }));

  test("of an actor that has ended is CalleeDown", () =>
    inProcess(async (_self, { runtime }) => {
      const { process } = unwrap(await startActor({ state: "", onMessage }, runtime));
      process.kill();
      expect(await getState(process)).toEqual(err({ type: "CalleeDown", reason: Abnormal("noproc") }));
    }));

  test("of a process that is no actor throws", () =>
    inProcess(async (_self, { runtime }) => {
      const error = await thrownBy(() => getState(spawnIdle(runtime)));
      expect(String(error)).toMatch(/^TypeError: Cannot get the state of a process that is not an actor: Process \{/);
    }));
});

describe("stopActor", () => {
  test("ends it normally behind what was sent before, and takes nobody down with it", () =>
    inProcess(async (self, { runtime, crashes, deadLetters }) => {
      const parent = await spawnPuppet(runtime);
      const { data, process } = unwrap(await startActor({ state: "", onMessage }, parent.self));
      self.monitor(process);
      const asked = call(data, 100, (reply) => ({ type: "get", reply }));
      expect(await stopActor(process)).toEqual(ok());
      expect([process.isAlive, parent.process.isAlive]).toEqual([false, true]);
      expect(await asked).toEqual(ok(""));
      const downs = selectMonitors(newSelector(), (down) => down.reason);
      expect(await self.receive(downs, 0)).toEqual(ok(Normal));
      data.send({ type: "add", text: "too late" });
      expect([crashes, deadLetters.length]).toEqual([[], 1]);
    }));

  test("ends a suspended one too, and one that has ended is CalleeDown", () =>
    inProcess(async (_self, { runtime }) => {
      const { process } = unwrap(await startActor({ state: "", onMessage }, runtime));
      await suspend(process);
      expect(await stopActor(process)).toEqual(ok());
      expect(await stopActor(process)).toEqual(err({ type: "CalleeDown", reason: Abnormal("noproc") }));
    }));
});

describe("suspend", () => {
  test("lets messages wait until resume, in order", () =>
    inProcess(async (_self, { runtime }) => {
      const { data, process } = unwrap(await startActor({ state: "", onMessage }, runtime));
      data.send({ type: "add", text: "a" });
      expect(await suspend(process)).toEqual(ok());
      for (const text of ["b", "c"]) data.send({ type: "add", text });
      const asked = call(data, 100, (reply) => ({ type: "get", reply }));
      expect(await isSettledWithin(asked)).toBe(false);
      expect(await getState(process)).toEqual(ok("a"));
      expect(await resume(process)).toEqual(ok());
      expect(await asked).toEqual(ok("abc"));
    }));

  test("twice is suspended once", () =>
    inProcess(async (_self, { runtime }) => {
      const { data, process } = unwrap(await startActor({ state: "", onMessage }, runtime));
      await suspend(process);
      await suspend(process);
      await resume(process);
      expect(await call(data, 100, (reply) => ({ type: "get", reply }))).toEqual(ok(""));
    }));
});
