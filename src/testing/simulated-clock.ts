import type { Clock } from "../process/clock.ts";

/** A clock whose time passes only when a test says so. */
export interface SimulatedClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. What is due happens in order, each at its own time, and processes react to it before
   * the next is due. Resolves when they have.
   *
   * @throws RangeError for a negative number
   */
  advance(ms: number): Promise<void>;
  /** Timers that are set. */
  readonly pending: number;
}

interface SimulatedTimer {
  readonly at: number;
  readonly callback: () => void;
}

/** Makes a clock that stands at 0. Give it to `createRuntime({ clock })`. */
export function createSimulatedClock(): SimulatedClock {
  let time = 0;
  const timers = new Set<SimulatedTimer>();

  const nextUntil = (limit: number): SimulatedTimer | undefined => {
    let next: SimulatedTimer | undefined;
    // Sets keep the order of insertion, so of two that are due together the one set first is first.
    for (const timer of timers) if (timer.at <= limit && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  };

  return {
    now: () => time,
    setTimeout(callback, ms) {
      const timer = { at: time + Math.max(0, ms), callback };
      timers.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      timers.delete(timer as SimulatedTimer);
    },
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`Cannot advance: ms must be 0 or more, received ${String(ms)}`);
      const target = time + ms;
      await settle();
      for (let next = nextUntil(target); next !== undefined; next = nextUntil(target)) {
        timers.delete(next);
        time = Math.max(time, next.at);
        next.callback();
        await settle();
      }
      time = Math.max(time, target); // another call may have gone further meanwhile
      await settle();
    },
  };
}

/** Processes that never wait would never be done; after so many slices they are left to go on. */
const mostSlices = 10_000;

/** How many are settling; each has one immediate under way when another looks. */
let settling = 0;

/** Lets processes run until they wait: as long as any has put off its next slice to the next turn of Node's loop. */
async function settle(): Promise<void> {
  settling++;
  for (let slices = 0; slices < mostSlices; slices++) {
    await new Promise((resolve) => setImmediate(resolve));
    const immediates = process.getActiveResourcesInfo().filter((kind) => kind === "Immediate").length;
    if (immediates < settling) break;
  }
  settling--;
}
