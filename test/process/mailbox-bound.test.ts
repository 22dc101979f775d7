import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  call,
  createRuntime,
  err,
  type MailboxOptions,
  newName,
  namedSubject,
  newSelector,
  ok,
  type OwnSubject,
  selectMonitors,
  selectTrappedExits,
  type Subject,
  unwrap,
} from "tankard";
import { continueWith, startActor, suspend } from "tankard/otp";
import { createWorld, inProcess, spawnIdle, thrownBy, type World } from "../support/in-process.ts";

/** A process that hands out its `self` and receives nothing by itself. */
function spawnBounded(runtime: World["runtime"], mailbox: MailboxOptions) {
  return new Promise<{
    readonly self: Parameters<Parameters<typeof runtime.spawn>[0]>[0];
    readonly subject: OwnSubject<number>;
  }>((started) => {
    runtime.spawn(
      (self, subject: OwnSubject<number>) =>
        new Promise<void>((resolve) => {
          self.onExit(() => resolve(), "resource");
          started({ self, subject });
        }),
      { mailbox },
    );
  });
}

const wanted = { dropNewest: [1, 2], dropOldest: [3, 4], reject: [1, 2] } as const;
const lost = { dropNewest: [3, 4], dropOldest: [1, 2], reject: [3, 4] } as const;

describe("a bounded mailbox", () => {
  test.each(["dropNewest", "dropOldest", "reject"] as const)(
    "with %s keeps as many messages as its capacity says, and those that are lost are dead letters",
    (overflow) =>
      inProcess(async (_self, { runtime, deadLetters }) => {
        const { self, subject } = await spawnBounded(runtime, { capacity: 2, overflow });
        const taken = [1, 2, 3, 4].map((number) => subject.trySend(number));
        expect(taken).toEqual(overflow === "dropOldest" ? [true, true, true, true] : [true, true, false, false]);
        const received = [
          await self.receive(subject, 0),
          await self.receive(subject, 0),
          await self.receive(subject, 0),
        ];
        expect(received).toEqual([...wanted[overflow].map((number) => ok(number)), err("Timeout")]);
        const why = overflow === "reject" ? "Refused" : "Dropped";
        const to = `process ${self.process.id}`;
        expect(deadLetters).toEqual(lost[overflow].map((message) => ({ message, to, why })));
        expect(subject.trySend(5)).toBe(true); // there is room again
      }),
  );

  test("with exit ends the process abnormally", () =>
    inProcess(async (_self, { runtime, crashes, deadLetters }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 1, overflow: "exit" });
      subject.send(1);
      expect(subject.trySend(2)).toBe(false);
      expect(crashes).toMatchObject([
        { reason: new Error("The mailbox is full: it holds 1 messages"), handled: false },
      ]);
      expect(deadLetters).toMatchObject([{ message: 2, why: "Exited" }]);
      expect(self.process.isAlive).toBe(false);
    }));

  test("drops the newest if not told otherwise", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 1 });
      subject.send(1);
      subject.send(2);
      expect(await self.receiveForever(subject)).toBe(1);
    }));

  test("counts what comes by a subject, a name and tell together", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 3 });
      const name = newName<number>("bounded");
      unwrap(self.register(name));
      subject.send(1);
      namedSubject(name).send(2);
      self.process.tell(3);
      for (const send of [() => subject.send(4), () => namedSubject(name).send(5), () => self.process.tell(6)]) send();
      expect(deadLetters.map(({ message }) => message)).toEqual([4, 5, 6]);
      expect(self.flushMessages()).toBe(3);
    }));

  test("hands a message to a receive that waits, however full it is", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 1 });
      const other = self.newSubject<number>();
      other.send(1);
      const waiting = self.receiveForever(subject);
      expect(subject.trySend(2)).toBe(true);
      expect(await waiting).toBe(2);
    }));

  test("never refuses timers, monitors and exits, nor counts them", () =>
    inProcess(async (_self, { runtime, clock, deadLetters }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 1 });
      const process = spawnIdle(runtime);
      self.trapExits(true);
      self.monitor(process);
      self.link(process);
      subject.send(1);
      self.sendAfter(subject, 10, 2);
      await clock.advance(10);
      process.kill();
      const all = selectTrappedExits(
        selectMonitors(newSelector().select(subject), () => "down"),
        () => "exit",
      );
      const received = [];
      for (let count = 0; count < 4; count++) received.push(await self.receiveForever(all));
      expect(received).toEqual([1, 2, "exit", "down"]);
      expect(deadLetters).toEqual([]);

      self.sendAfter(subject, 10, 3);
      await clock.advance(10);
      expect(subject.trySend(4)).toBe(true); // what a timer sent takes no room
    }));

  test("drops the oldest of those that count, among others", () =>
    inProcess(async (_self, { runtime, clock }) => {
      const { self, subject } = await spawnBounded(runtime, { capacity: 2, overflow: "dropOldest" });
      self.sendAfter(subject, 0, 0);
      await clock.advance(0);
      for (const number of [1, 2, 3]) subject.send(number);
      const received = [];
      for (let count = 0; count < 3; count++) received.push(await self.receiveForever(subject));
      expect(received).toEqual([0, 2, 3]);
      expect(await self.receive(subject, 0)).toEqual(err("Timeout"));
    }));

  test("rejects a call", () =>
    inProcess(async (_self, { runtime }) => {
      const onMessage = (state: number, message: { type: "get"; reply: Subject<number> }) => {
        message.reply.send(state);
        return continueWith(state);
      };
      const actor = unwrap(
        await startActor({ state: 1, onMessage, mailbox: { capacity: 1, overflow: "reject" } }, runtime),
      );
      await suspend(actor.process);
      const first = call(actor.data, 10, (reply) => ({ type: "get", reply }));
      expect(await call(actor.data, 10, (reply) => ({ type: "get", reply }))).toEqual(err({ type: "CallRejected" }));
      actor.process.kill();
      expect((await first).ok).toBe(false);
    }));

  test("is every process's in a runtime that has one, but for those with their own", async () => {
    const runtime = createRuntime({ mailbox: { capacity: 1 } });
    const bounded = runtime.spawn((self, _subject: OwnSubject<number>) => self.receiveForever(self.newSubject()));
    const wider = runtime.spawn((self, _subject: OwnSubject<number>) => self.receiveForever(self.newSubject()), {
      mailbox: { capacity: 2 },
    });
    expect([1, 2, 3].map((number) => bounded.subject.trySend(number))).toEqual([true, false, false]);
    expect([1, 2, 3].map((number) => wider.subject.trySend(number))).toEqual([true, true, false]);
    await runtime.stop();
  });

  test.each([
    [{ capacity: 0 }, "the mailbox's capacity must be a whole number, at least 1, or Infinity, received 0"],
    [{ capacity: 1.5 }, "the mailbox's capacity must be a whole number, at least 1, or Infinity, received 1.5"],
    [
      { capacity: 1, overflow: "drop" },
      'the mailbox\'s overflow must be one of dropNewest, dropOldest, reject, exit, received "drop"',
    ],
    [{ capcity: 1 }, 'unknown option "capcity", did you mean "capacity"?'],
  ])("refuses %j", async (mailbox, text) => {
    const { runtime } = createWorld();
    const spawned = await thrownBy(() => runtime.spawn(() => undefined, { mailbox: mailbox as MailboxOptions }));
    expect(spawned).toMatchObject({ message: `Cannot spawn: ${text}` });
    const created = await thrownBy(() => createRuntime({ mailbox: mailbox as MailboxOptions }));
    expect(created).toMatchObject({ message: `Cannot create a runtime: ${text}` });
  });

  test("is a list that is cut at one end, whatever is sent and received, in whatever order", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("dropNewest" as const, "dropOldest" as const, "reject" as const),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom("one", "other", "tell", "take one", "take other"), { maxLength: 40 }),
        async (overflow, capacity, actions) => {
          const { runtime } = createWorld();
          const { self, subject } = await spawnBounded(runtime, { capacity, overflow });
          const other = self.newSubject<number>();
          const received: unknown[] = [];
          const expected: unknown[] = [];
          let model: { readonly from: string; readonly number: number }[] = [];
          for (const [number, action] of actions.entries()) {
            if (action.startsWith("take ")) {
              const from = action.slice(5);
              const index = model.findIndex((message) => message.from === from);
              expected.push(index < 0 ? err("Timeout") : ok(model.splice(index, 1)[0]?.number));
              received.push(await self.receive(from === "one" ? subject : other, 0));
              continue;
            }
            if (action === "one") subject.send(number);
            else if (action === "other") other.send(number);
            else self.process.tell([action, number]);
            model.push({ from: action, number });
            if (model.length > capacity) model = overflow === "dropOldest" ? model.slice(1) : model.slice(0, -1);
          }
          expect(received).toEqual(expected);
          expect(self.flushMessages()).toBe(model.length);
          await runtime.stop();
        },
      ),
    ));
});
