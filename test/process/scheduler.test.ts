import { afterEach, describe, expect, jest, test } from "@jest/globals";
import {
  createRuntime,
  newSelector,
  type OwnSubject,
  ownerFromCallback,
  type Runtime,
  type Self,
  type Subject,
} from "tankard";
import { afterPoll, Scheduler } from "../../src/process/scheduler.ts";
import { turns } from "../support/turns.ts";

describe("Scheduler", () => {
  test("runs what was put in the run queue in order, never inside the call", async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    for (const name of ["first", "second"]) scheduler.enqueue({ run: () => log.push(name) });
    log.push("enqueued");
    expect(scheduler.isIdle).toBe(false);
    await turns(1);
    expect(log).toEqual(["enqueued", "first", "second"]);
    expect(scheduler.isIdle).toBe(true);
  });

  test("runs what is put in the queue meanwhile after the rest", async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    scheduler.enqueue({
      run: () => {
        scheduler.enqueue({ run: () => log.push("third") });
        log.push("first");
      },
    });
    scheduler.enqueue({ run: () => log.push("second") });
    await turns(1);
    expect(log).toEqual(["first", "second", "third"]);
  });

  test("runs a queue of any length, a part of it in each turn of the loop", async () => {
    const scheduler = new Scheduler();
    const perTurn: number[] = [];
    let ran = 0;
    for (let left = 20_000; left > 0; left--) scheduler.enqueue({ run: () => ran++ });
    for (let last = -1; ran < 20_000 && perTurn.length < 20_000; last = ran) {
      await turns(1);
      perTurn.push(ran - Math.max(last, 0));
    }
    expect(ran).toBe(20_000);
    expect(Math.max(...perTurn)).toBeLessThan(2_500);
  });

  test("knows one turn from another: of slices, of who was resolved in one, and of the program between two ticks", async () => {
    const scheduler = new Scheduler();
    const outside = scheduler.turn;
    expect(scheduler.turn).toBe(outside);
    scheduler.enter();
    const inSlice = scheduler.turn;
    scheduler.outlast();
    scheduler.leave();
    expect(scheduler.turn).toBe(inSlice); // whoever was resolved goes on behind it
    await turns(1);
    const next = scheduler.turn;
    scheduler.enter();
    const nextSlice = scheduler.turn;
    scheduler.leave();
    expect(scheduler.turn).toBe(next);
    expect(new Set([0, outside, inSlice, next, nextSlice]).size).toBe(5);
  });

  test("knows the program's turns also where somebody else keeps `process.nextTick`", async () => {
    const scheduler = new Scheduler();
    jest.useFakeTimers({ doNotFake: ["setImmediate"] });
    try {
      const first = scheduler.turn;
      await turns(1);
      expect(scheduler.turn).not.toBe(first);
    } finally {
      jest.useRealTimers();
    }
  });

  test("lets a slice pay for a limited number of messages, and a new slice for as many again", () => {
    const scheduler = new Scheduler();
    for (const _slice of [1, 2]) {
      scheduler.enter();
      expect(scheduler.charge()).toBe(true);
      let paid = 1;
      while (paid < 100_000 && scheduler.charge()) paid++;
      expect(paid).toBeLessThanOrEqual(1_000);
      expect(scheduler.charge()).toBe(false);
    }
  });

  test("answers at once while the slice lasts, and in the next turn after that", async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    setImmediate(() => log.push("next turn"));
    void scheduler.answer("a").then((answer) => log.push(answer));
    await Promise.resolve();
    expect(log).toEqual(["a"]);
    while (scheduler.charge());
    void scheduler.answer("b").then((answer) => log.push(answer));
    await turns(2);
    expect(log).toEqual(["a", "next turn", "b"]);
  });

  test("runs who is ready at the end of a socket's or a timer's turn, which is a new slice", () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    scheduler.enter();
    scheduler.enqueue({ run: () => log.push("ran") });
    expect(log).toEqual([]);
    scheduler.leave();
    expect(log).toEqual(["ran"]);
  });

  test("does not run those who wait for the next slice at the end of a socket's or a timer's turn", async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    while (scheduler.charge());
    scheduler.enqueue({ run: () => log.push("put off") });
    scheduler.enter();
    scheduler.enqueue({ run: () => log.push("ready") });
    scheduler.leave();
    expect(log).toEqual(["ready"]);
    await turns(1);
    expect(log).toEqual(["ready", "put off"]);
    expect(scheduler.isIdle).toBe(true);
  });

  test("does not begin again where one that runs enters from a timer of its own", () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    scheduler.enqueue({
      run: () => {
        scheduler.enter();
        scheduler.leave();
        log.push("first");
      },
    });
    scheduler.enqueue({ run: () => log.push("second") });
    scheduler.enter();
    scheduler.leave();
    expect(log).toEqual(["first", "second"]);
  });

  describe("where messages take long", () => {
    afterEach(() => {
      jest.restoreAllMocks();
    });

    test("ends the slice by the clock, before its messages are spent", () => {
      let now = 1;
      jest.spyOn(performance, "now").mockImplementation(() => now);
      const scheduler = new Scheduler();
      let paid = 0;
      while (paid < 100_000 && scheduler.charge()) {
        paid++;
        now += 1; // a millisecond each
      }
      expect(paid).toBeLessThan(100);
    });
  });
});

describe("afterPoll", () => {
  test("calls back once Node has been at its sockets: not in the round of the loop that is running", async () => {
    const log: string[] = [];
    const done = new Promise<void>((resolve) => {
      setImmediate(() => {
        afterPoll(() => {
          log.push("after the poll");
          resolve();
        });
        setImmediate(() => log.push("next round"));
      });
    });
    await done;
    expect(log).toEqual(["next round", "after the poll"]);
  });
});

interface Ball {
  readonly from: Subject<Ball>;
}

describe("busy actors never starve Node's loop", () => {
  // Each of these goes on for ever by itself. It counts its steps, and stops when it is told to or has made far too many.
  interface Busy {
    steps: number;
    readonly isOver: boolean;
  }
  const tooMany = 1_000_000;
  /** Steps that a slice pays for. A callback may take 32 messages for each. */
  const perSlice = 1_000;
  const workloads: readonly [string, number, (runtime: Runtime, busy: Busy) => void][] = [
    ["two processes that send each other messages", perSlice, playPingPong],
    ["a process that sends itself messages", perSlice, sendToItself],
    ["a process that looks into its empty mailbox", perSlice, lookForMessages],
    ["a process that takes messages from a long queue", perSlice, takeFromQueue],
    ["a process that calls another", perSlice, callAgainAndAgain],
    ["processes that start each other", perSlice, startEachOther],
    ["a callback that gets messages from itself", 32 * perSlice, deliverToItself],
    ["a selector whose messages come in a ring", perSlice, ringOfSelectors],
  ];

  // Between two immediates of the test's there may be two slices: one of the run queue's and one of a microtask's.
  test.each(workloads)("a setImmediate runs beside %s, within two slices of %d steps", async (_who, perSlice, work) => {
    const { busy, stop } = start(work);
    const before: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      await turns(1);
      before.push(busy.steps);
    }
    await stop();
    const perTurn = before.slice(1).map((steps, turn) => steps - (before[turn] ?? 0));
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(2 * perSlice);
    expect(Math.max(...perTurn)).toBeGreaterThan(0);
  });

  test.each(workloads)("a setTimeout fires beside %s", async (_who, _perSlice, work) => {
    const { busy, stop } = start(work);
    await turns(2);
    // Real time, since it is Node's timers that could starve; what is bounded is the number of steps.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { steps } = busy;
    await stop();
    expect(steps).toBeLessThan(tooMany);
    expect(steps).toBeGreaterThan(0);
  });

  function start(work: (runtime: Runtime, busy: Busy) => void): { busy: Busy; stop: () => Promise<void> } {
    const runtime = createRuntime();
    let isStopped = false;
    const busy: Busy = {
      steps: 0,
      get isOver() {
        return isStopped || this.steps >= tooMany;
      },
    };
    work(runtime, busy);
    return {
      busy,
      stop: async () => {
        isStopped = true;
        await runtime.stop();
      },
    };
  }

  function playPingPong(runtime: Runtime, busy: Busy): void {
    const player = async (self: Self, balls: OwnSubject<Ball>): Promise<void> => {
      while (!busy.isOver) {
        const { from } = await self.receiveForever(balls);
        busy.steps++;
        from.send({ from: balls });
      }
    };
    const [one, other] = [runtime.spawn(player), runtime.spawn(player)];
    one.subject.send({ from: other.subject });
  }

  function sendToItself(runtime: Runtime, busy: Busy): void {
    runtime.spawn(async (self, subject: OwnSubject<number>) => {
      while (!busy.isOver) {
        subject.send(busy.steps++);
        await self.receiveForever(subject);
      }
    });
  }

  function lookForMessages(runtime: Runtime, busy: Busy): void {
    runtime.spawn(async (self, subject) => {
      for (; !busy.isOver; busy.steps++) await self.receive(subject, 0);
    });
  }

  function takeFromQueue(runtime: Runtime, busy: Busy): void {
    const queue = 20_000;
    const process = runtime.spawn(async (self, subject: OwnSubject<number>) => {
      for (; !busy.isOver; busy.steps++) await self.receive(subject, 0);
    });
    for (let number = 0; number < queue; number++) process.subject.send(number);
  }

  function callAgainAndAgain(runtime: Runtime, busy: Busy): void {
    const callee = runtime.spawn(async (self, requests: OwnSubject<Subject<number>>) => {
      for (;;) (await self.receiveForever(requests)).send(1);
    });
    runtime.spawn(async (self) => {
      for (; !busy.isOver; busy.steps++) await self.call(callee.subject, 1_000, (reply: Subject<number>) => reply);
    });
  }

  function startEachOther(runtime: Runtime, busy: Busy): void {
    const next = (): void => {
      busy.steps++;
      if (!busy.isOver) runtime.spawn(next);
    };
    next();
  }

  function deliverToItself(runtime: Runtime, busy: Busy): void {
    const owner = ownerFromCallback((message) => {
      busy.steps++;
      if (!busy.isOver) owner.deliver(message);
    }, runtime);
    owner.deliver({} as never);
  }

  function ringOfSelectors(runtime: Runtime, busy: Busy): void {
    const size = 10;
    const ring = Array.from({ length: size }, (_, index) =>
      runtime.spawn(async (self, subject: OwnSubject<number>) => {
        const selector = newSelector().selectMap(subject, (number) => number + 1);
        while (!busy.isOver) {
          busy.steps = await self.receiveForever(selector);
          ring[(index + 1) % size]?.subject.send(busy.steps);
        }
      }),
    );
    ring[0]?.subject.send(0);
  }
});
