import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  call,
  controllingProcess,
  createRuntime,
  err,
  Killed,
  namedSubject,
  newName,
  newSelector,
  Normal,
  ok,
  type OwnSubject,
  receiveNextPacketAsMessage,
  selectMonitors,
  send,
  type Subject,
  tcpMessages,
  type TcpMessage,
  unwrap,
} from "tankard";
import { continueWith, postpone, startActor, startActorWithInit, stop, stopAbnormal, withSelector } from "tankard/otp";
import { createSocketPair } from "tankard/testing";
import { inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";

type CounterMessage = { type: "inc"; by: number } | { type: "get"; reply: Subject<number> };

function counter(count: number, message: CounterMessage) {
  if (message.type === "inc") return continueWith(count + message.by);
  message.reply.send(count);
  return continueWith(count);
}

const downs = selectMonitors(newSelector(), (down) => down.reason);

describe("startActor", () => {
  test("gives the address of an actor that keeps its state from message to message", () =>
    inProcess(async (_self, { runtime }) => {
      const { data, process } = unwrap(await startActor({ state: 0, onMessage: counter }, runtime));
      data.send({ type: "inc", by: 2 });
      data.send({ type: "inc", by: 40 });
      expect(await call(data, 100, (reply) => ({ type: "get", reply }))).toEqual(ok(42));
      expect(process.isAlive).toBe(true);
    }));

  test("handles messages in order, one at a time, also where the handler waits", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const seen: string[] = [];
      const { data, process } = unwrap(
        await startActor(
          {
            state: undefined,
            async onMessage(state, message: number, self) {
              seen.push(`begins ${message}`);
              if (message % 2 === 0) await self.sleep(10);
              seen.push(`ends ${message}`);
              return continueWith(state);
            },
          },
          runtime,
        ),
      );
      for (const number of [1, 2, 3, 4]) data.send(number);
      await clock.advance(30);
      expect(seen).toEqual([1, 2, 3, 4].flatMap((number) => [`begins ${number}`, `ends ${number}`]));
      expect(process.isAlive).toBe(true);
    }));

  test("never handles a message inside send", () =>
    inProcess(async (_self, { runtime }) => {
      const seen: number[] = [];
      const onMessage = (state: number, message: number) => {
        seen.push(message);
        return continueWith(state);
      };
      const { data } = unwrap(await startActor({ state: 0, onMessage }, runtime));
      await turns();
      data.send(1);
      expect(seen).toEqual([]);
      await turns();
      expect(seen).toEqual([1]);
    }));

  test("handles what was sent before its initialiser was done", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const name = newName<CounterMessage>("counter");
      const starting = startActor(
        {
          name,
          onMessage: counter,
          state: async (self) => {
            await self.sleep(100);
            return 1;
          },
        },
        runtime,
      );
      await turns();
      namedSubject(name).send({ type: "inc", by: 1 });
      const asked = call(namedSubject(name), 500, (reply) => ({ type: "get", reply }));
      await clock.advance(100);
      expect((await starting).ok).toBe(true);
      expect(await asked).toEqual(ok(2));
    }));

  test("links the actor to the process that it is started on, and to nobody in a runtime", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      const child = unwrap(await startActor({ state: 0, onMessage: counter }, parent.self));
      const other = unwrap(await startActor({ state: 0, onMessage: counter }, runtime));
      parent.process.kill();
      expect([child.process.isAlive, other.process.isAlive]).toEqual([false, true]);
    }));

  test("keeps nobody waiting: with nothing to do its runtime is idle", async () => {
    const runtime = createRuntime();
    const { data } = unwrap(await startActor({ state: 0, onMessage: counter }, runtime));
    data.send({ type: "inc", by: 1 });
    await runtime.idle();
    await runtime.stop();
    await runtime.idle();
  });

  test.each(["returns", "waits"])("whose handler %s lets timers and sockets in, however busy it is", (how) =>
    inProcess(async (_self, { runtime }) => {
      const started = await startActorWithInit(
        {
          init(self) {
            const subject = self.newSubject<string>();
            subject.send("again");
            const selector = newSelector().select(subject);
            return { state: subject, selector, data: subject };
          },
          onMessage(subject, message) {
            if (message === "stop") return stop();
            subject.send("again");
            return how === "returns" ? continueWith(subject) : Promise.resolve(continueWith(subject));
          },
        },
        runtime,
      );
      const { data, process } = unwrap(started);
      await new Promise((resolve) => setTimeout(resolve, 5)); // real time: a starved loop would never come to this
      data.send("stop");
      await process.exited;
    }),
  );

  test("stays out of the way of ten thousand messages: sockets and timers have their turns", () =>
    inProcess(async (_self, { runtime }) => {
      const { data } = unwrap(await startActor({ state: 0, onMessage: counter }, runtime));
      for (let count = 0; count < 10_000; count++) data.send({ type: "inc", by: 1 });
      let hadTurn = false;
      setImmediate(() => (hadTurn = true));
      expect(await call(data, 100, (reply) => ({ type: "get", reply }))).toEqual(ok(10_000));
      expect(hadTurn).toBe(true);
    }));
});

describe("an actor ends", () => {
  test("normally by stop, and what is sent to it then is a dead letter", () =>
    inProcess(async (self, { runtime, deadLetters }) => {
      const { data, process } = unwrap(await startActor({ state: 0, onMessage: (_s, _m: string) => stop() }, runtime));
      self.monitor(process);
      data.send("stop");
      expect(await self.receiveForever(downs)).toEqual(Normal);
      data.send("too late");
      expect(deadLetters).toMatchObject([{ message: "too late", why: "Exited" }]);
      await process.settled;
    }));

  test("abnormally by stopAbnormal, with the reason", () =>
    inProcess(async (self, { runtime, crashes }) => {
      const onMessage = (_state: number, message: string) => stopAbnormal(message);
      const { data, process } = unwrap(await startActor({ state: 0, onMessage }, runtime));
      self.monitor(process);
      data.send("because");
      expect(await self.receiveForever(downs)).toEqual(Abnormal("because"));
      expect(crashes).toEqual([{ process, reason: "because", handled: true }]);
      await process.settled;
    }));

  test.each(["throws", "rejects"])("abnormally where its handler %s, and handles nothing more", (how) =>
    inProcess(async (self, { runtime, crashes }) => {
      const seen: string[] = [];
      const error = new Error("a bug");
      const onMessage = (state: number, message: string) => {
        seen.push(message);
        if (message !== "bad") return continueWith(state);
        if (how === "throws") throw error;
        return Promise.reject(error);
      };
      const { data, process } = unwrap(await startActor({ state: 0, onMessage }, runtime));
      self.monitor(process);
      for (const message of ["good", "bad", "never seen"]) data.send(message);
      expect(await self.receiveForever(downs)).toEqual(Abnormal(error));
      expect(seen).toEqual(["good", "bad"]);
      expect(crashes).toEqual([{ process, reason: error, handled: true }]);
      await process.settled;
    }),
  );

  test("abnormally where its handler forgets to say how it goes on", () =>
    inProcess(async (self, { runtime }) => {
      const onMessage = ((count: number) => count + 1) as never;
      const { data, process } = unwrap(await startActor<number, string>({ state: 0, onMessage }, runtime));
      self.monitor(process);
      data.send("x");
      const reason = await self.receiveForever(downs);
      expect(String((reason as { readonly reason: unknown }).reason)).toBe(
        "TypeError: Cannot go on: onMessage must return continueWith(state), postpone(), stop() or stopAbnormal(reason), received 1",
      );
    }));

  test("when it is killed, whose handler may run on: settled says when it has returned", () =>
    inProcess(async (_self, { runtime }) => {
      let finish = (): void => undefined;
      const onMessage = async (state: number, _message: string) => {
        await new Promise<void>((resolve) => (finish = resolve));
        return continueWith(state);
      };
      const { data, process } = unwrap(await startActor({ state: 0, onMessage }, runtime));
      data.send("x");
      await turns();
      process.kill();
      let isSettled = false;
      void process.settled.then(() => (isSettled = true));
      await turns();
      expect([process.isAlive, isSettled]).toEqual([false, false]);
      finish();
      await process.settled;
    }));

  test("and its name is free at once", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("one");
      const onMessage = () => stop();
      const first = unwrap(await startActor<number, string>({ name, state: 0, onMessage }, runtime));
      namedSubject(name).send("stop");
      await first.process.exited;
      expect((await startActor<number, string>({ name, state: 0, onMessage }, runtime)).ok).toBe(true);
    }));
});

describe("an initialiser", () => {
  test("that throws is InitFailed for the starter alone: no crash, and no link takes anybody down", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const parent = await spawnPuppet(runtime);
      parent.self.trapExits(true);
      const error = new Error("no config");
      const started = await startActor(
        {
          state: (): number => {
            throw error;
          },
          onMessage: counter,
        },
        parent.self,
      );
      expect(started).toEqual(err({ type: "InitFailed", reason: error }));
      await turns();
      expect(parent.self.flushMessages()).toBe(0);
      expect([crashes, parent.process.isAlive]).toEqual([[], true]);
    }));

  test.each([undefined, 50])("that takes longer than its time (%p) is InitTimeout, and is killed", (initTimeoutMs) =>
    inProcess(async (_self, { runtime, clock, crashes }) => {
      const parent = await spawnPuppet(runtime);
      const state = (self: { sleep(ms: number): Promise<void> }) => self.sleep(10_000).then(() => 0);
      const starting = startActor({ state, onMessage: counter, initTimeoutMs }, parent.self);
      let isOver = false;
      void starting.then(() => (isOver = true));
      await clock.advance((initTimeoutMs ?? 1_000) - 1);
      expect(isOver).toBe(false);
      await clock.advance(1);
      expect(await starting).toEqual(err({ type: "InitTimeout" }));
      expect([crashes, parent.process.isAlive]).toEqual([[], true]);
    }),
  );

  test("during which the actor is ended is InitExited, with the reason", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      const starting = startActor(
        { state: (self) => self.sleep(10_000).then(() => 0), onMessage: counter },
        parent.self,
      );
      await turns();
      parent.process.kill();
      expect(await starting).toEqual(err({ type: "InitExited", reason: Killed }));
    }));
});

describe("startActorWithInit", () => {
  test("selects what init says, and gives the starter what init gives", () =>
    inProcess(async (_self, { runtime }) => {
      const seen: unknown[] = [];
      const { data } = unwrap(
        await startActorWithInit(
          {
            init(self) {
              const [numbers, words] = [self.newSubject<number>(), self.newSubject<string>()];
              const selector = newSelector()
                .select(numbers)
                .selectMap(words, (word) => word.length);
              const data: { readonly numbers: Subject<number>; readonly words: Subject<string> } = { numbers, words };
              return { state: 0, selector, data };
            },
            onMessage(sum, message) {
              seen.push(message);
              return continueWith(sum + message);
            },
          },
          runtime,
        ),
      );
      data.numbers.send(1);
      data.words.send("four");
      await turns();
      expect(seen).toEqual([1, 4]);
    }));

  test("gives what nobody selects to onDeadLetter as Unmatched", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const { data, process } = unwrap(await startActor({ state: 0, onMessage: counter }, runtime));
      process.tell("what is this?");
      data.send({ type: "inc", by: 1 });
      expect(await call(data, 100, (reply) => ({ type: "get", reply }))).toEqual(ok(1));
      expect(deadLetters).toEqual([{ message: "what is this?", to: `process ${process.id}`, why: "Unmatched" }]);
    }));

  test("refuses an init that gives no selector", () =>
    inProcess(async (_self, { runtime }) => {
      const init = () => ({ state: 0, data: 0, selector: undefined }) as never;
      expect(await startActorWithInit({ init, onMessage: () => stop() }, runtime)).toMatchObject({
        error: {
          type: "InitFailed",
          reason: { message: "Cannot start an actor: init must give a selector, received undefined" },
        },
      });
    }));
});

describe("an actor that owns a socket", () => {
  test("hands over what the socket has just told it and it has not handled yet", () =>
    inProcess(async (self, { runtime }) => {
      const seen: unknown[] = [];
      const { process } = unwrap(
        await startActorWithInit(
          {
            init: () => ({ state: 0, selector: tcpMessages, data: undefined }),
            onMessage(state: number, message: TcpMessage) {
              seen.push(message.type);
              return continueWith(state);
            },
          },
          runtime,
        ),
      );
      const [a, b] = createSocketPair({ owner: process }, { owner: self }, { runtime });
      await turns();
      unwrap(await send(b, "hello"));
      await turns();
      receiveNextPacketAsMessage(a); // the packet is with the actor now, and the actor in the run queue
      unwrap(controllingProcess(a, self));
      await turns();
      expect(seen).toEqual([]);
      expect(await self.receive(tcpMessages, 0)).toMatchObject({ value: { type: "Packet" } });
    }));
});

describe("withSelector", () => {
  test("selects other messages from then on", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const seen: string[] = [];
      const started = await startActorWithInit(
        {
          init(self) {
            const [one, other] = [self.newSubject<string>(), self.newSubject<string>()];
            return {
              state: other,
              selector: newSelector().select(one),
              data: { one: one, other: other },
            };
          },
          onMessage(state: OwnSubject<string>, message) {
            seen.push(message);
            return withSelector(continueWith(state), newSelector().select(state));
          },
        },
        runtime,
      );
      const { one, other } = unwrap(started).data;
      one.send("first");
      one.send("nobody waits for this");
      other.send("second");
      await turns();
      expect(seen).toEqual(["first", "second"]);
      expect(deadLetters).toMatchObject([{ message: "nobody waits for this", why: "Unmatched" }]);
    }));
});

describe("postpone", () => {
  type Door = "closed" | "open";
  const door = (seen: string[]) => (state: Door, message: string) => {
    if (message === "open" || message === "close") return continueWith<Door>(message === "open" ? "open" : "closed");
    if (state === "closed") return postpone();
    seen.push(message);
    return continueWith(state);
  };

  test("keeps messages for another state, where they come first and in order", () =>
    inProcess(async (_self, { runtime }) => {
      const seen: string[] = [];
      const { data } = unwrap(await startActor({ state: "closed", onMessage: door(seen) }, runtime));
      for (const message of ["a", "close", "b", "open", "c", "close", "d", "open"]) data.send(message);
      await turns();
      expect(seen).toEqual(["a", "b", "c", "d"]);
    }));

  test("holds back again what the other state does not want either", () =>
    inProcess(async (_self, { runtime }) => {
      const seen: string[] = [];
      const onMessage = (wanted: number, message: number) => {
        if (message !== wanted) return postpone();
        seen.push(String(message));
        return continueWith(wanted + 1);
      };
      const { data } = unwrap(await startActor({ state: 1, onMessage }, runtime));
      for (const number of [4, 2, 3, 1]) data.send(number);
      await turns();
      expect(seen).toEqual(["1", "2", "3", "4"]);
    }));

  test("works where handlers wait", () =>
    inProcess(async (_self, { runtime }) => {
      const seen: number[] = [];
      const onMessage = async (wanted: number, message: number) => {
        await Promise.resolve();
        if (message !== wanted) return postpone();
        seen.push(message);
        return continueWith(wanted + 1);
      };
      const { data } = unwrap(await startActor({ state: 1, onMessage }, runtime));
      for (const number of [3, 2, 1, 4]) data.send(number);
      await turns();
      expect(seen).toEqual([1, 2, 3, 4]);
    }));

  test("beyond postponeLimit ends the actor", () =>
    inProcess(async (self, { runtime }) => {
      const onMessage = (_state: number, _message: string) => postpone();
      const { data, process } = unwrap(await startActor({ state: 0, onMessage, postponeLimit: 2 }, runtime));
      self.monitor(process);
      for (const message of ["a", "b", "c"]) data.send(message);
      expect(await self.receiveForever(downs)).toEqual(Abnormal(new Error("Cannot postpone more than 2 messages")));
    }));
});

describe("what no actor can have", () => {
  test.each([
    [{ state: 0, onMesage: counter }, 'Cannot start an actor: unknown option "onMesage", did you mean "onMessage"?'],
    [{ state: 0 }, "Cannot start an actor: onMessage must be a function, received undefined"],
    [
      { state: 0, onMessage: counter, postponeLimit: -1 },
      "Cannot start an actor: postponeLimit must be at least 0, received -1",
    ],
    [
      { state: 0, onMessage: counter, initTimeoutMs: -1 },
      "Cannot start an actor: initTimeoutMs must be from 0 to 4294967295 milliseconds or Infinity, received -1",
    ],
  ])("is refused with its value in the text: %j", async (spec, text) => {
    expect(await thrownBy(() => startActor(spec as never))).toMatchObject({ message: text });
  });
});
