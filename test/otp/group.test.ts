import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  call,
  namedSubject,
  newName,
  type OwnSubject,
  type Process,
  type Runtime,
  type Self,
  type Subject,
} from "tankard";
import { newGroup } from "tankard/otp";
import { inProcess, spawnPuppet } from "../support/in-process.ts";

/** What is in the mailbox of one subject, oldest first. */
async function everything<M>(self: Self, subject: OwnSubject<M>): Promise<M[]> {
  const messages: M[] = [];
  for (;;) {
    const message = await self.receive(subject, 0);
    if (!message.ok) return messages;
    messages.push(message.value);
  }
}

async function newMember<M>(runtime: Runtime): Promise<{ process: Process; self: Self; subject: Subject<M> }> {
  const { process, self } = await spawnPuppet(runtime);
  return { process, self, subject: self.newSubject<M>() };
}

describe("a group", () => {
  test("sends to all who have joined, and to nobody who has left", () =>
    inProcess(async (self) => {
      const group = newGroup<string>();
      const [one, other] = [self.newSubject<string>(), self.newSubject<string>()];
      expect(group.broadcast("to nobody")).toBe(0);
      expect([group.join(one), group.join(other)]).toEqual([true, true]);
      expect(group.broadcast("to both")).toBe(2);
      expect([group.leave(one), group.leave(one)]).toEqual([true, false]);
      expect(group.broadcast("to one")).toBe(1);
      expect(await everything(self, one)).toEqual(["to both"]);
      expect(await everything(self, other)).toEqual(["to both", "to one"]);
    }));

  test("lists its members in the order in which they joined; joining twice is being one member", () =>
    inProcess((self) => {
      const group = newGroup<string>();
      const subjects = Array.from({ length: 3 }, () => self.newSubject<string>());
      for (const subject of [...subjects, ...subjects]) expect(group.join(subject)).toBe(true);
      expect(group.members().map((member) => subjects.indexOf(member as never))).toEqual([0, 1, 2]);
      group.leave(subjects[0] as Subject<string>);
      group.join(subjects[0] as Subject<string>);
      expect(group.members().map((member) => subjects.indexOf(member as never))).toEqual([1, 2, 0]);
      expect(JSON.stringify(group)).toBe('{"type":"Group","size":3}');
    }));

  test("forgets a member whose process ends, before anybody else hears of that end", () =>
    inProcess(async (_self, { runtime }) => {
      const group = newGroup<string>();
      const [one, other] = [await newMember<string>(runtime), await newMember<string>(runtime)];
      group.join(one.subject);
      group.join(other.subject);
      const seen: number[] = [];
      one.process.onExit(() => seen.push(group.broadcast("one has gone")));
      one.process.kill();
      expect(seen).toEqual([1]);
      expect(group.members()).toEqual([other.subject]);
    }));

  test("does not hear a member's crash: it is still unhandled", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const group = newGroup<string>();
      const { process, subject } = await newMember<string>(runtime);
      group.join(subject);
      process.sendAbnormalExit("oops");
      expect(crashes).toEqual([{ process, reason: "oops", handled: false }]);
      expect(group.size).toBe(0);
    }));

  test("does not let in who cannot receive: one that has ended, a name nobody holds, the address of an answer", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const group = newGroup<string>();
      const gone = await newMember<string>(runtime);
      gone.process.kill();
      expect(group.join(gone.subject)).toBe(false);
      expect(group.join(namedSubject(newName<string>("nobody")))).toBe(false);
      const callee = await newMember<Subject<string>>(runtime);
      void call(callee.subject, 0, (reply: Subject<string>) => {
        expect(group.join(reply)).toBe(false);
        return reply;
      });
      expect([group.size, group.broadcast("hello")]).toEqual([0, 0]);
      expect(deadLetters).toEqual([]);
    }));

  test("has a name as a member as long as its holder lives, whichever address was used", () =>
    inProcess(async (_self, { runtime }) => {
      const group = newGroup<string>();
      const name = newName<string>("room");
      const holder = await spawnPuppet(runtime);
      const inbox = holder.self.register(name);
      expect([group.join(namedSubject(name)), group.join(namedSubject(name))]).toEqual([true, true]);
      expect(group.broadcast("hello")).toBe(1);
      expect(inbox.ok && (await everything(holder.self, inbox.value))).toEqual(["hello"]);
      holder.process.kill();
      expect(group.size).toBe(0);
    }));

  test("sends to who was a member at the moment of the call, whoever comes and goes meanwhile", () =>
    inProcess((self) => {
      const group = newGroup<string>();
      const late = self.newSubject<string>();
      const heard: string[] = [];
      const last = spy(self, () => heard.push("last"));
      const first = spy(self, () => {
        heard.push("first");
        group.leave(last);
        group.join(late);
      });
      group.join(first);
      group.join(last);
      expect(group.broadcast("hello")).toBe(2);
      expect(heard).toEqual(["first", "last"]);
      expect(group.members()).toEqual([first, late]);
    }));

  test("gives a list of members that stays as it is", () =>
    inProcess((self) => {
      const group = newGroup<string>();
      const subject = self.newSubject<string>();
      group.join(subject);
      const members = group.members();
      expect(group.members()).toBe(members);
      group.leave(subject);
      expect(members).toEqual([subject]);
      expect(() => (members as Subject<string>[]).pop()).toThrow(TypeError);
    }));

  test("leaves nothing behind in it or in its members after ten thousand joins and leaves", () =>
    inProcess(async (_self, { runtime }) => {
      const group = newGroup<string>();
      const { process, subject } = await newMember<string>(runtime);
      let watching = 0;
      const onExit = process.onExit.bind(process);
      process.onExit = (...watcher) => {
        const forget = onExit(...watcher);
        watching++;
        return () => {
          watching--;
          forget();
        };
      };
      for (let left = 10_000; left > 0; left--) {
        group.join(subject);
        group.join(subject);
        group.leave(subject);
      }
      expect([group.size, watching]).toEqual([0, 0]);
    }));

  test("is what a list would be, for any joins, leaves, ends and broadcasts", () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
        inProcess(async (_self, { runtime }) => {
          const group = newGroup<number>();
          const people = await Promise.all(Array.from({ length: 4 }, () => newMember<number>(runtime)));
          const model = newModel(people.length);
          for (const [number, { what, who }] of steps.entries()) {
            const person = people[who] as (typeof people)[0];
            const answer = {
              join: () => group.join(person.subject),
              leave: () => group.leave(person.subject),
              end: () => person.process.kill(),
              broadcast: () => group.broadcast(number),
            }[what]();
            expect(answer).toEqual(model[what](who, number));
            expect(group.members().map((member) => people.findIndex(({ subject }) => subject === member))).toEqual(
              model.members(),
            );
          }
          for (const [who, { process, self, subject }] of people.entries()) {
            const heard = process.isAlive ? await everything(self, subject as OwnSubject<number>) : undefined;
            expect(heard).toEqual(model.heard(who));
          }
        }),
      ),
    ));
});

const step = fc.record({ what: fc.constantFrom("join", "leave", "end", "broadcast"), who: fc.nat({ max: 3 }) });

/** A group of people that are numbers, and what each of them has heard as long as it lives. */
function newModel(people: number) {
  let members: number[] = [];
  const heard: (number[] | undefined)[] = Array.from({ length: people }, () => []);
  const without = (who: number): boolean => {
    const before = members.length;
    members = members.filter((member) => member !== who);
    return members.length < before;
  };
  return {
    members: () => members,
    heard: (who: number) => heard[who],
    join(who: number) {
      if (heard[who] === undefined) return false;
      if (!members.includes(who)) members.push(who);
      return true;
    },
    leave: without,
    end(who: number) {
      without(who);
      heard[who] = undefined;
    },
    broadcast(_who: number, number: number) {
      for (const member of members) heard[member]?.push(number);
      return members.length;
    },
  };
}

/** A subject of this process that calls back when it is sent to. */
function spy(self: Self, heard: () => void): Subject<string> {
  const subject = self.newSubject<string>();
  const trySend = subject.trySend.bind(subject);
  return Object.assign(subject, {
    trySend: (message: string) => {
      heard();
      return trySend(message);
    },
  });
}
