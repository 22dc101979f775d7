import { type ActorSystem, type AnyActorRef, createActor, fromTransition } from "xstate";
import { Alarm } from "../process/alarm.ts";
import type { Clock } from "../process/clock.ts";
import { type Runtime, RuntimeEngine, runtimeEngine } from "../process/runtime.ts";

/** What XState asks of a clock. */
type TimerClock = ActorSystem<never>["_clock"];

const runtimes = new WeakMap<TimerClock, RuntimeEngine>();
const clocks = new WeakMap<Runtime, Clock>();

/**
 * The clock of a runtime, for XState's `createActor(logic, { clock: clockOf(runtime) })`: the whole system then lives in
 * that runtime. Its delays are timers of the runtime, and what belongs to its actors (processes, sockets, what nobody
 * receives) is the runtime's too.
 *
 * Without it a system lives in the default runtime; one that was given another clock (a `SimulatedClock` of XState or
 * of `tankard/testing`) has a runtime of its own, on that clock.
 */
export function clockOf(runtime: Runtime): Clock {
  const engine = runtimeEngine(runtime);
  let clock = clocks.get(engine);
  if (clock === undefined) {
    clock = new RuntimeClock(engine);
    clocks.set(engine, clock);
    runtimes.set(clock, engine);
  }
  return clock;
}

/** The runtime in which an actor's processes and sockets live. */
export function runtimeOf(actorRef: AnyActorRef): RuntimeEngine {
  const clock = actorRef.system._clock;
  let runtime = runtimes.get(clock);
  if (runtime === undefined) {
    runtime = clock === xstatesOwnClock() ? runtimeEngine(undefined) : new RuntimeEngine({ clock: withNow(clock) });
    runtimes.set(clock, runtime);
  }
  return runtime;
}

class RuntimeClock implements Clock {
  readonly #runtime: RuntimeEngine;

  constructor(runtime: RuntimeEngine) {
    this.#runtime = runtime;
  }

  now(): number {
    return this.#runtime.clock.now();
  }

  setTimeout(callback: () => void, ms: number): Alarm {
    const alarm = new Alarm(callback);
    this.#runtime.alarms.set(alarm, this.now() + (ms > 0 ? ms : 0)); // a delay may come to NaN: then at once, as with Node
    return alarm;
  }

  clearTimeout(timer: unknown): void {
    if (timer instanceof Alarm) this.#runtime.alarms.clear(timer);
  }
}

let ownClock: TimerClock | undefined;

/** What XState takes where nobody gives it a clock: Node's timers. */
function xstatesOwnClock(): TimerClock {
  return (ownClock ??= createActor(fromTransition((context) => context, undefined)).system._clock);
}

function withNow(clock: TimerClock): Clock {
  return "now" in clock && typeof clock.now === "function" ? (clock as Clock) : new ReckonedClock(clock);
}

/** XState does not ask a clock what time it is. Time passes as the machine's does, and at least as the timers say. */
class ReckonedClock implements Clock {
  readonly #clock: TimerClock;
  /** How far the timers are ahead of the machine. */
  #ahead = 0;

  constructor(clock: TimerClock) {
    this.#clock = clock;
  }

  now(): number {
    return performance.now() + this.#ahead;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const at = this.now() + ms;
    return this.#clock.setTimeout(() => {
      this.#ahead += Math.max(0, at - this.now());
      callback();
    }, ms);
  }

  clearTimeout(timer: unknown): void {
    this.#clock.clearTimeout(timer);
  }
}
