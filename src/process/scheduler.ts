/** Something that waits for its turn. */
export interface Runnable {
  run(): void;
}

/** Messages that may be sent and received before Node's loop gets its turn: about 100 microseconds of them. */
const reductions = 1000;
/** A power of two: after so many reductions a look at the clock. */
const reductionsPerLook = 32;
/** A slice with heavier work than messages ends after this time. */
const sliceMs = 1;
/** A run queue that was longer gives its memory back when it is empty. */
const keptLength = 4096;

/**
 * Shares the one thread of JavaScript between processes and everything else. Each send and each receive costs one
 * reduction; while some are left, whoever waits is resolved directly. Once they are spent, further wake-ups stand in
 * the run queue, and a single `setImmediate` lets sockets, timers and signals in before the next slice.
 *
 * Microtasks and `process.nextTick` would starve the loop, and an immediate for each message costs 20 times a message.
 */
export class Scheduler {
  #left = reductions;
  /** When this slice was first looked at; 0 before that. */
  #sliceStart = 0;
  #queue: Runnable[] = [];
  #head = 0;
  #isDraining = false;
  /** Whether a drain is on its way, in this turn of the loop or in the next. */
  #isDrainComing = false;
  /** Counts the slices, so that others can tell this turn from the next. */
  #turn = 0;

  /** The number of this turn: it changes when the loop has been round. */
  get turn(): number {
    return this.#turn;
  }

  get isIdle(): boolean {
    return this.#head === this.#queue.length;
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

  /** A new slice: called where Node's loop enters our code, from a socket or a timer. */
  enter(): void {
    this.#left = reductions;
    this.#sliceStart = 0;
    this.#turn++;
  }

  /** Puts `runnable` last in the run queue. It never runs inside this call. */
  enqueue(runnable: Runnable): void {
    this.#queue.push(runnable);
    if (!this.#isDraining) this.#order();
  }

  /** Runs what stands in the queue while reductions last. Called at the end of a socket's or a timer's turn. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    while (this.#head < this.#queue.length && this.charge()) {
      this.#queue[this.#head++]?.run();
    }
    this.#isDraining = false;
    this.#dropRun();
    if (!this.isIdle) this.#order();
  }

  #order(): void {
    if (this.#isDrainComing) return;
    this.#isDrainComing = true;
    if (this.#left > 0) queueMicrotask(this.#inThisTurn);
    else setImmediate(this.#inTheNextTurn);
  }

  readonly #inThisTurn = (): void => {
    this.#isDrainComing = false;
    this.drain();
  };

  readonly #inTheNextTurn = (): void => {
    this.#isDrainComing = false;
    this.enter();
    this.drain();
  };

  #look(): void {
    const now = performance.now();
    if (this.#sliceStart === 0) this.#sliceStart = now;
    else if (now - this.#sliceStart > sliceMs) this.#left = 0;
  }

  #dropRun(): void {
    if (this.isIdle) {
      if (this.#queue.length > keptLength) this.#queue = [];
      else this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head > keptLength) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Calls back when Node has looked once at all its sockets, from now on: what the kernel has, has come by then. */
export function afterPoll(callback: () => void): void {
  // The first immediate may run in this round of the loop, before it polls; the second cannot.
  setImmediate(() => setImmediate(callback));
}
