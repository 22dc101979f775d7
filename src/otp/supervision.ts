import { checkDelay } from "../process/clock.ts";
import { checkOptionNames } from "../process/option-names.ts";
import type { Host } from "../process/runtime.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import type { Started, StartError } from "./start.ts";

/**
 * When a child is started again: always; only after an abnormal end, which one with the reason "shutdown" is not; or
 * never. Source: `supervision.Restart`.
 */
export type Restart = "Permanent" | "Transient" | "Temporary";

/** A child of a supervisor. Source: `supervision.ChildSpecification`. */
export interface ChildSpec {
  /** What it is called among the children of its supervisor. */
  readonly id: string;
  /**
   * Starts it on `host`, which links it to the supervisor. The supervisor waits for the answer and does nothing else
   * meanwhile. One that throws or rejects counts as `InitFailed`.
   */
  start(host: Host): Promise<Result<Started<unknown>, StartError>>;
  /** Default `Permanent`. */
  readonly restart?: Restart | undefined;
  /** Whether its end counts for `autoShutdown`; never for a `Permanent` child. Default false. */
  readonly significant?: boolean | undefined;
  /**
   * Milliseconds it may take to end when the supervisor stops it, before it is killed; 0 kills it at once. Before it is
   * started again, its function has as long to return. Default 5000. A child that is a supervisor stops children of its
   * own: `Infinity` lets it take the time that they are given.
   */
  readonly shutdownTimeoutMs?: number | undefined;
}

/** How many children a supervisor knows, and how many of them run. */
export interface ChildCount {
  readonly specs: number;
  readonly active: number;
}

/** No child has this id. */
export interface NotFound {
  readonly type: "NotFound";
}

/** Why a child is neither started nor deleted. Source: the errors of `supervisor:restart_child` and `delete_child`. */
export type NotStopped = NotFound | { readonly type: "Running" } | { readonly type: "Restarting" };

/** Why no child is added. Source: the errors of `supervisor:start_child`. */
export interface AlreadyPresent {
  readonly type: "AlreadyPresent";
}

/** @internal */
export const defaultShutdownTimeoutMs = 5000;

const restarts: readonly unknown[] = ["Permanent", "Transient", "Temporary"] satisfies Restart[];

const childSpecNames = Object.keys({
  id: true,
  start: true,
  restart: true,
  significant: true,
  shutdownTimeoutMs: true,
} satisfies Record<keyof ChildSpec, true>);

/**
 * @internal Refuses what no child can be made of. `action` is what cannot be done then.
 *
 * @throws TypeError for a wrong name, type or combination, RangeError for a number that is none of milliseconds
 */
export function checkChildSpec(action: string, spec: ChildSpec): void {
  checkOptionNames(action, spec, childSpecNames);
  if (typeof spec.id !== "string")
    throw new TypeError(`Cannot ${action}: the id of a child must be a string, received ${valueText(spec.id)}`);
  checkStart(action, `start of child ${valueText(spec.id)}`, spec);
  checkRestart(action, spec.restart);
  checkShutdownTimeout(action, spec.shutdownTimeoutMs);
  if (spec.significant === true && (spec.restart ?? "Permanent") === "Permanent")
    throw new TypeError(`Cannot ${action}: child ${valueText(spec.id)} is significant, so it cannot be "Permanent"`);
}

/** @internal */
export function checkStart(action: string, what: string, { start }: { readonly start: unknown }): void {
  if (typeof start !== "function")
    throw new TypeError(`Cannot ${action}: ${what} must be a function, received ${valueText(start)}`);
}

/** @internal */
export function checkRestart(action: string, restart: Restart | undefined): void {
  if (restart !== undefined) checkChoice(action, "restart", restart, restarts);
}

/** @internal */
export function checkShutdownTimeout(action: string, milliseconds: number | undefined): void {
  if (milliseconds !== undefined) checkDelay(action, "shutdownTimeoutMs", milliseconds);
}

/** @internal */
export function checkChoice(action: string, name: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  const names = choices.map((choice) => valueText(choice)).join(", ");
  throw new TypeError(`Cannot ${action}: ${name} must be one of ${names}, received ${valueText(value)}`);
}
