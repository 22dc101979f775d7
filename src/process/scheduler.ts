import { nextTick } from "node:process";

/** Something that waits for its turn. */
export interface Runnable {
  run(): void;
}

/** Messages that may be sent and received in one slice. */
const reductions = 1000;
/** A power of two: after so many reductions a look at the clock. */
const reductionsPerLook = 32;
/**
 * How long a slice may last. A connection whose peer waits for each answer gets one turn per slice, so this is what
 * busy processes cost it: at 25 microseconds they lose a tenth of their speed, and it keeps more than half of its own
 * (`npm run bench -- fairness`).
 */
const sliceMs = 0.025;
/** A run queue that was longer gives its memory back. */
const keptLength = 4096;

const settled = Promise.resolve();

/**
 * Shares the one thread of JavaScript between processes and everything else. Each send and each receive costs one
 * reduction; while some are left, whoever waits is resolved directly. Once they are spent, further wake-ups are put
 * off to the next slice, and a single `setImmediate` lets sockets, timers and signals in before it.
 *
 * Microtasks and `process.nextTick` would starve the loop, and an immediate for each message costs 20 times a message.
 */
export class Scheduler {
  #left = reductions;
  /** When this slice was first looked at; 0 before that. */
  #sliceStart = 0;
  /** Who runs in this slice. */
  #ready = new RunQueue();
  /** Who waits for the next: a socket's or a timer's turn in between does not run them. */
  #putOff = new RunQueue();
  /** Whether somebody will run who is ready: the turn that we are in, or a microtask on its way. */
  #isRunComing = false;
  #isRunning = false;
  /** Whether the slice has still its turn. */
  #isEntered = false;
  /** Whether somebody was resolved in this slice, who goes on behind it. */
  #isOutlasted = false;
  #isSliceComing = false;
  #slices = 0;
  /** Turns outside of slices count down. */
  #turnsOutside = 0;
  #isTurnOutside = false;

  /** Which slice this is: another in each turn of a socket's or a timer's. */
  get slice(): number {
    return this.#slices;
  }

  /**
   * Which turn this is, never 0: a slice's, between `enter` and `leave`, and where somebody was resolved in it, until they
   * have gone on; elsewhere the program's own, until the next tick.
   */
  get turn(): number {
    return this.#isEntered ? this.#slices : this.#turnOutside();
  }

  #turnOutside(): number {
    if (!this.#isTurnOutside) {
      this.#isTurnOutside = true;
      this.#turnsOutside--;
      nextTick(this.#endTurnOutside);
    }
    return this.#turnsOutside;
  }

  readonly #endTurnOutside = (): void => {
    this.#isTurnOutside = false;
  };

  get isIdle(): boolean {
    return this.#ready.isEmpty && this.#putOff.isEmpty;
  }

  /** Pays for one message. Says false when the slice is spent: the payer then waits in the run queue. */
  charge(): boolean {
    if (this.#left <= 0) return false;
    if ((--this.#left & (reductionsPerLook - 1)) === 0) this.#look();
    return true;
  }

  /**
   * A promise of `value`, for what can be answered at once: resolved while reductions are left, and otherwise in the
   * next turn. Whoever only ever awaits such answers still lets everybody else in.
   */
  answer<T>(value: T): Promise<T> {
    if (this.charge()) return Promise.resolve(value);
    return new Promise((resolve) => {
      this.enqueue({
        run: () => {
          resolve(value);
        },
      });
    });
  }

  /** A new slice: called where Node's loop enters our code, from a socket or a timer. `leave` follows. */
  enter(): void {
    this.#slices++;
    this.#left = reductions;
    this.#sliceStart = 0;
    this.#isRunComing = true;
    this.#isEntered = true;
  }

  /** Somebody is resolved: what they do first is of this slice. */
  outlast(): void {
    this.#isOutlasted = true;
  }

  /** Runs who is ready, while reductions last: the end of a socket's or a timer's turn. */
  leave(): void {
    this.#isRunComing = false;
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (!this.#ready.isEmpty && this.charge()) this.#ready.shift()?.run();
    this.#isRunning = false;
    if (this.#isEntered && this.#isOutlasted) void settled.then(this.#end);
    else this.#isEntered = false;
    this.#isOutlasted = false;
    if (!this.#ready.isEmpty) this.#putOffTheRest();
  }

  /** Puts `runnable` last in the run queue, of this slice or the next. It never runs inside this call. */
  enqueue(runnable: Runnable): void {
    if (this.#left <= 0) this.#putOffToNextSlice(runnable);
    else {
      this.#ready.push(runnable);
      if (this.#isRunning || this.#isRunComing) return;
      this.#isRunComing = true;
      void settled.then(this.#leave); // half the price of queueMicrotask, which makes an AsyncResource
    }
  }

  #putOffToNextSlice(runnable: Runnable): void {
    this.#putOff.push(runnable);
    this.#orderSlice();
  }

  /** Those who were ready first, before those who have become so since. */
  #putOffTheRest(): void {
    this.#ready.takeOver(this.#putOff);
    [this.#ready, this.#putOff] = [this.#putOff, this.#ready];
    this.#orderSlice();
  }

  #orderSlice(): void {
    if (this.#isSliceComing) return;
    this.#isSliceComing = true;
    setImmediate(this.#startSlice);
  }

  readonly #leave = (): void => {
    this.leave();
  };

  readonly #end = (): void => {
    this.#isEntered = false;
  };

  readonly #startSlice = (): void => {
    this.#isSliceComing = false;
    this.enter();
    this.#putOff.takeOver(this.#ready);
    [this.#ready, this.#putOff] = [this.#putOff, this.#ready];
    this.leave();
  };

  #look(): void {
    const now = performance.now();
    if (this.#sliceStart === 0) this.#sliceStart = now;
    else if (now - this.#sliceStart > sliceMs) this.#left = 0;
  }
}

/** First in, first out. An empty one starts again from its first place, without giving up its memory. */
class RunQueue {
  #runnables: (Runnable | undefined)[] = [];
  /** Where the first one stands. */
  #head = 0;
  /** Where the next one will stand. */
  #tail = 0;

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  push(runnable: Runnable): void {
    this.#runnables[this.#tail++] = runnable;
  }

  shift(): Runnable | undefined {
    const first = this.#runnables[this.#head];
    this.#runnables[this.#head++] = undefined;
    if (this.isEmpty) this.#clear();
    else if (this.#head > keptLength && this.#head * 2 > this.#tail) this.#dropRun();
    return first;
  }

  /** Puts all of `other` last. */
  takeOver(other: RunQueue): void {
    while (!other.isEmpty) this.push(other.shift() as Runnable);
  }

  #clear(): void {
    if (this.#tail > keptLength) this.#runnables = [];
    this.#head = 0;
    this.#tail = 0;
  }

  #dropRun(): void {
    this.#runnables = this.#runnables.slice(this.#head, this.#tail);
    this.#tail -= this.#head;
    this.#head = 0;
  }
}

/** Calls back when Node has looked once at all its sockets, from now on: what the kernel has, has come by then. */
export function afterPoll(callback: () => void): void {
  // The first immediate may run in this round of the loop, before it polls; the second cannot.
  setImmediate(() => setImmediate(callback));
}
