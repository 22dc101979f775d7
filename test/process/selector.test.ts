import { describe, expect, test } from "@jest/globals";
import { expectTypeOf } from "expect-type";
import {
  Abnormal,
  err,
  type MessageFrom,
  namedSubject,
  newName,
  newSelector,
  ok,
  type OwnSubject,
  type Result,
  type Selector,
  type Self,
  selectMonitors,
  selectRecord,
  selectTrappedExits,
} from "tankard";
import { inProcess, spawnIdle, thrownBy, type World } from "../support/in-process.ts";

describe("newSelector", () => {
  test("waits for nothing: whatever is in the mailbox stays there", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<string>();
      const results = await bothWays(self, world, newSelector(), () => {
        subject.send("Hello, Joe!");
        self.process.tell("Hello, Mike!");
      });
      expect(results).toEqual(twice(err("Timeout")));
      expect(self.flushMessages()).toBe(2);
    }));
});

describe("select", () => {
  test("takes the messages of its subject as they are, and no others", () =>
    inProcess(async (self, world) => {
      const [chosen, other] = [self.newSubject<string>(), self.newSubject<string>()];
      const results = await bothWays(self, world, newSelector().select(chosen), () => {
        other.send("no");
        self.process.tell("no");
        chosen.send("yes");
      });
      expect(results).toEqual(twice(ok("yes")));
    }));

  test("takes the oldest message of several subjects, whatever the order of the entries", () =>
    inProcess(async (self) => {
      const [a, b] = [self.newSubject<string>(), self.newSubject<string>()];
      for (const selector of [newSelector().select(a).select(b), newSelector().select(b).select(a)]) {
        b.send("first");
        a.send("second");
        b.send("third");
        const taken = [await self.receiveForever(selector), await self.receiveForever(selector)];
        expect([...taken, await self.receiveForever(selector)]).toEqual(["first", "second", "third"]);
      }
    }));

  test("leaves what it does not ask for in the mailbox, in order", () =>
    inProcess(async (self) => {
      const [chosen, skipped] = [self.newSubject<number>(), self.newSubject<number>()];
      for (const number of [1, 2, 3]) {
        skipped.send(number);
        chosen.send(number * 10);
      }
      const all = newSelector().select(chosen).select(skipped);
      expect(await self.receiveForever(newSelector().select(chosen))).toBe(10);
      const rest = [];
      for (let left = 5; left > 0; left--) rest.push(await self.receiveForever(all));
      expect(rest).toEqual([1, 2, 20, 3, 30]);
    }));

  test("never matches a subject of another process", () =>
    inProcess(async (self, world) => {
      const foreign = world.runtime.spawn((_other, subject: OwnSubject<string>) => subject);
      const selector = newSelector().select(await foreign.result);
      const results = await bothWays(self, world, selector, () => {
        self.newSubject<string>().send("mine");
        foreign.subject.send("theirs");
      });
      expect(results).toEqual(twice(err("Timeout")));
    }));

  test("does not take from another process's mailbox either", () =>
    inProcess(async (self, { clock, runtime }) => {
      const mine = self.newSubject<string>();
      const thief = runtime.spawn((other) => other.receive(newSelector().select(mine), 10));
      mine.send("mine");
      await clock.advance(10);
      expect(await thief.result).toEqual(err("Timeout"));
      expect(await self.receive(mine, 0)).toEqual(ok("mine"));
    }));

  test("is woken only by a message that it asks for", () =>
    inProcess(async (self, { clock }) => {
      const [chosen, other] = [self.newSubject<string>(), self.newSubject<string>()];
      const waiting = self.receive(newSelector().select(chosen), 100).then((result) => [clock.now(), result]);
      other.send("no");
      await clock.advance(10);
      chosen.send("yes");
      expect(await waiting).toEqual([10, ok("yes")]);
      expect(await self.receive(other, 0)).toEqual(ok("no"));
    }));
});

describe("selectMap", () => {
  test("turns a message into what the mapper makes of it, when it is taken", () =>
    inProcess(async (self, world) => {
      const numbers = self.newSubject<number>();
      let calls = 0;
      const selector = newSelector().selectMap(numbers, (number) => ({ call: ++calls, number }));
      numbers.send(7);
      numbers.send(8);
      expect(calls).toBe(0);
      expect(await self.receive(selector, 0)).toEqual(ok({ call: 1, number: 7 }));
      expect(await bothWays(self, world, selector, () => numbers.send(9))).toEqual([
        ok({ call: 2, number: 9 }),
        ok({ call: 3, number: 9 }),
      ]);
    }));

  test("replaces the earlier entry for the same subject", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<number>();
      const selector = newSelector()
        .selectMap(subject, () => "earlier")
        .selectMap(subject, () => "later");
      expect(await bothWays(self, world, selector, () => subject.send(1))).toEqual(twice(ok("later")));
    }));

  test("keeps the types of all entries", () =>
    inProcess((self) => {
      const _selector = newSelector()
        .select(self.newSubject<number>())
        .selectMap(self.newSubject<string>(), (text) => ({ type: "Said", text }));
      expectTypeOf<MessageFrom<typeof _selector>>().toEqualTypeOf<
        number | { readonly type: "Said"; readonly text: string }
      >();
    }));

  // A message that its mapper refuses is gone, as in gleam_erlang.
  test("rejects with what the mapper throws, also where the message is there already", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      const refusing = newSelector().selectMap(subject, (): string => {
        throw new Error("refused");
      });
      subject.send("there already");
      const received = self.receive(refusing, 0); // does not throw
      await expect(received).rejects.toThrow("refused");
    }));

  test("throws what the mapper throws out of the receive, not of the send, and the message is gone", () =>
    inProcess(async (self) => {
      const [bad, good] = [self.newSubject<string>(), self.newSubject<string>()];
      const selector = newSelector()
        .select(good)
        .selectMap(bad, (message) => {
          throw new Error(message);
        });

      bad.send("it was in the mailbox");
      good.send("first");
      expect(await thrownBy(() => self.receive(selector, 0))).toEqual(new Error("it was in the mailbox"));
      expect(await self.receive(selector, 0)).toEqual(ok("first"));

      const waiting = thrownBy(() => self.receiveForever(selector));
      expect(() => bad.send("it came later")).not.toThrow();
      expect(await waiting).toEqual(new Error("it came later"));
      good.send("second");
      expect(await self.receive(selector, 0)).toEqual(ok("second"));
    }));

  test("gives a process that takes no care of its mapper's throw an Abnormal end", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const receiver = runtime.spawn((self, subject) =>
        self.receiveForever(
          newSelector().selectMap(subject, () => {
            throw new Error("no such message");
          }),
        ),
      );
      receiver.subject.send("early" as never);
      expect(await receiver.exited).toEqual(Abnormal(new Error("no such message")));
      expect(crashes).toMatchObject([{ process: receiver, handled: true }]);
    }));
});

describe("selectOther", () => {
  test.each<[string, unknown]>([
    ["a text", "text"],
    ["a number", 0],
    ["false", false],
    ["null", null],
    ["undefined", undefined],
    ["an object", { type: "Hello" }],
    ["an array", ["tag", 1]],
    ["an empty array", []],
    ["a function", () => undefined],
  ])("takes %s that was told", (_what, message) =>
    inProcess(async (self, world) => {
      const selector = newSelector().selectOther((other) => [other]);
      expect(await bothWays(self, world, selector, () => self.process.tell(message))).toEqual(twice(ok([message])));
    }),
  );

  test("takes messages of subjects that have no entry", () =>
    inProcess(async (self, world) => {
      const [chosen, other] = [self.newSubject<string>(), self.newSubject<string>()];
      const selector = newSelector()
        .select(chosen)
        .selectOther((message) => ({ other: message }));
      expect(await bothWays(self, world, selector, () => other.send("hello"))).toEqual(twice(ok({ other: "hello" })));
    }));

  test("takes the ends of monitored and linked processes that have no entry", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const process = spawnIdle(runtime);
      self.link(process);
      const monitor = self.monitor(process);
      process.kill();
      const selector = newSelector().selectOther((message) => message);
      expect(await self.receive(selector, 0)).toEqual(
        ok({ type: "ExitMessage", owner: process, reason: { type: "Killed" } }),
      );
      expect(await self.receive(selector, 0)).toEqual(
        ok({ type: "ProcessDown", monitor, owner: process, reason: { type: "Killed" } }),
      );
    }));

  test("leaves a message to the entry that is made for it, wherever selectOther was added", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<number>();
      const other = newSelector().selectOther(() => "other");
      const last = newSelector()
        .selectMap(subject, () => "its own")
        .selectOther(() => "other");
      const first = other.selectMap(subject, () => "its own");
      for (const selector of [first, last]) {
        expect(await bothWays(self, world, selector, () => subject.send(1))).toEqual(twice(ok("its own")));
      }
    }));

  test("takes an older message without an entry before a newer one with an entry", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      const selector = newSelector()
        .select(subject)
        .selectOther((message) => ({ other: message }));
      self.process.tell("older");
      subject.send("newer");
      expect(await self.receive(selector, 0)).toEqual(ok({ other: "older" }));
      expect(await self.receive(selector, 0)).toEqual(ok("newer"));
    }));

  test("replaces an earlier selectOther", () =>
    inProcess(async (self, world) => {
      const selector = newSelector()
        .selectOther(() => "earlier")
        .selectOther(() => "later");
      expect(await bothWays(self, world, selector, () => self.process.tell(1))).toEqual(twice(ok("later")));
    }));
});

describe("map", () => {
  test("changes what every entry gives", () =>
    inProcess(async (self, world) => {
      const numbers = self.newSubject<number>();
      const selector = newSelector()
        .selectMap(numbers, (number) => number + 1)
        .selectOther(() => 0)
        .map((number) => `got ${number}`);
      expect(await bothWays(self, world, selector, () => numbers.send(1))).toEqual(twice(ok("got 2")));
      expect(await bothWays(self, world, selector, () => self.process.tell("x"))).toEqual(twice(ok("got 0")));
    }));

  test("does not touch entries that are added later", () =>
    inProcess(async (self, world) => {
      const [before, after] = [self.newSubject<string>(), self.newSubject<string>()];
      const selector = newSelector()
        .select(before)
        .map((text) => text.toUpperCase())
        .select(after);
      expect(await bothWays(self, world, selector, () => before.send("a"))).toEqual(twice(ok("A")));
      expect(await bothWays(self, world, selector, () => after.send("b"))).toEqual(twice(ok("b")));
    }));

  test("leaves a later entry for the same subject unmapped", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<string>();
      const selector = newSelector()
        .select(subject)
        .map(() => "mapped")
        .select(subject);
      expect(await bothWays(self, world, selector, () => subject.send("as it is"))).toEqual(twice(ok("as it is")));
    }));
});

describe("merge", () => {
  test("waits for what either waits for", () =>
    inProcess(async (self, world) => {
      const [a, b] = [self.newSubject<number>(), self.newSubject<string>()];
      const selector = newSelector().select(a).merge(newSelector().select(b));
      expectTypeOf<MessageFrom<typeof selector>>().toEqualTypeOf<number | string>();
      expect(await bothWays(self, world, selector, () => a.send(1))).toEqual(twice(ok(1)));
      expect(await bothWays(self, world, selector, () => b.send("b"))).toEqual(twice(ok("b")));
    }));

  test("lets the entry of the other win where both wait for the same thing", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<number>();
      const all = (label: string) => {
        const subjects = newSelector().selectMap(subject, () => label);
        const records = selectRecord(subjects, "tag", 1, () => label);
        const ends = selectMonitors(records, () => label);
        return selectTrappedExits(ends, () => label).selectOther(() => label);
      };
      const merged = all("one").merge(all("other"));
      expect(await bothWays(self, world, merged, () => subject.send(1))).toEqual(twice(ok("other")));
      expect(await bothWays(self, world, merged, () => self.process.tell(["tag", 1]))).toEqual(twice(ok("other")));
      expect(await bothWays(self, world, merged, () => self.process.tell("x"))).toEqual(twice(ok("other")));
      expect(await bothWays(self, world, merged, () => void self.monitor(gone(world)))).toEqual(twice(ok("other")));
      self.trapExits(true);
      expect(await bothWays(self, world, merged, () => self.process.sendExit())).toEqual(twice(ok("other")));
    }));

  test("keeps the selectOther of the one where the other has none", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<number>();
      const selector = newSelector()
        .selectOther(() => "the one's")
        .merge(newSelector().selectMap(subject, () => "the other's"));
      expect(await bothWays(self, world, selector, () => self.process.tell(1))).toEqual(twice(ok("the one's")));
      expect(await bothWays(self, world, selector, () => subject.send(1))).toEqual(twice(ok("the other's")));
    }));
});

describe("deselect", () => {
  test("waits for the subject no longer, and for the others as before", () =>
    inProcess(async (self, world) => {
      const [kept, dropped] = [self.newSubject<string>(), self.newSubject<string>()];
      const selector = newSelector().select(kept).select(dropped).deselect(dropped);
      expect(await bothWays(self, world, selector, () => dropped.send("no"))).toEqual(twice(err("Timeout")));
      expect(await bothWays(self, world, selector, () => kept.send("yes"))).toEqual(twice(ok("yes")));
    }));

  test("changes nothing for a subject that has no entry", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<string>();
      const selector = newSelector().select(subject).deselect(self.newSubject<string>());
      expect(await bothWays(self, world, selector, () => subject.send("yes"))).toEqual(twice(ok("yes")));
    }));

  test("leaves the subject's messages to selectOther", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<string>();
      const selector = newSelector()
        .select(subject)
        .selectOther(() => "other")
        .deselect(subject);
      expect(await bothWays(self, world, selector, () => subject.send("its own"))).toEqual(twice(ok("other")));
    }));

  test("takes the process's address for the subject that the process was started with", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async (self, subject) => {
        const selector = newSelector().select(subject).deselect(self.process.subject);
        self.process.subject.send("no" as never);
        return await self.receive(selector, 0);
      });
      expect(await process.result).toEqual(err("Timeout"));
    }));

  test("takes the address of a name for the subject that the name's holder receives from", () =>
    inProcess(async (self, world) => {
      const name = newName<string>("deselected");
      const registered = self.register(name);
      if (!registered.ok) throw new Error(registered.error);
      const selector = newSelector().select(registered.value).deselect(namedSubject(name));
      const results = await bothWays(self, world, selector, () => namedSubject(name).send("no"));
      expect(results).toEqual(twice(err("Timeout")));
    }));
});

describe("Selector", () => {
  test("is immutable: every method leaves the selector that it is called on as it was", () =>
    inProcess(async (self, world) => {
      const [a, b] = [self.newSubject<string>(), self.newSubject<string>()];
      const base = newSelector().select(a);
      base.select(b);
      base.selectMap(a, () => "replaced");
      base.selectOther(() => "other");
      base.map(() => "mapped");
      base.merge(newSelector().selectMap(a, () => "merged"));
      base.deselect(a);
      selectRecord(base, "tag", 0, () => "record");
      expect(await bothWays(self, world, base, () => a.send("as it is"))).toEqual(twice(ok("as it is")));
      expect(await bothWays(self, world, base, () => b.send("no"))).toEqual(twice(err("Timeout")));
      expect(await bothWays(self, world, base, () => self.process.tell(["tag"]))).toEqual(twice(err("Timeout")));
    }));

  test("is used by two processes, each for its own messages", () =>
    inProcess(async (_self, { runtime }) => {
      const shared = newSelector().selectOther((message) => message);
      const [one, other] = [1, 2].map(() => runtime.spawn((self) => self.receiveForever(shared)));
      one?.tell("to one");
      other?.tell("to the other");
      expect(await Promise.all([one?.result, other?.result])).toEqual(["to one", "to the other"]);
    }));
});

describe("selectRecord", () => {
  const pairs = selectRecord(newSelector(), "pair", 2, (record) => record);

  test("takes an untyped array of its tag with so many fields behind it", () =>
    inProcess(async (self, world) => {
      const results = await bothWays(self, world, pairs, () => self.process.tell(["pair", 1, 2]));
      expect(results).toEqual(twice(ok(["pair", 1, 2])));
    }));

  test.each<[string, unknown]>([
    ["fewer fields", ["pair", 1]],
    ["more fields", ["pair", 1, 2, 3]],
    ["another tag", ["pear", 1, 2]],
    ["no fields and no tag", []],
    ["the bare tag", "pair"],
    ["the same in an object", { 0: "pair", 1: 1, 2: 2, length: 3 }],
  ])("does not take %s", (_what, message) =>
    inProcess(async (self, world) => {
      expect(await bothWays(self, world, pairs, () => self.process.tell(message))).toEqual(twice(err("Timeout")));
    }),
  );

  test("takes an array of the tag alone where it asks for 0 fields, and not the bare tag", () =>
    inProcess(async (self, world) => {
      const selector = selectRecord(newSelector(), "bare", 0, (record) => record);
      expect(await bothWays(self, world, selector, () => self.process.tell(["bare"]))).toEqual(twice(ok(["bare"])));
      expect(await bothWays(self, world, selector, () => self.process.tell("bare"))).toEqual(twice(err("Timeout")));
    }));

  test("does not take an array that came through a subject", () =>
    inProcess(async (self, world) => {
      const subject = self.newSubject<readonly unknown[]>();
      const results = await bothWays(self, world, pairs, () => subject.send(["pair", 1, 2]));
      expect(results).toEqual(twice(err("Timeout")));
    }));

  const symbol = Symbol("tag");
  const object = {};
  test.each<[string, unknown, unknown, boolean]>([
    ["a text", "tag", "tag", true],
    ["a number", 1, 1, true],
    ["a number and a text of it", 1, "1", false],
    ["0 and -0", 0, -0, true],
    ["not a number", Number.NaN, Number.NaN, true],
    ["undefined", undefined, undefined, true],
    ["undefined and null", undefined, null, false],
    ["a symbol", symbol, symbol, true],
    ["the same object", object, object, true],
    ["two objects that look the same", object, {}, false],
  ])("compares tags by identity: %s", (_what, tag, sent, isTaken) =>
    inProcess(async (self, world) => {
      const selector = selectRecord(newSelector(), tag, 1, () => "taken");
      const results = await bothWays(self, world, selector, () => self.process.tell([sent, 1]));
      expect(results).toEqual(twice(isTaken ? ok("taken") : err("Timeout")));
    }),
  );

  test("replaces the earlier entry for the same tag and number of fields, and no other", () =>
    inProcess(async (self, world) => {
      const one = selectRecord(newSelector(), "tag", 1, () => "one, earlier");
      const two = selectRecord(one, "tag", 2, () => "two");
      const selector = selectRecord(two, "tag", 1, () => "one, later");
      expect(await bothWays(self, world, selector, () => self.process.tell(["tag", 1]))).toEqual(
        twice(ok("one, later")),
      );
      expect(await bothWays(self, world, selector, () => self.process.tell(["tag", 1, 2]))).toEqual(twice(ok("two")));
    }));

  test("beats selectOther, wherever that was added", () =>
    inProcess(async (self, world) => {
      const other = newSelector().selectOther(() => "other");
      const selectors = [
        selectRecord(other, "tag", 1, () => "record"),
        selectRecord(newSelector(), "tag", 1, () => "record").selectOther(() => "other"),
      ];
      for (const selector of selectors) {
        expect(await bothWays(self, world, selector, () => self.process.tell(["tag", 1]))).toEqual(twice(ok("record")));
        expect(await bothWays(self, world, selector, () => self.process.tell(["tag"]))).toEqual(twice(ok("other")));
      }
    }));

  test("takes the oldest of two kinds of record", () =>
    inProcess(async (self) => {
      const a = selectRecord(newSelector(), "a", 1, (record) => record);
      const both = selectRecord(a, "b", 1, (record) => record);
      self.process.tell(["b", 1]);
      self.process.tell(["a", 2]);
      self.process.tell(["b", 3]);
      const taken = [await self.receiveForever(both), await self.receiveForever(both), await self.receiveForever(both)];
      expect(taken).toEqual([
        ["b", 1],
        ["a", 2],
        ["b", 3],
      ]);
    }));

  test("does not take the end of a process for a record", () =>
    inProcess(async (self, world) => {
      const selector = selectRecord(newSelector(), "ProcessDown", 3, () => "taken");
      const results = await bothWays(self, world, selector, () => void self.monitor(gone(world)));
      expect(results).toEqual(twice(err("Timeout")));
    }));
});

/**
 * What `selector` makes of what `send` sends: first where that is in the mailbox already, then where it comes while
 * the receive waits. The mailbox is empty before both, and holds what is left of the second afterwards.
 */
async function bothWays<M>(
  self: Self,
  { clock }: World,
  selector: Selector<M>,
  send: () => void,
): Promise<Result<M, "Timeout">[]> {
  self.flushMessages();
  send();
  const early = await self.receive(selector, 0);
  self.flushMessages();
  const since = clock.now();
  const waiting = self.receive(selector, 10).then((result) => {
    if (result.ok && clock.now() !== since)
      throw new Error("The message did not wake the receive, but its time-out did");
    return result;
  });
  send();
  await clock.advance(10);
  return [early, await waiting];
}

function twice<T>(result: T): [T, T] {
  return [result, result];
}

/** A process that has ended: monitoring it brings a `ProcessDown` at once. */
function gone({ runtime }: World) {
  const process = spawnIdle(runtime);
  process.kill();
  return process;
}
