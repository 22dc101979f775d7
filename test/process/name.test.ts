import { describe, expect, test } from "@jest/globals";
import {
  err,
  named,
  namedSubject,
  newName,
  newSelector,
  ok,
  type OwnSubject,
  selectTrappedExits,
  subjectName,
  subjectOwner,
  unwrap,
} from "tankard";
import { createWorld, inProcess, spawnPuppet, thrownBy } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";

describe("register", () => {
  test("gives the subject that receives what is sent to the name", () =>
    inProcess(async (self) => {
      const name = newName<string>("greeter");
      const inbox = unwrap(self.register(name));
      namedSubject(name).send("Hello, Joe!");
      expect(await self.receive(inbox, 0)).toEqual(ok("Hello, Joe!"));
    }));

  test("says NameTaken while another process holds the name", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("taken");
      unwrap(other.self.register(name));
      expect(self.register(name)).toEqual(err("NameTaken"));
    }));

  test("says NameTaken to the process that holds it", () =>
    inProcess((self) => {
      const name = newName("mine");
      unwrap(self.register(name));
      expect(self.register(name)).toEqual(err("NameTaken"));
    }));

  test("gives one process several names, each with messages of its own", () =>
    inProcess(async (self) => {
      const [a, b] = [newName<string>("a"), newName<string>("b")];
      const [inboxA, inboxB] = [unwrap(self.register(a)), unwrap(self.register(b))];
      namedSubject(a).send("to a");
      namedSubject(b).send("to b");
      expect(await self.receive(inboxB, 0)).toEqual(ok("to b"));
      expect(await self.receive(inboxA, 0)).toEqual(ok("to a"));
    }));

  test("works for the next process once the holder has ended", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("freed");
      unwrap(other.self.register(name));
      other.process.kill();
      expect(self.register(name).ok).toBe(true);
    }));

  test("works already when a link hears of the holder's end", () =>
    inProcess(async (self) => {
      self.trapExits(true);
      const name = newName<string>("restarted");
      const start = () => self.spawn((child) => child.receiveForever(child.newSubject()), { name });
      start().kill();
      await self.receiveForever(selectTrappedExits(newSelector(), () => "ended"));
      expect(start().isAlive).toBe(true);
    }));

  test("works already when an exit listener runs, of whatever role", () =>
    inProcess(async (self, { runtime }) => {
      for (const role of ["resource", "observer"] as const) {
        const { self: holder, process } = await spawnPuppet(runtime);
        const name = newName<string>(role);
        unwrap(holder.register(name));
        let isFree = false;
        process.onExit(() => (isFree = self.register(name).ok), role);
        process.kill();
        expect(isFree).toBe(true);
      }
    }));

  test("lets the same process receive again what was sent before it gave the name back", () =>
    inProcess(async (self) => {
      const name = newName<string>("again");
      const before = unwrap(self.register(name));
      namedSubject(name).send("sent before");
      unwrap(self.unregister(name));
      const after = unwrap(self.register(name));
      namedSubject(name).send("sent after");
      expect(await self.receive(after, 0)).toEqual(ok("sent before"));
      expect(await self.receive(before, 0)).toEqual(ok("sent after"));
    }));

  test("keeps apart two names with the same text", () =>
    inProcess(async (self) => {
      const [one, other] = [newName<string>("twin"), newName<string>("twin")];
      const inbox = unwrap(self.register(one));
      expect(self.register(other).ok).toBe(true);
      namedSubject(other).send("to the other");
      expect(await self.receive(inbox, 0)).toEqual(err("Timeout"));
    }));
});

describe("unregister", () => {
  test("takes a name of any type", () =>
    inProcess((self) => {
      const name = newName<string>("typed");
      unwrap(self.register(name));
      expect(self.unregister(name)).toEqual(ok());
    }));

  test("frees the name", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("given back");
      unwrap(self.register(name));
      expect(self.unregister(name)).toEqual(ok());
      expect(other.self.register(name).ok).toBe(true);
    }));

  test("says NotRegistered for a name that the process does not hold", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("somebody's");
      expect(self.unregister(name)).toEqual(err("NotRegistered"));
      unwrap(other.self.register(name));
      expect(self.unregister(name)).toEqual(err("NotRegistered"));
      expect(namedSubject(name).trySend("still there")).toBe(true);
    }));

  test("leaves the name to its new holder when the old one ends", () =>
    inProcess(async (self, { runtime }) => {
      const old = await spawnPuppet(runtime);
      const name = newName<string>("handed on");
      unwrap(old.self.register(name));
      unwrap(old.self.unregister(name));
      const inbox = unwrap(self.register(name));
      old.process.kill();
      namedSubject(name).send("hello");
      expect(await self.receive(inbox, 0)).toEqual(ok("hello"));
    }));
});

describe("namedSubject", () => {
  test("reaches whoever holds the name when the message is sent", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("moves");
      const address = namedSubject(name);
      const received = [];
      for (const who of ["first", "second"]) {
        const holder = runtime.spawn((self, inbox: OwnSubject<string>) => self.receiveForever(inbox), { name });
        address.send(`to the ${who}`);
        received.push(await holder.result);
      }
      expect(received).toEqual(["to the first", "to the second"]);
    }));

  test("made twice is the same address", () =>
    inProcess(async (self) => {
      const name = newName<string>("one");
      const inbox = unwrap(self.register(name));
      namedSubject(name).send("a");
      namedSubject(name).send("b");
      expect([await self.receiveForever(inbox), await self.receiveForever(inbox)]).toEqual(["a", "b"]);
    }));

  test("keeps a message where it was when the name moves on", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("leaves its queue behind");
      const mine = unwrap(self.register(name));
      namedSubject(name).send("mine");
      unwrap(self.unregister(name));
      const theirs = unwrap(other.self.register(name));
      namedSubject(name).send("theirs");
      expect(await self.receive(mine, 0)).toEqual(ok("mine"));
      expect(await other.self.receive(theirs, 0)).toEqual(ok("theirs"));
    }));

  test("throws on send where nobody has registered the name, and says which", async () => {
    const address = namedSubject(newName<string>("nobody"));
    expect(await thrownBy(() => address.send("x"))).toEqual(
      new Error('Cannot send to a name that nobody has registered: "nobody"'),
    );
  });

  test("throws on send once its holder has ended", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("gone");
      const holder = runtime.spawn(() => undefined, { name });
      namedSubject(name).send("in time");
      await holder.exited;
      expect(() => namedSubject(name).send("too late")).toThrow('"gone"');
    }));

  test("says false on trySend where nobody has registered the name", () => {
    expect(namedSubject(newName<string>("nobody")).trySend("x")).toBe(false);
  });

  test("never matches in a selector of a process that does not hold the name", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const name = newName<string>("theirs");
      const theirs = unwrap(other.self.register(name));
      namedSubject(name).send("theirs");
      expect(await self.receive(newSelector().select(theirs), 0)).toEqual(err("Timeout"));
      expect(await other.self.receive(newSelector().select(theirs), 0)).toEqual(ok("theirs"));
    }));

  test("shows its name as JSON, and so does the name", () => {
    const name = newName<string>("shown");
    expect(name.text).toBe("shown");
    expect(JSON.parse(JSON.stringify([name, namedSubject(name)]))).toEqual([
      { type: "Name", text: "shown" },
      { type: "Subject", name: "shown" },
    ]);
  });
});

describe("named, subjectOwner and subjectName", () => {
  test("say who holds a name now, whose a subject is, and which name it stands for", () =>
    inProcess(async (self, { runtime }) => {
      const name = newName<string>("service");
      const address = namedSubject(name);
      const own = self.newSubject<string>();
      expect([named(name), subjectOwner(address)]).toEqual([err("NotRegistered"), err("NotRegistered")]);

      const { process, self: holder } = await spawnPuppet(runtime);
      unwrap(holder.register(name));
      expect(unwrap(named(name))).toBe(process);
      expect(unwrap(subjectOwner(address))).toBe(process);
      expect(unwrap(subjectOwner(own))).toBe(self.process);
      expect(unwrap(subjectName(address))).toBe(name);
      expect(subjectName(own)).toEqual(err("NotNamed"));
    }));

  test("after the end the name is nobody's, and a subject still its maker's", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("service");
      const { process, self: holder } = await spawnPuppet(runtime);
      unwrap(holder.register(name));
      const own = holder.newSubject<string>();
      process.kill();
      expect(named(name)).toEqual(err("NotRegistered"));
      expect(unwrap(subjectOwner(own))).toBe(process);
    }));
});

describe("SpawnOptions.name", () => {
  test("is held from the start, before the function begins", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("early");
      const process = runtime.spawn((self, inbox: OwnSubject<string>) => self.receive(inbox, 0), { name });
      namedSubject(name).send("before it began");
      expect(await process.result).toEqual(ok("before it began"));
    }));

  test("shares its messages with the process's own subject, in order", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<number>("both");
      const process = runtime.spawn(
        async (self, inbox: OwnSubject<number>) => [await self.receiveForever(inbox), await self.receiveForever(inbox)],
        { name },
      );
      process.subject.send(1);
      namedSubject(name).send(2);
      expect(await process.result).toEqual([1, 2]);
    }));

  test("throws for what is no name, and starts nothing", () =>
    inProcess(async (self) => {
      const spawnAnything = self.spawn.bind(self) as (run: unknown, options: unknown) => unknown;
      let hasStarted = false;
      const run = () => void (hasStarted = true);
      expect(await thrownBy(() => spawnAnything(run, { name: "service" }))).toEqual(
        new TypeError('Expected a name that newName made, received "service"'),
      );
      await turns(1);
      expect(hasStarted).toBe(false);
    }));

  test("throws where another process holds the name, and starts nothing", () =>
    inProcess(async (self, { runtime }) => {
      const name = newName<string>("once");
      runtime.spawn((holder) => holder.receiveForever(holder.newSubject()), { name });
      let isBegun = false;
      const begin = (): boolean => (isBegun = true);
      const error = new Error('Cannot spawn: the name "once" is taken');
      expect(await thrownBy(() => runtime.spawn(begin, { name }))).toEqual(error);
      expect(await thrownBy(() => self.spawn(begin, { name }))).toEqual(error);
      expect(await thrownBy(() => self.spawnUnlinked(begin, { name }))).toEqual(error);
      await turns();
      expect(isBegun).toBe(false);
    }));

  test("is free again when the process has ended, also where its function never began", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("reused");
      runtime.spawn(() => undefined, { name }).kill();
      const returned = runtime.spawn(() => "returned", { name });
      expect(await returned.result).toBe("returned");
      expect(runtime.spawn(() => undefined, { name }).isAlive).toBe(true);
    }));

  test("can be given back and taken again, with the same messages", () =>
    inProcess(async (_self, { runtime }) => {
      const name = newName<string>("given back");
      const process = runtime.spawn(
        async (self, inbox: OwnSubject<string>) => {
          unwrap(self.unregister(name));
          const again = unwrap(self.register(name));
          namedSubject(name).send("after");
          return [await self.receiveForever(inbox), await self.receiveForever(again)];
        },
        { name },
      );
      namedSubject(name).send("before");
      expect(await process.result).toEqual(["before", "after"]);
    }));
});

describe("a name belongs to one holder, in whichever runtime", () => {
  test("a second runtime cannot take it, and reaches its holder by it", () =>
    inProcess(async (self) => {
      const { runtime } = createWorld();
      const name = newName<string>("shared address");
      const inbox = unwrap(self.register(name));
      expect(() => runtime.spawn(() => undefined, { name })).toThrow(
        'Cannot spawn: the name "shared address" is taken',
      );
      runtime.spawn(() => namedSubject(name).send("from the other runtime"));
      expect(await self.receiveForever(inbox)).toBe("from the other runtime");
    }));
});
