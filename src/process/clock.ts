/** Where a runtime takes its time from. XState's clocks and the simulated clock of `tankard/testing` fit. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The machine's own monotonic time. Its timers do not hold the program: the runtime does, while somebody waits. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms).unref(),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
  },
};

/** Erlang's largest time-out. */
const longestMs = 2 ** 32 - 1;

/**
 * Lets a time through that a process may wait: 0 to 2^32 - 1 milliseconds, or `Infinity`.
 *
 * @throws RangeError for any other number
 */
export function checkDelay(action: string, name: string, milliseconds: number): void {
  if ((milliseconds >= 0 && milliseconds <= longestMs) || milliseconds === Infinity) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must be from 0 to ${String(longestMs)} milliseconds or Infinity, received ${String(milliseconds)}`,
  );
}
