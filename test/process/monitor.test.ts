import { describe, expect, test } from "@jest/globals";
import {
  Abnormal,
  deselectSpecificMonitor,
  err,
  type ExitReason,
  Killed,
  newSelector,
  Normal,
  ok,
  ownerFromCallback,
  type Process,
  type Self,
  selectMonitors,
  selectSpecificMonitor,
} from "tankard";
import { createWorld, inProcess, spawnIdle, spawnPuppet } from "../support/in-process.ts";

const spawnLinked = (self: Self): Process => self.spawn((linked) => linked.receiveForever(linked.newSubject()));

const downs = selectMonitors(newSelector(), (down) => down);

describe("monitor", () => {
  test.each<ExitReason>([Normal, Killed, Abnormal("why")])(
    "brings one ProcessDown when the process ends %j, and the watcher lives on",
    (reason) =>
      inProcess(async (self, { runtime }) => {
        const other = await spawnPuppet(runtime);
        const monitor = self.monitor(other.process);
        expect(await self.receive(downs, 0)).toEqual(err("Timeout"));
        other.self.exit(reason);
        expect(await self.receive(downs, 0)).toEqual(
          ok({ type: "ProcessDown", monitor, owner: other.process, reason }),
        );
        expect(self.flushMessages()).toBe(0);
      }),
  );

  test("brings ProcessDown with noproc at once for a process that has ended", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      process.kill();
      const monitor = self.monitor(process);
      expect(await self.receive(downs, 0)).toEqual(
        ok({ type: "ProcessDown", monitor, owner: process, reason: Abnormal("noproc") }),
      );
    }));

  test("twice brings two messages, each with its monitor", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      const monitors = [self.monitor(process), self.monitor(process)];
      process.kill();
      const [first, second] = [await self.receiveForever(downs), await self.receiveForever(downs)];
      expect([first.monitor, second.monitor]).toEqual(monitors);
      expect(first.monitor).toBe(monitors[0]);
      expect(monitors[0]?.id).not.toBe(monitors[1]?.id);
    }));

  test("wakes a receive that waits for it", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      self.monitor(process);
      const waiting = self.receiveForever(downs);
      process.kill();
      expect(await waiting).toMatchObject({ owner: process, reason: Killed });
    }));

  test("comes after what the process sent before it ended", () =>
    inProcess(async (self, { runtime }) => {
      const subject = self.newSubject<string>();
      self.monitor(runtime.spawn(() => subject.send("sent before")));
      const both = selectMonitors(newSelector().select(subject), () => "down");
      expect([await self.receiveForever(both), await self.receiveForever(both)]).toEqual(["sent before", "down"]);
    }));

  test("does not harm the monitored process when the watcher ends", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const watcher = await spawnPuppet(runtime);
      const process = spawnIdle(runtime);
      watcher.self.monitor(process);
      watcher.process.sendAbnormalExit("watcher");
      expect(process.isAlive).toBe(true);
      process.kill();
      expect(deadLetters).toEqual([]);
    }));

  test("takes a self for its process", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      self.monitor(other.self);
      other.process.kill();
      expect((await self.receiveForever(downs)).owner).toBe(other.process);
    }));

  test("watches any owner", () =>
    inProcess(async (self, { runtime }) => {
      const owner = ownerFromCallback(() => undefined, runtime);
      self.monitor(owner);
      owner.exit();
      expect(await self.receiveForever(downs)).toMatchObject({ reason: Normal });
      self.monitor(owner);
      expect(await self.receiveForever(downs)).toMatchObject({ reason: Abnormal("noproc") });
    }));

  test("watches a process of another runtime", () =>
    inProcess(async (self) => {
      const process = spawnIdle(createWorld().runtime);
      self.monitor(process);
      process.kill();
      expect(await self.receive(downs, 0)).toMatchObject({ value: { owner: process } });
    }));
});

describe("the order of ProcessDown", () => {
  test("where links take others down is that in which the end goes through the links", () =>
    inProcess(async (self, { runtime }) => {
      const first = await spawnPuppet(runtime);
      const linked = [spawnLinked(first.self), spawnLinked(first.self)];
      for (const process of [...linked, first.process]) self.monitor(process);
      first.process.kill();
      const owners = [];
      for (let count = 0; count < 3; count++) owners.push((await self.receiveForever(downs)).owner);
      expect(owners).toEqual([first.process, ...linked]);
    }));
});

describe("demonitor", () => {
  test("before the end keeps ProcessDown from coming", () =>
    inProcess((self, { runtime }) => {
      const process = spawnIdle(runtime);
      self.demonitor(self.monitor(process));
      process.kill();
      expect(self.flushMessages()).toBe(0);
    }));

  test("after the end takes the ProcessDown out of the mailbox, and no other", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      const [dropped, kept] = [self.monitor(process), self.monitor(process)];
      process.kill();
      self.demonitor(dropped);
      expect(await self.receive(downs, 0)).toMatchObject({ value: { monitor: kept } });
      expect(self.flushMessages()).toBe(0);
    }));

  test("after ProcessDown was received does nothing", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      const monitor = self.monitor(process);
      process.kill();
      await self.receiveForever(downs);
      self.demonitor(monitor);
      self.demonitor(monitor);
      expect(self.flushMessages()).toBe(0);
    }));

  test("by another process has no effect", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const process = spawnIdle(runtime);
      const monitor = self.monitor(process);
      other.self.demonitor(monitor);
      process.kill();
      other.self.demonitor(monitor);
      expect(await self.receive(downs, 0)).toMatchObject({ value: { monitor } });
    }));
});

describe("selectMonitors", () => {
  test("takes every ProcessDown, oldest first", () =>
    inProcess(async (self, { runtime }) => {
      const [one, other] = [spawnIdle(runtime), spawnIdle(runtime)];
      self.monitor(one);
      self.monitor(other);
      other.kill();
      one.kill();
      expect((await self.receiveForever(downs)).owner).toBe(other);
      expect((await self.receiveForever(downs)).owner).toBe(one);
    }));

  test("leaves other messages", () =>
    inProcess(async (self) => {
      self.process.tell({ type: "ProcessDown" });
      self.trapExits(true);
      self.process.sendExit();
      expect(await self.receive(downs, 0)).toEqual(err("Timeout"));
    }));
});

describe("selectSpecificMonitor", () => {
  test("takes the ProcessDown of its monitor alone", () =>
    inProcess(async (self, { runtime }) => {
      const [one, other] = [spawnIdle(runtime), spawnIdle(runtime)];
      self.monitor(one);
      const monitor = self.monitor(other);
      one.kill();
      const specific = selectSpecificMonitor(newSelector(), monitor, (down) => down.owner);
      expect(await self.receive(specific, 0)).toEqual(err("Timeout"));
      const waiting = self.receiveForever(specific);
      other.kill();
      expect(await waiting).toBe(other);
      expect(await self.receive(downs, 0)).toMatchObject({ value: { owner: one } });
    }));

  test.each(["before", "after"])("beats a selectMonitors that was added %s it", (when) =>
    inProcess(async (self, { runtime }) => {
      const [one, other] = [spawnIdle(runtime), spawnIdle(runtime)];
      self.monitor(one);
      const monitor = self.monitor(other);
      const selector =
        when === "before"
          ? selectSpecificMonitor(
              selectMonitors(newSelector(), () => "any"),
              monitor,
              () => "its own",
            )
          : selectMonitors(
              selectSpecificMonitor(newSelector(), monitor, () => "its own"),
              () => "any",
            );
      other.kill();
      one.kill();
      expect([await self.receiveForever(selector), await self.receiveForever(selector)]).toEqual(["its own", "any"]);
    }),
  );

  test("never takes anything for a monitor of another process", () =>
    inProcess(async (self, { runtime }) => {
      const other = await spawnPuppet(runtime);
      const process = spawnIdle(runtime);
      const foreign = other.self.monitor(process);
      self.monitor(process);
      process.kill();
      const selector = selectSpecificMonitor(newSelector(), foreign, () => "taken");
      expect(await self.receive(selector, 0)).toEqual(err("Timeout"));
    }));
});

describe("deselectSpecificMonitor", () => {
  test("no longer waits for that one, and leaves its ProcessDown in the mailbox", () =>
    inProcess(async (self, { runtime }) => {
      const [one, other] = [spawnIdle(runtime), spawnIdle(runtime)];
      const [deselected, kept] = [self.monitor(one), self.monitor(other)];
      const both = selectSpecificMonitor(
        selectSpecificMonitor(newSelector(), deselected, (down) => down.owner),
        kept,
        (down) => down.owner,
      );
      const selector = deselectSpecificMonitor(both, deselected);
      one.kill();
      other.kill();
      expect(await self.receive(selector, 0)).toEqual(ok(other));
      expect(await self.receive(selector, 0)).toEqual(err("Timeout"));
      expect(await self.receive(both, 0)).toEqual(ok(one));
    }));

  test("does not touch selectMonitors, nor a selector that does not have it", () =>
    inProcess(async (self, { runtime }) => {
      const process = spawnIdle(runtime);
      const monitor = self.monitor(process);
      process.kill();
      expect(await self.receive(deselectSpecificMonitor(downs, monitor), 0)).toMatchObject({ value: { monitor } });
    }));
});
