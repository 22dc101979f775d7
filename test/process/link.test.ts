import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  err,
  type ExitReason,
  Killed,
  newSelector,
  Normal,
  ok,
  type Owner,
  ownerFromCallback,
  selectTrappedExits,
  type Self,
} from "tankard";
import { createWorld, inProcess, type Puppet, spawnIdle, spawnPuppet } from "../support/in-process.ts";
import { turns } from "../support/turns.ts";

const reasons: readonly ExitReason[] = [Normal, Killed, Abnormal("why")];
const exits = selectTrappedExits(newSelector(), (exit) => exit);

describe("link", () => {
  test.each(reasons.flatMap((reason) => ["itself", "the other"].map((who) => ({ type: reason.type, reason, who }))))(
    "ties both lives: whoever ends $type ends the other too, unless that is Normal (linked by $who)",
    ({ reason, who }) =>
      inProcess(async (_self, { runtime }) => {
        const [one, other] = [await spawnPuppet(runtime), await spawnPuppet(runtime)];
        expect(who === "itself" ? one.self.link(other.process) : other.self.link(one.process)).toBe(true);
        one.self.exit(reason);
        expect(other.process.isAlive).toBe(reason === Normal);
        if (reason === Normal) other.self.exit(reason);
        expect(await other.process.exited).toEqual(reason);
      }),
  );

  test.each(reasons)("tells a process that traps exits of an end that is %j, and it lives on", (reason) =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const other = await spawnPuppet(runtime);
      self.link(other.process);
      other.self.exit(reason);
      expect(await self.receive(exits, 0)).toEqual(ok({ type: "ExitMessage", owner: other.process, reason }));
    }),
  );

  test("wakes a receive that waits for trapped exits", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const process = spawnIdle(runtime);
      self.link(process);
      const waiting = self.receiveForever(exits);
      process.kill();
      expect(await waiting).toEqual({ type: "ExitMessage", owner: process, reason: Killed });
    }));

  test("carries a reason through a chain, to the first that traps exits", () =>
    inProcess(async (_self, { runtime }) => {
      const chain: Puppet[] = [];
      for (let left = 5; left > 0; left--) {
        const next = await spawnPuppet(runtime);
        const last = chain.at(-1);
        if (last !== undefined) next.self.link(last.process);
        chain.push(next);
      }
      chain[3]?.self.trapExits(true);
      chain[0]?.process.kill();
      expect(chain.map(({ process }) => process.isAlive)).toEqual([false, false, false, true, true]);
      expect(await chain[2]?.process.exited).toEqual(Killed);
      expect(await chain[3]?.self.receive(exits, 0)).toMatchObject({
        value: { owner: chain[2]?.process, reason: Killed },
      });
    }));

  test("twice is one link", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const other = await spawnPuppet(runtime);
      expect([self.link(other.process), self.link(other.process), other.self.link(self)]).toEqual([true, true, true]);
      other.process.kill();
      expect(self.flushMessages()).toBe(1);
    }));

  test("to oneself is true and does nothing", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      expect([self.link(process), self.link(self)]).toEqual([true, true]);
      self.trapExits(true);
      self.exit(Killed);
      expect(await process.exited).toEqual(Killed);
    }));

  test("to a process that has ended is false", () =>
    inProcess((self, { runtime }) => {
      const process = spawnIdle(runtime);
      process.kill();
      expect(self.link(process)).toBe(false);
      expect(self.flushMessages()).toBe(0);
    }));

  test("to a process that has ended is true and an ExitMessage with noproc, for a process that traps exits", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const process = spawnIdle(runtime);
      process.kill();
      expect(self.link(process)).toBe(true);
      expect(await self.receive(exits, 0)).toEqual(
        ok({ type: "ExitMessage", owner: process, reason: Abnormal("noproc") }),
      );
    }));

  test("ends a process that has not begun", () =>
    inProcess(async (_self, { runtime }) => {
      const { self } = await spawnPuppet(runtime);
      let isBegun = false;
      const other = runtime.spawn(() => (isBegun = true));
      self.link(other);
      self.exit(Killed);
      await other.settled;
      expect(isBegun).toBe(false);
    }));

  test("goes from one runtime to another", async () => {
    const [one, other] = [await spawnPuppet(createWorld().runtime), await spawnPuppet(createWorld().runtime)];
    one.self.link(other.process);
    one.process.kill();
    expect(await other.process.exited).toEqual(Killed);
  });
});

describe("unlink", () => {
  test.each(["the one that linked", "the other"])("unties both lives, called by %s", (who) =>
    inProcess(async (_self, { runtime }) => {
      const [one, other] = [await spawnPuppet(runtime), await spawnPuppet(runtime)];
      one.self.link(other.process);
      if (who === "the other") other.self.unlink(one.process);
      else one.self.unlink(other.process);
      one.process.kill();
      expect(other.process.isAlive).toBe(true);
    }),
  );

  test("does not take back an ExitMessage that is in the mailbox", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const process = spawnIdle(runtime);
      self.link(process);
      process.kill();
      self.unlink(process);
      expect(await self.receive(exits, 0)).toMatchObject({ ok: true });
    }));

  test("of somebody who is not linked does nothing", () =>
    inProcess((self, { runtime }) => {
      const process = spawnIdle(runtime);
      self.unlink(process);
      self.unlink(self.process);
      process.kill();
      expect(self.process.isAlive).toBe(true);
    }));

  test("leaves a monitor of the same process", () =>
    inProcess((self, { runtime }) => {
      const process = spawnIdle(runtime);
      self.link(process);
      self.monitor(process);
      self.unlink(process);
      process.kill();
      expect(self.flushMessages()).toBe(1);
    }));
});

describe("self.spawn", () => {
  test("starts a process that is linked: its crash ends the parent with the same reason", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      parent.self.spawn(() => Promise.reject(new Error("child")));
      expect(await parent.process.exited).toEqual(Abnormal(new Error("child")));
    }));

  test("starts a process that ends when its parent crashes", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      const child = parent.self.spawn((self) => self.receiveForever(self.newSubject()));
      parent.process.sendAbnormalExit("parent");
      expect(await child.exited).toEqual(Abnormal("parent"));
    }));

  test("starts a process that lives on when its parent returns, and the other way round", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      await parent.self.spawn(() => "returns").settled;
      expect(parent.process.isAlive).toBe(true);
      const child = parent.self.spawn((self) => self.receiveForever(self.newSubject()));
      parent.self.exit(Normal);
      await turns(1);
      expect(child.isAlive).toBe(true);
    }));
});

describe("a chain of links", () => {
  test.each(["kill", "crash"] as const)("of ten thousand processes ends at a %s of the first, all of it", (how) =>
    inProcess(async (_self, { runtime, crashes }) => {
      const ended: string[] = [];
      const first = await spawnPuppet(runtime);
      let last = first.self;
      const processes = [first.process];
      for (let count = 1; count < 10_000; count++) {
        const next = await new Promise<Self>((started) => {
          last.spawn((self) => {
            started(self);
            return self.receiveForever(self.newSubject());
          });
        });
        processes.push(next.process);
        last = next;
      }
      first.process.onExit(() => ended.push("first"));
      last.onExit(() => ended.push("last"));
      if (how === "kill") first.process.kill();
      else first.process.sendAbnormalExit("why");
      expect(processes.filter(({ isAlive }) => isAlive)).toEqual([]);
      expect(ended).toEqual(["first", "last"]);
      expect(crashes).toEqual(how === "kill" ? [] : [{ process: first.process, reason: "why", handled: true }]);
    }),
  );
});

describe("self.spawnUnlinked", () => {
  test("starts a process that may crash without its parent, and the parent without it", () =>
    inProcess(async (_self, { runtime }) => {
      const parent = await spawnPuppet(runtime);
      await parent.self.spawnUnlinked(() => Promise.reject(new Error("child"))).settled;
      expect(parent.process.isAlive).toBe(true);
      const child = parent.self.spawnUnlinked((self) => self.receiveForever(self.newSubject()));
      parent.process.kill();
      await turns(1);
      expect(child.isAlive).toBe(true);
    }));
});

describe("trapExits", () => {
  test("off again lets the next exit end the process", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      const [first, second] = [spawnIdle(runtime), spawnIdle(runtime)];
      self.link(first);
      self.link(second);
      self.trapExits(true);
      first.sendAbnormalExit("first");
      expect(process.isAlive).toBe(true);
      self.trapExits(false);
      second.sendAbnormalExit("second");
      expect(await process.exited).toEqual(Abnormal("second"));
    }));

  test("is off at first", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      self.spawn(() => undefined);
      await turns(1);
      expect(self.flushMessages()).toBe(0);
      expect(process.isAlive).toBe(true);
    }));

  test("keeps messages that were trapped already in the mailbox, in order", () =>
    inProcess(async (self) => {
      self.trapExits(true);
      for (const why of ["a", "b", "c"]) self.process.sendAbnormalExit(why);
      self.trapExits(false);
      const taken = [];
      for (let left = 3; left > 0; left--) taken.push(await self.receiveForever(exits));
      expect(taken.map(({ reason }) => reason)).toEqual(["a", "b", "c"].map(Abnormal));
      expect(await self.receive(exits, 0)).toEqual(err("Timeout"));
    }));
});

describe("a link to an owner that is no process", () => {
  test.each(reasons)("ends the process with it where its end is %j", (reason) =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      const owner = ownerFromCallback(() => undefined, runtime);
      expect(self.link(owner)).toBe(true);
      owner.exit(reason);
      expect(process.isAlive).toBe(reason === Normal);
    }),
  );

  test.each(reasons)("ends it with the process where that ends %j", (reason) =>
    inProcess(async (_self, { runtime }) => {
      const { self } = await spawnPuppet(runtime);
      const owner = ownerFromCallback(() => undefined, runtime);
      const heard: ExitReason[] = [];
      owner.onExit((why) => heard.push(why));
      self.link(owner);
      self.exit(reason);
      expect(heard).toEqual(reason === Normal ? [] : [reason]);
    }),
  );

  test("comes as an ExitMessage for a process that traps exits", () =>
    inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const owner = ownerFromCallback(() => undefined, runtime);
      self.link(owner);
      owner.exit(Killed);
      expect(await self.receive(exits, 0)).toMatchObject(ok({ type: "ExitMessage", reason: Killed }));
      expect(self.link(owner)).toBe(true);
      expect(await self.receive(exits, 0)).toMatchObject(ok({ type: "ExitMessage", reason: Abnormal("noproc") }));
    }));

  test("is taken away by unlink on both sides", () =>
    inProcess(async (_self, { runtime }) => {
      const { self, process } = await spawnPuppet(runtime);
      const owner = ownerFromCallback(() => undefined, runtime);
      self.link(owner);
      self.unlink(owner);
      owner.exit(Killed);
      expect(process.isAlive).toBe(true);
    }));

  test("works one way where the owner cannot be asked to end", () =>
    inProcess(async (_self, { runtime, crashes }) => {
      const { self, process } = await spawnPuppet(runtime);
      const listeners = new Set<(reason: ExitReason) => void>();
      const owner: Owner = {
        deliver: () => undefined,
        onExit: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      self.link(owner);
      expect(listeners.size).toBe(1);
      process.sendAbnormalExit("unheard");
      expect(listeners.size).toBe(0);
      expect(crashes).toMatchObject([{ handled: false }]);
    }));
});
