import { type ExitReason, Shutdown } from "../process/exit.ts";
import { checkOptionNames } from "../process/option-names.ts";
import { valueText } from "../process/value-text.ts";
import type { Restart } from "./supervision.ts";

/**
 * More than `intensity` restarts within `periodMs` milliseconds, and the supervisor gives up. Default: 2 in 5000. An
 * `intensity` of `Infinity` never gives up. Source: `static_supervisor.restart_tolerance`.
 */
export interface RestartTolerance {
  readonly intensity: number;
  readonly periodMs: number;
}

/** Whether a child that ended so is started again. */
export function isStartedAgain(restart: Restart, reason: ExitReason): boolean {
  return restart === "Permanent" || (restart === "Transient" && !isOrderly(reason));
}

/** Whether a process that ended so did what it was to do, or what it was asked to. */
function isOrderly(reason: ExitReason): boolean {
  return reason.type === "Normal" || (reason.type === "Abnormal" && reason.reason === Shutdown.reason);
}

/** The restarts of one supervisor, counted as long as they lie within the period: one just as old still counts. */
export class Restarts {
  readonly tolerance: RestartTolerance;
  /** When they were, oldest first. */
  readonly #times: number[] = [];

  constructor(tolerance: RestartTolerance = { intensity: 2, periodMs: 5000 }) {
    this.tolerance = tolerance;
  }

  /** Counts one more, and says whether that is tolerated. */
  add(now: number): boolean {
    const { intensity, periodMs } = this.tolerance;
    if (intensity === Infinity) return true;
    const old = this.#times.findIndex((time) => time >= now - periodMs);
    this.#times.splice(0, old === -1 ? this.#times.length : old);
    this.#times.push(now);
    return this.#times.length <= intensity;
  }

  /** What a supervisor ends with that gives up: `what` has to be restarted once too often, because of `cause`. */
  tooMany(what: string, cause: unknown): Error {
    const { intensity, periodMs } = this.tolerance;
    const restarts = intensity === 1 ? "restart" : "restarts";
    return new Error(`Supervisor gave up: more than ${intensity} ${restarts} in ${periodMs} ms, the last of ${what}`, {
      cause,
    });
  }
}

const toleranceNames = Object.keys({
  intensity: true,
  periodMs: true,
} satisfies Record<keyof RestartTolerance, true>);

/** @throws TypeError, RangeError for a tolerance that says nothing */
export function checkTolerance(action: string, tolerance: RestartTolerance | undefined): void {
  if (tolerance === undefined) return;
  checkOptionNames(action, tolerance, toleranceNames);
  const { intensity, periodMs } = tolerance;
  if (!(Number.isInteger(intensity) && intensity >= 0) && intensity !== Infinity)
    throw new RangeError(
      `Cannot ${action}: intensity must be 0, a whole number above or Infinity, received ${valueText(intensity)}`,
    );
  if (!(periodMs > 0))
    throw new RangeError(`Cannot ${action}: periodMs must be above 0, received ${valueText(periodMs)}`);
}
