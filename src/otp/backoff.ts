import { checkDelay } from "../process/clock.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { valueText } from "../process/value-text.ts";

/**
 * How long to wait before trying again: at random from `minMs` up to a limit that starts at twice that, doubles with
 * every try in a row, and stops at `maxMs`. Many who fail at once so do not come back at once.
 */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
  /** Gives numbers from 0 to below 1; for tests. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** @internal The milliseconds before the given try in a row, the first of which is 1. */
export function backoffMs(backoff: Backoff, attempt: number): number {
  const { minMs, maxMs, random = Math.random } = backoff;
  return minMs + random() * (Math.min(maxMs, minMs * 2 ** attempt) - minMs);
}

const backoffNames = Object.keys({ minMs: true, maxMs: true, random: true } satisfies Record<keyof Backoff, true>);

/** @internal @throws TypeError, RangeError for a back-off that cannot be */
export function checkBackoff(action: string, backoff: Backoff | undefined): void {
  if (backoff === undefined) return;
  checkOptionNames(action, backoff, backoffNames);
  const { minMs, maxMs } = backoff;
  checkDelay(action, "maxMs", maxMs);
  if (!(minMs > 0 && minMs <= maxMs && maxMs !== Infinity))
    throw new RangeError(
      `Cannot ${action}: minMs must be above 0 and at most maxMs, received ${valueText(minMs)} and ${valueText(maxMs)}`,
    );
}
