import type { Host } from "../process/runtime.ts";
import type { Result } from "../result.ts";
import type { Started, StartError } from "./start.ts";

/**
 * When a child is started again: always, only after an abnormal end, or never. Source: `supervision.Restart`.
 */
export type Restart = "Permanent" | "Transient" | "Temporary";

/** A child of a supervisor. Source: `supervision.ChildSpecification`. */
export interface ChildSpec {
  /** What it is called among the children of its supervisor. */
  readonly id: string;
  /** Starts it on `host`, which links it to the supervisor. */
  start(host: Host): Promise<Result<Started<unknown>, StartError>>;
  /** Default `Permanent`. */
  readonly restart?: Restart | undefined;
  /** Milliseconds it may take to end when the supervisor stops it, before it is killed. Default 5000. */
  readonly shutdownTimeoutMs?: number | undefined;
}

/** More than `intensity` restarts within `periodMs` milliseconds, and the supervisor gives up. Default: 2 in 5000. */
export interface RestartTolerance {
  readonly intensity: number;
  readonly periodMs: number;
}
