import { nextTick } from "node:process";
import type { Activity } from "./activity.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Scheduler } from "./scheduler.ts";

/** Node takes a longer delay for 1 ms. */
const longestDelayMs = 2 ** 31 - 1;
const notQueued = -1;

/** A wait whose time is to be taken. */
export interface TimedWait {
  /** Told once that it began at `now`, when it may be over. */
  begin(now: number): void;
}

/** Something that rings at one moment, with its place among all the others. */
interface Ringing {
  at: number;
  /** The order of setting decides between equal moments. */
  order: number;
  place: number;
  /** Whether the program waits for it while it is set. */
  readonly isWaitedFor: boolean;
  ring(): void;
}

/**
 * One moment at which something happens. While it is set, the program waits for it, unless it `isLight`: then it rings
 * if the program is still there.
 */
export class Alarm implements Ringing {
  at = Infinity;
  order = 0;
  place = notQueued;
  readonly ring: () => void;

  readonly isLight: boolean;

  constructor(ring: () => void, { isLight = false } = {}) {
    this.ring = ring;
    this.isLight = isLight;
  }

  get isSet(): boolean {
    return this.place !== notQueued;
  }

  /** Not where it never rings. */
  get isWaitedFor(): boolean {
    return !this.isLight && this.at !== Infinity;
  }
}

/**
 * All the moments that a runtime waits for: a binary heap in which each alarm knows its place, over one timer of the
 * clock. Setting and clearing cost no timer; one that has become too early rings for nobody and is set again.
 */
export class Alarms {
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #activity: Activity;
  readonly #heap: Ringing[] = [];
  #orders = 0;
  #timer: unknown;
  #timerAt = Infinity;
  /** Waits that have begun in this turn and whose time is still to be taken. */
  readonly #untimed: TimedWait[] = [];
  /** The slice in which the clock was last read for a wait. */
  #timedSlice = 0;

  constructor(clock: Clock, scheduler: Scheduler, activity: Activity) {
    this.clock = clock;
    this.#scheduler = scheduler;
    this.#activity = activity;
  }

  /** Somebody waits: the program goes on until as many have stopped. */
  hold(): void {
    if (this.#isReal) this.#activity.hold();
    else this.#activity.begin();
  }

  release(): void {
    if (this.#isReal) this.#activity.release();
    else this.#activity.end();
  }

  /** Sets `alarm` to ring at the clock's `at`, whether or not it was set before. */
  set(alarm: Ringing, at: number): void {
    this.clear(alarm);
    alarm.at = at;
    if (alarm.isWaitedFor) this.hold();
    alarm.order = this.#orders++;
    alarm.place = this.#heap.length;
    this.#heap.push(alarm);
    this.#rise(alarm);
    if (at < this.#timerAt) this.#startTimer(at);
  }

  clear(alarm: Ringing): void {
    const place = alarm.place;
    if (place === notQueued) return;
    alarm.place = notQueued;
    if (alarm.isWaitedFor) this.release();
    const last = this.#heap.pop();
    if (last === undefined || last === alarm) return;
    last.place = place;
    this.#heap[place] = last;
    this.#rise(last);
    this.#sink(last);
  }

  /**
   * Calls `wait.begin` with the time: at once where it is the first of a slice, as the wait for a packet is, and at the
   * end of the turn otherwise. Reading the clock costs as much as a message; where processes talk with each other, a wait
   * is over before its turn is, and nobody has to know when it began. So a wait may take a turn longer, never less.
   */
  time(wait: TimedWait): void {
    const { slice } = this.#scheduler;
    if (!this.#isReal || slice !== this.#timedSlice) {
      this.#timedSlice = slice;
      wait.begin(this.clock.now());
      return;
    }
    this.#untimed.push(wait);
    if (this.#untimed.length === 1) nextTick(this.#timeAll);
  }

  readonly #timeAll = (): void => {
    const now = this.clock.now();
    for (const wait of this.#untimed) wait.begin(now);
    this.#untimed.length = 0;
  };

  /** Waiting does not make simulated time pass, so it must not keep a program running either. */
  get #isReal(): boolean {
    return this.clock === systemClock;
  }

  #startTimer(at: number): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity) {
      this.#timer = undefined;
      return;
    }
    const delay = Math.min(Math.max(0, Math.ceil(at - this.clock.now())), longestDelayMs);
    this.#timer = this.clock.setTimeout(this.#ringAllDue, delay);
  }

  readonly #ringAllDue = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#scheduler.enter();
    const now = this.clock.now();
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.clear(first);
      first.ring();
    }
    const next = this.#heap[0];
    if (next !== undefined && next.at < this.#timerAt) this.#startTimer(next.at);
    this.#scheduler.leave();
  };

  #rise(alarm: Ringing): void {
    const heap = this.#heap;
    let place = alarm.place;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Ringing;
      if (!isBefore(alarm, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = alarm;
    alarm.place = place;
  }

  #sink(alarm: Ringing): void {
    const heap = this.#heap;
    let place = alarm.place;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      let child = heap[left];
      if (child === undefined) break;
      const other = heap[right];
      if (other !== undefined && isBefore(other, child)) child = other;
      if (!isBefore(child, alarm)) break;
      const childPlace = child.place;
      heap[place] = child;
      child.place = place;
      place = childPlace;
    }
    heap[place] = alarm;
    alarm.place = place;
  }
}

function isBefore(one: Ringing, other: Ringing): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Whoever waits until a deadline. An object and no function, which each process would have to keep. */
export interface Waiter {
  /** The time is over; it waits no longer. */
  passDeadline(): void;
}

/**
 * A time until which somebody waits, over and over. It is written down rather than armed: the alarm of an earlier
 * wait rings first, sees that there is more time, and sets itself for the rest. A wait that ends costs no timer call.
 */
export class Deadline implements Ringing, TimedWait {
  at = Infinity;
  order = 0;
  place = notQueued;
  readonly #alarms: Alarms;
  readonly #waiter: Waiter;
  /** How long the wait may take; nothing where there is none. */
  #withinMs: number | undefined;
  /** When the wait is over, once its time has been taken. */
  #until: number | undefined;
  #isBeginning = false;

  constructor(alarms: Alarms, waiter: Waiter) {
    this.#alarms = alarms;
    this.#waiter = waiter;
  }

  /** The alarm may be left over from an earlier wait; the wait itself holds. */
  get isWaitedFor(): boolean {
    return false;
  }

  /** Waits `milliseconds` from now; `Infinity` is no deadline. */
  start(milliseconds: number): void {
    this.stop();
    if (milliseconds === Infinity) return;
    this.#withinMs = milliseconds;
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    this.#alarms.time(this);
  }

  begin(now: number): void {
    this.#isBeginning = false;
    if (this.#withinMs === undefined) return; // it was over within the turn
    const until = now + this.#withinMs;
    this.#until = until;
    this.#alarms.hold();
    if (this.place === notQueued || this.at > until) this.#alarms.set(this, until);
  }

  /** The wait is over. The alarm stays where it is, for the next one. */
  stop(): void {
    this.#withinMs = undefined;
    if (this.#until === undefined) return;
    this.#until = undefined;
    this.#alarms.release();
  }

  /** There will be no next one. */
  dispose(): void {
    this.stop();
    this.#alarms.clear(this);
  }

  ring(): void {
    if (this.#until === undefined) return;
    if (this.#until > this.#alarms.clock.now()) {
      this.#alarms.set(this, this.#until);
      return;
    }
    this.stop();
    this.#waiter.passDeadline();
  }
}
