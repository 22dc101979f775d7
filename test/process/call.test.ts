import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  call,
  err,
  ExitSignal,
  Killed,
  namedSubject,
  newName,
  newSelector,
  Normal,
  ok,
  type OwnSubject,
  type Process,
  type Runtime,
  type Self,
  type Subject,
  unwrap,
} from "tankard";
import { createWorld, inProcess, spawnIdle, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { isSettledWithin, turns } from "../support/turns.ts";

interface Double {
  readonly type: "Double";
  readonly number: number;
  readonly reply: Subject<number>;
}
type Request = Double | { readonly type: "Shout"; readonly text: string; readonly reply: Subject<string> };

// Both forms keep the same promises; they differ only where the caller ends.
describe.each(["call", "self.call"] as const)("%s", (form) => {
  test("gives the answer", () =>
    inProcess(async (self, { runtime }) => {
      const ask = callOf(form, self);
      const callee = spawnCallee(runtime);
      expect(await ask(callee.subject, 100, (reply) => ({ type: "Double", number: 21, reply }))).toEqual(ok(42));
      expect(await ask(callee.subject, 100, (reply) => ({ type: "Shout", text: "hey", reply }))).toEqual(ok("HEY"));
    }));

  test("gives an answer that comes a millisecond before its time-out", () =>
    inProcess(async (self, { runtime, clock }) => {
      const ask = callOf(form, self);
      const callee = runtime.spawn(async (other, requests: OwnSubject<Double>) => {
        const { reply } = await other.receiveForever(requests);
        await other.sleep(100);
        reply.send(1);
      });
      await clock.advance(0);
      const answer = ask(callee.subject, 101, (reply) => ({ type: "Double", number: 1, reply }));
      await clock.advance(101);
      expect(await answer).toEqual(ok(1));
    }));

  test("says CallTimeout after its time, and not before", () =>
    inProcess(async (self, { clock }) => {
      const ask = callOf(form, self);
      const answer = ask(self.newSubject<Double>(), 100, (reply) => ({ type: "Double", number: 1, reply }));
      await clock.advance(99);
      expect(await isSettledWithin(answer)).toBe(false);
      await clock.advance(1);
      expect(await answer).toEqual(err({ type: "CallTimeout", withinMs: 100 }));
    }));

  test("with Infinity waits until the answer comes", () =>
    inProcess(async (self, { clock }) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const answer = ask(requests, Infinity, (reply) => ({ type: "Double", number: 1, reply }));
      await clock.advance(2 ** 40);
      expect(await isSettledWithin(answer)).toBe(false);
      (await self.receiveForever(requests)).reply.send(2);
      expect(await answer).toEqual(ok(2));
    }));

  test.each([
    ["returns", Normal],
    ["is killed", Killed],
    ["crashes", Abnormal("oops")],
  ])("says CalleeDown at once when the callee %s before it answers", (_how, reason) =>
    inProcess(async (self, { runtime }) => {
      const ask = callOf(form, self);
      const callee = await spawnPuppet(runtime);
      const requests = callee.self.newSubject<Double>();
      const answer = ask(requests, 1_000, (reply) => ({ type: "Double", number: 1, reply }));
      await callee.self.receiveForever(requests);
      callee.self.exit(reason);
      expect(await answer).toEqual(err({ type: "CalleeDown", reason }));
    }),
  );

  test("says CalleeDown with noproc at once for a callee that has ended, and makes no request", () =>
    inProcess(async (self, { runtime, deadLetters }) => {
      const ask = callOf(form, self);
      const callee = runtime.spawn((_self, _requests: OwnSubject<Request>) => undefined);
      await callee.exited;
      let isAsked = false;
      const answer = await ask(callee.subject, 1_000, (reply) => {
        isAsked = true;
        return { type: "Double", number: 1, reply };
      });
      expect(answer).toEqual(err({ type: "CalleeDown", reason: Abnormal("noproc") }));
      expect([isAsked, deadLetters]).toEqual([false, []]);
    }));

  test("says CalleeDown with noproc at once for a name that nobody has registered", () =>
    inProcess(async (self) => {
      const ask = callOf(form, self);
      const address = namedSubject(newName<Double>("nobody"));
      expect(await ask(address, 1_000, (reply) => ({ type: "Double", number: 1, reply }))).toEqual(
        err({ type: "CalleeDown", reason: Abnormal("noproc") }),
      );
    }));

  test("finds the callee by a name", () =>
    inProcess(async (self, { runtime }) => {
      const ask = callOf(form, self);
      const name = newName<Request>("doubler");
      spawnCallee(runtime, name);
      const answer = await ask(namedSubject(name), 100, (reply) => ({ type: "Double", number: 4, reply }));
      expect(answer).toEqual(ok(8));
    }));

  test.each([-1, Number.NaN, 2 ** 32])("throws a RangeError for %p ms before anything is sent", (withinMs) =>
    inProcess(async (self) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const error = await thrownBy(() => ask(requests, withinMs, (reply) => ({ type: "Double", number: 1, reply })));
      expect(error).toEqual(
        new RangeError(
          `Cannot call: withinMs must be from 0 to 4294967295 milliseconds or Infinity, received ${withinMs}`,
        ),
      );
      expect(self.flushMessages()).toBe(0);
    }),
  );

  test("throws what makeRequest throws, and leaves nothing behind", () =>
    inProcess(async (self, { clock }) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const error = await thrownBy(() =>
        ask(requests, 100, (): Double => {
          throw new Error("no request");
        }),
      );
      expect(error).toEqual(new Error("no request"));
      await clock.advance(100);
      expect(self.flushMessages()).toBe(0);
    }));

  test("leaves the messages in the caller's mailbox alone", () =>
    inProcess(async (self, { runtime }) => {
      const ask = callOf(form, self);
      const inbox = self.newSubject<string>();
      inbox.send("before");
      const callee = spawnCallee(runtime);
      await ask(callee.subject, 100, (reply) => ({ type: "Double", number: 1, reply }));
      inbox.send("after");
      expect([await self.receiveForever(inbox), await self.receiveForever(inbox)]).toEqual(["before", "after"]);
      expect(self.flushMessages()).toBe(0);
    }));

  test("of oneself waits for its time, with the request in the mailbox", () =>
    inProcess(async (self, { clock }) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const answer = ask(requests, 100, (reply) => ({ type: "Double", number: 1, reply }));
      await clock.advance(100);
      expect(await answer).toEqual(err({ type: "CallTimeout", withinMs: 100 }));
      expect(await self.receive(requests, 0)).toMatchObject({ value: { type: "Double" } });
    }));

  test("gives each of several callers its own answer, in whatever order they come", () =>
    inProcess(async (self) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const answers = [1, 2, 3].map((number) => ask(requests, 100, (reply) => ({ type: "Double", number, reply })));
      const taken = [];
      for (let left = 3; left > 0; left--) taken.push(await self.receiveForever(requests));
      for (const request of taken.reverse()) {
        request.reply.send(request.number * 2);
      }
      expect(await Promise.all(answers)).toEqual([ok(2), ok(4), ok(6)]);
    }));

  test("takes the first of two answers; the second is a dead letter", () =>
    inProcess(async (self, { deadLetters }) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Double>();
      const answer = ask(requests, 100, (reply) => ({ type: "Double", number: 1, reply }));
      const { reply } = await self.receiveForever(requests);
      expect(reply.trySend(1)).toBe(true);
      expect(reply.trySend(2)).toBe(false);
      expect(await answer).toEqual(ok(1));
      expect(deadLetters).toEqual([{ message: 2, to: "a call that is over", why: "Dropped" }]);
    }));

  test("that is answered by undefined is answered", () =>
    inProcess(async (self, { deadLetters }) => {
      const ask = callOf(form, self);
      const requests = self.newSubject<Subject<undefined>>();
      const answer = ask(requests, 100, (reply: Subject<undefined>) => reply);
      const reply = await self.receiveForever(requests);
      reply.send(undefined);
      expect(await answer).toEqual(ok());
      reply.send(undefined);
      expect(deadLetters).toHaveLength(1);
    }));
});

describe("a late reply", () => {
  test("after the time-out is a dead letter and leaves nothing in the caller's mailbox", () =>
    inProcess(async (self, { runtime, clock, deadLetters }) => {
      const callee = await spawnPuppet(runtime);
      const requests = callee.self.newSubject<Double>();
      const answer = self.call(requests, 100, (reply) => ({ type: "Double", number: 1, reply }));
      await clock.advance(100);
      expect(await answer).toMatchObject({ error: { type: "CallTimeout" } });
      (await callee.self.receiveForever(requests)).reply.send(2);
      callee.process.kill();
      expect(self.flushMessages()).toBe(0);
      expect(deadLetters).toEqual([{ message: 2, to: "a call that is over", why: "Dropped" }]);
    }));

  test("after the caller's end is a dead letter", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const [caller, callee] = [await spawnPuppet(runtime), await spawnPuppet(runtime)];
      const requests = callee.self.newSubject<Double>();
      const error = thrownBy(() => caller.self.call(requests, 100, (reply) => ({ type: "Double", number: 1, reply })));
      caller.process.kill();
      expect(await error).toBeInstanceOf(ExitSignal);
      (await callee.self.receiveForever(requests)).reply.send(2);
      expect(deadLetters).toEqual([{ message: 2, to: "a call that is over", why: "Dropped" }]);
    }));
});

describe("a call that is over leaves nothing behind", () => {
  type Finish = (world: ReturnType<typeof createWorld>, callee: Process, answer: (number: number) => void) => unknown;
  const ways: readonly [string, Finish][] = [
    ["by its answer", (_world, _callee, answer) => answer(1)],
    ["by its time", ({ clock }) => clock.advance(100)],
    ["by the callee's end", (_world, callee) => callee.kill()],
  ];

  test.each(ways)("%s: the runtime is idle as soon as its processes are", async (_way, finish) => {
    const world = createWorld();
    const callee = await spawnPuppet(world.runtime);
    const requests = callee.self.newSubject<Double>();
    const answer = call(requests, 100, (reply) => ({ type: "Double", number: 1, reply }));
    const { reply } = await callee.self.receiveForever(requests);
    await finish(world, callee.process, (number) => reply.send(number));
    expect(await isSettledWithin(answer)).toBe(true);
    callee.process.kill();
    expect(await isSettledWithin(world.runtime.idle())).toBe(true);
  });

  test("by the caller's end: the runtime is idle as soon as its processes are", async () => {
    const { runtime } = createWorld();
    const callee = spawnIdle(runtime);
    const caller = runtime.spawn((self) => self.call(callee.subject, 100, () => undefined as never));
    await turns(1);
    caller.kill();
    await caller.settled;
    expect(await isSettledWithin(runtime.idle())).toBe(true);
  });
});

describe("a call during which makeRequest ends the callee", () => {
  test("says CalleeDown, and the request is a dead letter", () =>
    inProcess(async (self, { runtime, deadLetters }) => {
      const callee = spawnIdle(runtime);
      const answer = await self.call(callee.subject, 100, () => {
        callee.kill();
        return "too late" as never;
      });
      expect(answer).toEqual(err({ type: "CalleeDown", reason: Killed }));
      expect(deadLetters).toMatchObject([{ message: "too late", why: "Exited" }]);
    }));

  test("and throws leaves nothing behind: the runtime is idle when its processes are", async () => {
    const { runtime } = createWorld();
    const callee = spawnIdle(runtime);
    const caller = runtime.spawn(async (self) => {
      await thrownBy(() =>
        self.call(callee.subject, 100, () => {
          callee.kill();
          throw new Error("no request");
        }),
      );
      await self.receiveForever(self.newSubject());
    });
    await turns();
    expect(await isSettledWithin(runtime.idle())).toBe(true);
    caller.kill();
  });
});

describe("self.call", () => {
  test("throws where the callee's end takes the caller down by their link, and says nothing of the callee", () =>
    inProcess(async (_self, { runtime }) => {
      const callee = spawnIdle(runtime);
      const caller = await spawnPuppet(runtime);
      caller.self.link(callee);
      const called = thrownBy(() => caller.self.call(callee.subject, 1_000, () => undefined as never));
      callee.kill();
      expect(await called).toMatchObject({ name: "ExitSignal", reason: Killed });
    }));

  test("is woken by an exit of its process, which call is not", () =>
    inProcess(async (_self, { runtime }) => {
      const callee = spawnIdle(runtime);
      const callers = [await spawnPuppet(runtime), await spawnPuppet(runtime)] as const;
      const own = thrownBy(() => callers[0].self.call(callee.subject, 1_000, () => undefined as never));
      const foreign = call(callee.subject, 1_000, () => undefined as never);
      for (const { process } of callers) process.kill();
      expect(await own).toMatchObject({ name: "ExitSignal", reason: Killed });
      expect(await isSettledWithin(foreign)).toBe(false);
    }));

  test("waits beside a pending receive of the same process", () =>
    inProcess(async (self, { runtime }) => {
      const callee = spawnCallee(runtime);
      const inbox = self.newSubject<string>();
      const waiting = self.receive(newSelector().select(inbox), 100);
      const answer = await self.call(callee.subject, 100, (reply) => ({ type: "Double", number: 1, reply }));
      inbox.send("still waits");
      expect([answer, await waiting]).toEqual([ok(2), ok("still waits")]);
    }));
});

describe("a reply subject", () => {
  test("has no process behind it: calling it is CalleeDown", () =>
    inProcess(async (self) => {
      const requests = self.newSubject<Subject<never>>();
      const outer = call(requests, 100, (reply) => reply);
      const reply = await self.receiveForever(requests);
      const inner = await call(reply, 100, () => undefined as never);
      expect(inner).toEqual(err({ type: "CalleeDown", reason: Abnormal("noproc") }));
      reply.send(undefined as never);
      expect((await outer).ok).toBe(true);
    }));

  test("can be handed to a third process, which answers", () =>
    inProcess(async (self, { runtime }) => {
      const worker = spawnCallee(runtime);
      const front = runtime.spawn(async (other, requests: OwnSubject<Request>) => {
        worker.subject.send(await other.receiveForever(requests));
        await other.receiveForever(requests);
      });
      const answer = self.call(front.subject, 100, (reply) => ({ type: "Double", number: 3, reply }));
      expect(unwrap(await answer)).toBe(6);
    }));
});

/** The form that is tested; what it does as itself is the same. */
function callOf(form: "call" | "self.call", self: Self): typeof call {
  return form === "call" ? call : self.call.bind(self);
}

/** Answers until it is ended. */
function spawnCallee(runtime: Runtime, name?: ReturnType<typeof newName<Request>>): Process<never, Request> {
  return runtime.spawn(
    async (self, requests: OwnSubject<Request>) => {
      for (;;) {
        const request = await self.receiveForever(requests);
        if (request.type === "Double") request.reply.send(request.number * 2);
        else request.reply.send(request.text.toUpperCase());
      }
    },
    { name },
  );
}
