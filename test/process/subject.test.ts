import { describe, expect, test } from "@jest/globals";
import { ok, type OwnSubject } from "tankard";
import { inProcess } from "../support/in-process.ts";

describe("send", () => {
  test("puts messages in the mailbox and goes on at once", () =>
    inProcess(async (_self, { runtime }) => {
      const log: string[] = [];
      const receiver = runtime.spawn(async (self, subject: OwnSubject<string>) => {
        for (let left = 2; left > 0; left--) log.push(await self.receiveForever(subject));
      });
      receiver.subject.send("first");
      receiver.subject.send("second");
      log.push("sent both");
      await receiver.exited;
      expect(log).toEqual(["sent both", "first", "second"]);
    }));

  test("never runs the receiver inside the call, also where it waits for this message", () =>
    inProcess(async (_self, { runtime, clock }) => {
      let isReceived = false;
      const receiver = runtime.spawn(async (self, subject: OwnSubject<string>) => {
        await self.receiveForever(subject);
        isReceived = true;
      });
      await clock.advance(0);
      receiver.subject.send("now");
      expect(isReceived).toBe(false);
      await receiver.exited;
      expect(isReceived).toBe(true);
    }));

  test("hands the message over as it is: nothing is copied", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<object>();
      const message = {};
      subject.send(message);
      expect(await self.receiveForever(subject)).toBe(message);
    }));

  test.each([undefined, null, 0, "", false])("sends %p like any other message", (message) =>
    inProcess(async (self) => {
      const subject = self.newSubject<unknown>();
      subject.send(message);
      expect(await self.receive(subject, 0)).toStrictEqual({ ok: true, value: message });
      const waiting = self.receiveForever(subject);
      subject.send(message);
      expect(await waiting).toBe(message);
    }),
  );

  test("reaches the process that made the subject, from anywhere", () =>
    inProcess(async (self, { runtime }) => {
      const subject = self.newSubject<string>();
      runtime.spawn(() => subject.send("from a process"));
      setImmediate(() => subject.send("from Node"));
      expect(await self.receive(subject, 1)).toEqual(ok("from a process"));
      expect(await self.receive(subject, 1)).toEqual(ok("from Node"));
    }));

  test("to a process that has ended throws nothing and is a dead letter", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const gone = runtime.spawn((_gone, _subject: OwnSubject<string>) => undefined);
      await gone.exited;
      gone.subject.send("too late");
      expect(deadLetters).toEqual([{ message: "too late", to: `process ${gone.id}`, why: "Exited" }]);
    }));
});

describe("trySend", () => {
  test("says true for a message that the mailbox took", () =>
    inProcess(async (self, { deadLetters }) => {
      const subject = self.newSubject<string>();
      expect(subject.trySend("hello")).toBe(true);
      expect(await self.receive(subject, 0)).toEqual(ok("hello"));
      expect(deadLetters).toEqual([]);
    }));

  test("says true where a receive waits for the message", () =>
    inProcess(async (self) => {
      const subject = self.newSubject<string>();
      const waiting = self.receiveForever(subject);
      expect(subject.trySend("hello")).toBe(true);
      expect(await waiting).toBe("hello");
    }));

  test("says false for a process that has ended, whose message is a dead letter", () =>
    inProcess(async (_self, { runtime, deadLetters }) => {
      const gone = runtime.spawn((_gone, _subject: OwnSubject<string>) => undefined);
      await gone.exited;
      expect(gone.subject.trySend("too late")).toBe(false);
      expect(deadLetters).toHaveLength(1);
    }));
});

describe("newSubject", () => {
  test("makes an address with messages of its own: either can be read first", () =>
    inProcess(async (self) => {
      const [a, b] = [self.newSubject<string>(), self.newSubject<string>()];
      a.send("to a");
      b.send("to b");
      expect(await self.receive(b, 0)).toEqual(ok("to b"));
      expect(await self.receive(a, 0)).toEqual(ok("to a"));
    }));

  test("is not the subject that the process was started with", () =>
    inProcess(async (_self, { runtime }) => {
      const process = runtime.spawn(async (self, subject: OwnSubject<string>) => {
        self.newSubject<string>().send("elsewhere");
        return await self.receive(subject, 0);
      });
      process.subject.send("here");
      expect(await process.result).toEqual(ok("here"));
    }));

  test("makes something that shows whose it is, and nothing else, as JSON", () =>
    inProcess((self) => {
      expect(JSON.parse(JSON.stringify(self.newSubject()))).toEqual({ type: "Subject", process: self.process.id });
    }));
});
