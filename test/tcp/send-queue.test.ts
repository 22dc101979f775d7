import { setTimeout } from "node:timers/promises";
import { describe, expect, jest, test } from "@jest/globals";
import { err, ok } from "tankard";
import { createSimulatedClock } from "tankard/testing";
import { RuntimeEngine } from "../../src/process/runtime.ts";
import { checkSocketOptions, type SocketOptions } from "../../src/tcp/options.ts";
import { SendQueue } from "../../src/tcp/send-queue.ts";
import type { Transport } from "../../src/tcp/transport.ts";

/** A transport that keeps what is written until the test lets the kernel have it, and counts the system calls. */
class Kernel {
  queued: Buffer[] = [];
  taken = "";
  calls = 0;
  hasFailed = false;
  /** What it says when it is asked whether the connection stands. */
  answers: ("yes" | "no" | "cannot say")[] = [];
  #corks = 0;

  get queuedBytes(): number {
    return this.queued.reduce((sum, { length }) => sum + length, 0);
  }

  write(pieces: readonly Uint8Array[]): void {
    this.queued.push(...pieces.map((piece) => Buffer.from(piece)));
    if (this.#corks === 0) this.calls++;
  }

  probe(): boolean {
    const answer = this.answers.shift();
    if (answer === undefined) throw new Error("asked unexpectedly");
    this.hasFailed = answer === "no";
    return answer !== "cannot say";
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (--this.#corks === 0) this.calls++;
  }

  /** Takes so many writes from the queue. */
  take(count: number): void {
    this.taken += Buffer.concat(this.queued.splice(0, count)).toString();
  }
}

/** What one send puts on the wire. */
function pieces(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

function queueOn(options: SocketOptions = {}) {
  const kernel = new Kernel();
  const clock = createSimulatedClock();
  const runtime = new RuntimeEngine({ clock });
  const limits = { highWatermark: 10, lowWatermark: 5, ...options };
  const queue = new SendQueue(kernel as unknown as Transport, checkSocketOptions(limits, "send"), runtime, 0);
  return { kernel, clock, queue, scheduler: runtime.scheduler };
}

function stoppedTime(): Disposable {
  const now = jest.spyOn(performance, "now").mockReturnValue(performance.now());
  return {
    [Symbol.dispose]: () => {
      now.mockRestore();
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("SendQueue", () => {
  test("must wait while more than highWatermark bytes are queued, or somebody waits already", () => {
    const { kernel, queue } = queueOn();
    expect(queue.mustWait).toBe(false);
    queue.write(pieces("1234567890"));
    expect(queue.mustWait).toBe(false);
    queue.write(pieces("1"));
    expect(queue.mustWait).toBe(true);
    void queue.wait(pieces("waits"));
    kernel.take(2);
    expect(queue.mustWait).toBe(true);
  });

  test("lets those that wait go on, in order, below lowWatermark and up to highWatermark", async () => {
    const { kernel, queue } = queueOn();
    for (const piece of ["123456", "123", "45"]) queue.write(pieces(piece));
    const settled: string[] = [];
    const waiting = ["one", "a longer one", "two"].map(async (text) => {
      await queue.wait(pieces(text));
      settled.push(text);
    });
    kernel.take(1);
    queue.advance();
    expect(kernel.queued).toHaveLength(2); // 5 bytes, which is not below 5
    kernel.take(1);
    queue.advance();
    expect(kernel.queued.map(String)).toEqual(["45", "one", "a longer one"]); // 5 were no more than 10, 17 are
    kernel.take(3);
    queue.advance();
    await Promise.all(waiting);
    expect(settled).toEqual(["one", "a longer one", "two"]);
    expect(queue.mustWait).toBe(false);
  });

  test("counts bytes that are queued and that wait as pending", async () => {
    const { kernel, queue } = queueOn();
    queue.write(pieces("12345678901"));
    const waiting = queue.wait(pieces("€", "12"));
    expect(queue.pendingBytes).toBe(16);
    kernel.take(1);
    queue.advance();
    await waiting;
    expect(queue.pendingBytes).toBe(5);
  });

  test("refuses what exceeds sendQueueLimit as a whole, with Enobufs", async () => {
    const { queue } = queueOn({ sendQueueLimit: 5 });
    queue.write(pieces("12345678901"));
    const first = queue.wait(pieces("abc"));
    expect(await queue.wait(pieces("de", "f"))).toEqual(err("Enobufs"));
    const second = queue.wait(pieces("de"));
    queue.refuseAll(err("Closed"));
    expect([await first, await second]).toEqual([err("Closed"), err("Closed")]);
    expect(queue.pendingBytes).toBe(11);
  });

  test("removes what has waited for sendTimeout, and nothing else", async () => {
    const { kernel, clock, queue } = queueOn({ sendTimeout: 100 });
    queue.write(pieces("12345678901"));
    const first = queue.wait(pieces("first"));
    await clock.advance(60);
    const second = queue.wait(pieces("second"));
    await clock.advance(40);
    expect(await first).toEqual(err("Timeout"));
    kernel.take(1);
    queue.advance();
    expect(await second).toEqual(ok());
    expect(kernel.queued.map(String)).toEqual(["second"]);
  });

  test("writes all that waits when the socket ends behind it", async () => {
    const { kernel, queue } = queueOn();
    queue.write(pieces("12345678901"));
    const one = queue.wait(pieces("one "));
    const two = queue.wait(pieces("two ", "three"));
    queue.acceptAll(ok());
    expect([await one, await two]).toEqual([ok(), ok()]);
    kernel.take(10);
    expect(kernel.taken).toBe("12345678901one two three");
  });

  test("writes the first of a turn at once and those that follow with one system call", async () => {
    const { kernel, queue } = queueOn({ highWatermark: 1_000 });
    for (const piece of ["a", "b", "c", "d"]) queue.write(pieces(piece));
    expect(kernel.calls).toBe(1);
    await turn();
    expect(kernel.calls).toBe(2);
    kernel.take(4);
    expect(kernel.taken).toBe("abcd");
  });

  /** Two writes in a turn that has passed when this resolves: just now, or so long ago that a reset may have come. */
  async function writeTwo({ kernel, queue }: ReturnType<typeof queueOn>, when: "just now" | "before"): Promise<void> {
    for (const piece of ["a", "b"]) queue.write(pieces(piece));
    await turn();
    kernel.take(2);
    queue.advance();
    if (when === "before") await setTimeout(2); // it is the kernel's time, which no clock of ours tells
  }

  test("writes all of a turn with one system call where the turn before had many, and asks whether the connection stands", async () => {
    const one = queueOn({ highWatermark: 1_000 });
    await writeTwo(one, "before");
    const { kernel, queue } = one;
    expect(kernel.calls).toBe(2);
    kernel.answers = ["yes"];
    for (const piece of ["c", "d", "e"]) expect(queue.write(pieces(piece))).toBe(true);
    expect(kernel).toMatchObject({ calls: 2, answers: [] });
    await turn();
    expect(kernel.calls).toBe(3);
    kernel.take(3);
    expect(kernel.taken).toBe("abcde");
  });

  test("asks nobody where the kernel has just taken a write", async () => {
    // On a busy machine the millisecond in which nobody asks may be over: the kernel's time stands still.
    using _ = stoppedTime();
    const one = queueOn({ highWatermark: 1_000 });
    await writeTwo(one, "just now");
    const { kernel, queue } = one;
    for (const piece of ["c", "d"]) expect(queue.write(pieces(piece))).toBe(true);
    await turn();
    expect(kernel.calls).toBe(3);
  });

  test("writes the first of a turn at once again after a turn that had only one", async () => {
    const one = queueOn({ highWatermark: 1_000 });
    await writeTwo(one, "before");
    const { kernel, queue } = one;
    kernel.answers = ["yes"];
    queue.write(pieces("c"));
    expect(kernel.calls).toBe(2);
    await turn();
    expect(kernel.calls).toBe(3);
    queue.advance();
    queue.write(pieces("d"));
    expect(kernel.calls).toBe(4);
  });

  test("takes each slice for a turn", async () => {
    const { kernel, queue, scheduler } = queueOn({ highWatermark: 1_000 });
    for (const calls of [1, 2]) {
      scheduler.enter();
      queue.write(pieces("x"));
      scheduler.leave();
      expect(kernel.calls).toBe(calls);
    }
    scheduler.enter();
    for (const piece of ["a", "b", "c"]) queue.write(pieces(piece));
    scheduler.leave();
    expect(kernel.calls).toBe(3);
    await turn();
    expect(kernel.calls).toBe(4);
  });

  test("writes at once outside of slices where the write before was in one", () => {
    const { kernel, queue, scheduler } = queueOn({ highWatermark: 1_000 });
    scheduler.enter();
    queue.write(pieces("x"));
    scheduler.leave();
    queue.write(pieces("y"));
    expect(kernel.calls).toBe(2);
  });

  test("takes each turn for one outside of slices too, whatever waits for the kernel", async () => {
    const { kernel, queue } = queueOn({ highWatermark: 1_000 });
    for (const calls of [1, 2, 3]) {
      queue.write(pieces("x"));
      expect(kernel.calls).toBe(calls);
      await turn();
    }
    for (const piece of ["a", "b", "c"]) queue.write(pieces(piece));
    expect(kernel.calls).toBe(4);
    await turn();
    expect(kernel.calls).toBe(5);
  });

  test("knows the failure of the first of a turn, also where the turn before had many", async () => {
    const one = queueOn({ highWatermark: 1_000 });
    await writeTwo(one, "before");
    const { kernel, queue } = one;
    kernel.answers = ["no"];
    expect(queue.write(pieces("c"))).toBe(false);
    expect(kernel.queued).toEqual([]);
  });

  test("writes the first of a turn at once where the kernel cannot say whether the connection stands", async () => {
    const one = queueOn({ highWatermark: 1_000 });
    await writeTwo(one, "before");
    const { kernel, queue } = one;
    kernel.answers = ["cannot say"];
    queue.write(pieces("c"));
    expect(kernel.calls).toBe(3);
  });

  test("writes at once behind a send of nothing", () => {
    const { kernel, queue } = queueOn({ highWatermark: 1_000 });
    queue.write([]);
    queue.write(pieces("x"));
    expect(kernel.calls).toBe(1);
  });

  test("writes the pieces of one send with one system call", () => {
    const { kernel, queue } = queueOn({ highWatermark: 1_000 });
    expect(queue.write(pieces("a", "b", "c"))).toBe(true);
    expect(kernel.calls).toBe(1);
    expect(queue.write(pieces())).toBe(true);
    kernel.hasFailed = true;
    expect(queue.write(pieces("d"))).toBe(false);
  });
});
