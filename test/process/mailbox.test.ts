import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type ExitMessage,
  newSelector,
  type OwnSubject,
  type Process,
  type ProcessDown,
  type Result,
  type Selector,
  selectMonitors,
  selectRecord,
  selectSpecificMonitor,
  selectTrappedExits,
} from "tankard";
import { KeyedSource, Mailbox } from "../../src/process/mailbox.ts";
import type { Lane, SubjectKey } from "../../src/process/selector.ts";
import { withEntry } from "../../src/process/selector.ts";
import { inProcess, spawnIdle } from "../support/in-process.ts";
import { runProgram } from "../support/run-program.ts";

describe("Mailbox", () => {
  test("gives the oldest message that a selector asks for, with its mapper, and takes it out", () => {
    const { mailbox, a, b } = mailboxWithSubjects();
    mailbox.append("subject", a, "a1");
    mailbox.append("subject", b, "b1");
    mailbox.append("subject", a, "a2");
    const both = forSubject(forSubject(newSelector(), a, "A"), b, "B");
    expect(takeAllOf(mailbox, both)).toEqual(["A a1", "B b1", "A a2"]);
    expect(mailbox.count).toBe(0);
  });

  test("gives nothing where nothing is asked for", () => {
    const { mailbox, a, b } = mailboxWithSubjects();
    expect(mailbox.take(forSubject(newSelector(), a, "A"))).toBeUndefined();
    mailbox.append("subject", a, "a1");
    expect(mailbox.take(newSelector())).toBeUndefined();
    expect(mailbox.take(forSubject(newSelector(), b, "B"))).toBeUndefined();
    expect(mailbox.count).toBe(1);
  });

  test("does not look into the messages of a subject of another mailbox", () => {
    const { mailbox } = mailboxWithSubjects();
    const other = mailboxWithSubjects();
    other.mailbox.append("subject", other.a, "theirs");
    mailbox.append("raw", undefined, "mine");
    expect(mailbox.take(forSubject(newSelector(), other.a, "A"))).toBeUndefined();
    expect(other.mailbox.count).toBe(1);
  });

  test("drops the newest message of one socket, where it is not wanted, and leaves all others in order", () => {
    const mailbox = new Mailbox();
    const [one, other] = [{}, {}];
    for (const [socket, message] of [
      [one, "one 1"],
      [other, "other end"],
      [one, "one 2"],
      [one, "one end"],
    ] as const) {
      mailbox.append("socket", socket, message);
    }
    const isEnd = (message: unknown): boolean => String(message).endsWith("end");
    mailbox.dropNewest({}, isEnd);
    mailbox.dropNewest(one, isEnd);
    mailbox.dropNewest(one, isEnd); // "one 2" is wanted
    mailbox.dropNewest(other, isEnd);
    mailbox.append("socket", one, "one 3");
    expect(mailbox.takeAll(one)).toEqual(["one 1", "one 2", "one 3"]);
    expect([mailbox.takeAll(other), mailbox.count]).toEqual([[], 0]);
  });

  test("finds the messages of one socket, of all sockets and of everybody in the same order", () => {
    const mailbox = new Mailbox();
    const [one, other] = [{}, {}];
    const fill = (): void => {
      mailbox.append("socket", one, "one 1");
      mailbox.append("monitor", {}, "down");
      mailbox.append("socket", other, "other 1");
      mailbox.append("raw", undefined, ["record"]);
      mailbox.append("socket", one, "one 2");
    };
    fill();
    expect(takeAllOf(mailbox, labelled("source", other, "other"))).toEqual(["other other 1"]);
    expect(takeAllOf(mailbox, labelled("lane", "socket", "any"))).toEqual(["any one 1", "any one 2"]);
    expect(takeAllOf(mailbox, labelled("other", undefined, "else"))).toEqual(["else down", "else record"]);
    fill();
    const all = withEntry(labelled("lane", "socket", "any"), "source", one, (message) => `one ${String(message)}`);
    expect(takeAllOf(mailbox, all)).toEqual(["one one 1", "any other 1", "one one 2"]);
  });

  test("takes all messages of one socket for hand-over, and leaves the others in order", () => {
    const mailbox = new Mailbox();
    const [handed, kept] = [{}, {}];
    mailbox.append("socket", handed, "h1");
    mailbox.append("socket", kept, "k1");
    mailbox.append("raw", undefined, "raw");
    mailbox.append("socket", handed, "h2");
    expect(mailbox.takeAll(handed)).toEqual(["h1", "h2"]);
    expect(mailbox.takeAll(handed)).toEqual([]);
    expect(mailbox.takeAll({})).toEqual([]);
    mailbox.append("socket", handed, "h3");
    expect(takeAllOf(mailbox, labelled("other", undefined, ""))).toEqual([" k1", " raw", " h3"]);
  });

  test("takes what a socket says of being passive along, in its place", () => {
    const mailbox = new Mailbox();
    const [handed, kept] = [{}, {}];
    for (const [lane, socket, message] of [
      ["passive", handed, "p1"],
      ["socket", handed, "h1"],
      ["passive", kept, "k1"],
      ["socket", handed, "h2"],
      ["passive", handed, "p2"],
      ["passive", handed, "p3"],
    ] as const) {
      mailbox.append(lane, socket, message);
    }
    expect(mailbox.takeAll(handed)).toEqual(["p1", "h1", "h2", "p2", "p3"]);
    expect(mailbox.takeAll(handed)).toEqual([]);
    mailbox.append("passive", handed, "p4");
    expect(mailbox.takeAll(handed)).toEqual(["p4"]);
    expect(takeAllOf(mailbox, labelled("other", undefined, ""))).toEqual([" k1"]);
  });

  test("counts what is in it", () => {
    const { mailbox, a } = mailboxWithSubjects();
    expect(mailbox.count).toBe(0);
    mailbox.append("subject", a, 1);
    mailbox.append("exit", undefined, 2);
    mailbox.append("raw", undefined, 3);
    expect(mailbox.count).toBe(3);
    mailbox.take(forSubject(newSelector(), a, "A"));
    expect(mailbox.count).toBe(2);
  });

  test("is empty for every selector after it was cleared, and takes messages again", () => {
    const { mailbox, a } = mailboxWithSubjects();
    const socket = {};
    const selector = withEntry(
      withEntry(forSubject(newSelector(), a, "A"), "lane", "socket", String),
      "record",
      { tag: "tag", fields: 1 },
      String,
    );
    const fill = (): void => {
      mailbox.append("subject", a, "x");
      mailbox.append("socket", socket, "y");
      mailbox.append("raw", undefined, ["tag", 1]);
      mailbox.append("raw", undefined, "z");
    };
    fill();
    expect(mailbox.clear()).toBe(4);
    expect(mailbox.clear()).toBe(0);
    expect(takeAllOf(mailbox, selector)).toEqual([]);
    expect(mailbox.takeAll(socket)).toEqual([]);
    fill();
    expect(takeAllOf(mailbox, selector)).toEqual(["A x", "y", "tag,1"]);
  });
});

describe("a selective receive", () => {
  // What each kind of message can be asked for as, from the special to the general.
  const keysOf = {
    "subject 0": ["subject 0", "other"],
    "subject 1": ["subject 1", "other"],
    "subject 2": ["subject 2", "other"],
    untyped: ["other"],
    "a/1": ["a/1", "other"],
    "a/2": ["a/2", "other"],
    "b/1": ["b/1", "other"],
    "exit 0": ["exits", "other"],
    "exit 1": ["exits", "other"],
    "down 0": ["down 0", "downs", "other"],
    "down 1": ["down 1", "downs", "other"],
  } as const;
  type Kind = keyof typeof keysOf;
  type Key = (typeof keysOf)[Kind][number];

  const sent = ["subject 0", "subject 1", "subject 2", "untyped", "a/1", "a/2", "b/1"] as const;
  const keys = ["subject 0", "subject 1", "a/1", "a/2", "exits", "down 0", "downs", "other"] as const;
  const victim = fc.constantFrom(0 as const, 1 as const);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("send" as const), kind: fc.constantFrom(...sent) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), victim }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("demonitor" as const), victim }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("receive" as const),
        entries: fc.array(fc.constantFrom(...keys), { maxLength: 5 }),
      }),
    },
  );
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

  test("gives the same as a list that is searched from its oldest message, whatever is sent and selected", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        expect(await resultsOf(steps)).toEqual(modelOf(steps));
      }),
      { numRuns: 300 },
    );
  });

  /** The mailbox as an array, oldest first. A message is its number, or what ended. */
  function modelOf(steps: readonly Step[]): unknown[] {
    let mailbox: { readonly kind: Kind; readonly message: unknown }[] = [];
    const [alive, monitored] = [new Set([0, 1]), new Set([0, 1])];
    const results = steps.map((step, number): unknown => {
      if (step.do === "send") mailbox.push({ kind: step.kind, message: number });
      if (step.do === "flush") return mailbox.splice(0).length;
      if (step.do === "kill" && alive.delete(step.victim)) {
        const ends = [`exit ${step.victim}`, ...(monitored.has(step.victim) ? [`down ${step.victim}`] : [])] as Kind[];
        mailbox.push(...ends.map((kind) => ({ kind, message: kind })));
      }
      if (step.do === "demonitor") {
        monitored.delete(step.victim);
        mailbox = mailbox.filter(({ kind }) => kind !== `down ${step.victim}`);
      }
      if (step.do !== "receive") return undefined;
      const isAskedFor = (key: Key): boolean => (step.entries as Key[]).includes(key);
      const index = mailbox.findIndex(({ kind }) => keysOf[kind].some(isAskedFor));
      const [found] = index === -1 ? [] : mailbox.splice(index, 1);
      return found && [found.message, (step.entries as unknown[]).lastIndexOf(keysOf[found.kind].find(isAskedFor))];
    });
    return [...results, mailbox.map(({ message }) => message)];
  }

  /** The same with a process. */
  function resultsOf(steps: readonly Step[]): Promise<unknown[]> {
    return inProcess(async (self, { runtime }) => {
      self.trapExits(true);
      const subjects = [0, 1, 2].map(() => self.newSubject<number>()) as [Own, Own, Own];
      const victims = [spawnIdle(runtime), spawnIdle(runtime)] as const;
      for (const process of victims) self.link(process);
      const monitors = [self.monitor(victims[0]), self.monitor(victims[1])] as const;

      const read = (message: unknown): unknown => {
        if (typeof message === "number") return message;
        if (Array.isArray(message)) return message[1] as unknown;
        const { type, owner } = message as ProcessDown | ExitMessage;
        return `${type === "ProcessDown" ? "down" : "exit"} ${victims.indexOf(owner as Process)}`;
      };
      const send = (kind: (typeof sent)[number], number: number): void => {
        if (kind === "untyped") self.process.tell(number);
        else if (kind.startsWith("subject")) subjects[Number(kind.at(-1)) as 0 | 1 | 2].send(number);
        else self.process.tell(kind === "a/2" ? ["a", number, "more"] : [kind[0], number]);
      };
      const add = (selector: Selector<unknown>, key: (typeof keys)[number], index: number): Selector<unknown> => {
        const label = (message: unknown): unknown => [read(message), index];
        if (key === "other") return selector.selectOther(label);
        if (key === "exits") return selectTrappedExits(selector, label);
        if (key === "downs") return selectMonitors(selector, label);
        if (key === "down 0") return selectSpecificMonitor(selector, monitors[0], label);
        if (key === "subject 0" || key === "subject 1") {
          return selector.selectMap(subjects[key === "subject 0" ? 0 : 1], label);
        }
        return selectRecord(selector, "a", key === "a/1" ? 1 : 2, label);
      };

      const results: unknown[] = [];
      for (const [number, step] of steps.entries()) {
        let result: unknown;
        if (step.do === "send") send(step.kind, number);
        else if (step.do === "kill") victims[step.victim].kill();
        else if (step.do === "demonitor") self.demonitor(monitors[step.victim]);
        else if (step.do === "flush") result = self.flushMessages();
        else result = valueOf(await self.receive(step.entries.reduce(add, newSelector()), 0));
        results.push(result);
      }
      const rest: unknown[] = [];
      const any = newSelector().selectOther(read);
      for (let next = await self.receive(any, 0); next.ok; next = await self.receive(any, 0)) rest.push(next.value);
      return [...results, rest];
    });
  }

  type Own = OwnSubject<number>;

  function valueOf(result: Result<unknown, "Timeout">): unknown {
    return result.ok ? result.value : undefined;
  }
});

describe("the cost of a selective receive", () => {
  // V8 counts how often each block of the source runs: no clock, and the same on every machine.
  const program = `
    import { Session } from "node:inspector/promises";
    import { newSelector, selectMonitors, selectRecord, selectTrappedExits, spawn, tcpMessages } from "tankard";

    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

    const searching = /\\/src\\/process\\/(mailbox|selector|receiver)\\.ts$/;

    /** How often the busiest block of the search has run since the last look. */
    async function busiestBlock() {
      const { result } = await session.post("Profiler.takePreciseCoverage");
      const functions = result.filter(({ url }) => searching.test(url)).flatMap(({ functions }) => functions);
      return Math.max(...functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
    }

    /** How often that is for 100 receives past so many other messages. */
    async function costWith(others) {
      return await spawn(async (self, wanted) => {
        const skipped = self.newSubject();
        let selector = newSelector().select(wanted).merge(tcpMessages);
        selector = selectRecord(selector, "wanted", 1, (record) => record);
        selector = selectTrappedExits(selectMonitors(selector, (down) => down), (exit) => exit);
        for (let left = others; left > 0; left -= 4) {
          skipped.send(left);
          self.process.tell(left);
          self.process.tell({ left });
          self.process.tell(["skipped", left]);
        }
        await busiestBlock();
        for (let left = 50; left > 0; left--) {
          wanted.send(left);
          self.process.tell(["wanted", left]);
          await self.receiveForever(selector);
          await self.receiveForever(selector);
        }
        return await busiestBlock();
      }).result;
    }

    const few = await costWith(4);
    const many = await costWith(100_000);
    console.log(JSON.stringify({ few, many }));
    session.disconnect();
  `;

  test("does not grow with the messages it skips", async () => {
    const { stdout, stderr } = await runProgram(program);
    expect(stderr).toBe("");
    const { few, many } = JSON.parse(stdout) as { few: number; many: number };
    expect(few).toBeGreaterThan(100);
    expect(many).toBe(few);
  });
});

function mailboxWithSubjects(): { mailbox: Mailbox; a: SubjectKey; b: SubjectKey } {
  const mailbox = new Mailbox();
  const key = (): SubjectKey => ({ mailbox, source: new KeyedSource(undefined) });
  return { mailbox, a: key(), b: key() };
}

function forSubject(selector: Selector<string>, key: SubjectKey, label: string): Selector<string> {
  return withEntry(selector, "subject", key, (message) => `${label} ${String(message)}`);
}

function labelled(kind: "source" | "lane" | "other", key: Lane | object | undefined, label: string): Selector<string> {
  return withEntry(newSelector(), kind, key as never, (message) => `${label} ${String(message)}`);
}

/** What is taken until nothing is left that `selector` asks for. */
function takeAllOf(mailbox: Mailbox, selector: Selector<unknown>): unknown[] {
  const taken: unknown[] = [];
  for (let next = mailbox.take(selector); next !== undefined; next = mailbox.take(selector)) {
    taken.push(next.mapper(next.message));
  }
  return taken;
}
