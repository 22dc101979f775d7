import { describe, expect, test } from "@jest/globals";
import { Activity } from "../../src/process/activity.ts";
import { runProgram } from "../support/run-program.ts";

describe("Activity", () => {
  test("is none at first, and after as many ends as beginnings", () => {
    const activity = new Activity();
    expect(activity.isNone).toBe(true);
    activity.begin();
    activity.hold();
    expect(activity.isNone).toBe(false);
    activity.release();
    expect(activity.isNone).toBe(false);
    activity.end();
    expect(activity.isNone).toBe(true);
  });

  test("calls back once nothing can happen any more; at once where that is so", () => {
    const activity = new Activity();
    const log: string[] = [];
    activity.whenNone(() => log.push("at once"));
    activity.begin();
    activity.begin();
    activity.whenNone(() => log.push("later"));
    activity.whenNone(() => log.push("later too"));
    activity.end();
    expect(log).toEqual(["at once"]);
    activity.end();
    activity.begin();
    activity.end();
    expect(log).toEqual(["at once", "later", "later too"]);
  });

  // In a program of its own: Jest's timers come and go.
  test("keeps the program running while it is held, by one timer for all who hold", async () => {
    const { stdout, stderr } = await runProgram(`
      import { Activity } from "./src/process/activity.ts";
      const counts = [];
      const look = () => counts.push(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length);
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      const activity = new Activity();
      activity.begin();
      look();
      activity.hold();
      activity.hold();
      look();
      activity.release();
      await turn();
      look();
      activity.release();
      activity.hold();
      await turn();
      look();
      activity.release();
      await new Promise((resolve) => setTimeout(resolve, 50)); // Node is told after 10 ms
      look();
      console.log(counts.join());
    `);
    expect({ stdout, stderr }).toEqual({ stdout: "0,1,1,1,0\n", stderr: "" });
  });
});

// Whether Node ends a program only Node can say: each of these is a program of its own.
describe("a program", () => {
  const imports = `
    import { call, createRuntime, namedSubject, newName, spawn } from "tankard";
    import { createSimulatedClock } from "tankard/testing";
    process.on("exit", () => console.log("done"));
  `;

  test("ends by itself where processes only wait for messages, and no timer, deadline or sleep is left", async () => {
    const source = `
      // One that never had a time to wait for, and two whose time was not needed.
      const idle = spawn((self) => self.receiveForever(self.newSubject()));
      spawn((self) => self.receive(self.newSubject(), Infinity));
      spawn((self) => self.sleep(Infinity));
      spawn((self) => {
        self.sendAfter(self.newSubject(), Infinity, "never");
        return self.receiveForever(self.newSubject());
      });
      const early = spawn(async (self, subject) => {
        await self.receive(subject, 60_000);
        await self.receiveForever(subject);
      });
      setImmediate(() => early.subject.send("early"));

      // A timer whose receiver has ended, and one that was cancelled.
      spawn((self) => { self.sendAfter(self.newSubject(), 60_000, "x"); });
      spawn(async (self) => {
        self.cancelTimer(self.sendEvery(self.newSubject(), 60_000, "x"));
        await self.receiveForever(self.newSubject());
      });

      // Waits that were cut short.
      const cut = [
        spawn((self) => self.sleep(60_000)),
        spawn((self) => self.receive(self.newSubject(), 60_000)),
        spawn((self) => self.call(idle.subject, 60_000, () => 0)),
      ];
      const runtime = createRuntime();
      runtime.spawn((self) => self.sleep(60_000));
      setTimeout(() => {
        for (const process of cut) process.kill();
        runtime.stop();
      }, 1);

      // Calls that are over.
      const callee = spawn(async (self, requests) => {
        (await self.receiveForever(requests)).send("answer");
        await self.receiveForever(self.newSubject());
      });
      await call(callee.subject, 60_000, (reply) => reply);
      await call(callee.subject, 1, (reply) => reply);

      // Simulated time, which does not pass by itself.
      const simulated = createRuntime({ clock: createSimulatedClock() });
      simulated.spawn((self) => self.sleep(60_000));
      simulated.spawn((self) => self.receive(self.newSubject(), 60_000));
    `;
    expect(await runProgram(imports + source)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
  });

  // A tenth of a second of real time each: that Node waits so long is what is tested.
  test.each([
    [
      "a pending sendAfter",
      `spawn(async (self, subject) => {
        self.sendAfter(subject, 100, "fired");
        console.log(await self.receiveForever(subject));
      });`,
    ],
    [
      "a receive with a time",
      `spawn(async (self, subject) => console.log((await self.receive(subject, 100)).error === "Timeout" && "fired"));`,
    ],
    ["a sleep", `spawn(async (self) => { await self.sleep(100); console.log("fired"); });`],
    [
      "a call",
      `const idle = spawn((self) => self.receiveForever(self.newSubject()));
      const answer = call(idle.subject, 100, () => 0);
      answer.then(({ error }) => console.log(error.type === "CallTimeout" && "fired"));`,
    ],
    [
      "a sendEvery, beat after beat",
      `spawn(async (self, subject) => {
        const timer = self.sendEvery(subject, 30, "beat");
        for (let left = 3; left > 0; left--) await self.receiveForever(subject);
        self.cancelTimer(timer);
        console.log("fired");
      });`,
    ],
    [
      "a timer to a name",
      `const name = newName("late");
      spawn(async (self, subject) => console.log(await self.receiveForever(subject)), { name });
      spawn((self) => { self.sendAfter(namedSubject(name), 100, "fired"); });`,
    ],
  ])("stays for %s", async (_what, source) => {
    expect(await runProgram(imports + source)).toEqual({ code: 0, stdout: "fired\ndone\n", stderr: "" });
  });
});
