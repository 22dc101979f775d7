import type { ExitReason } from "./exit.ts";
import type { Owner } from "./owner.ts";
import { type Selector, withEntry, withoutEntry } from "./selector.ts";

/** What `self.monitor` gives, to tell one `ProcessDown` from another. Source: `process.Monitor`. */
export interface Monitor {
  readonly id: number;
}

/** A monitored owner has ended. Source: `process.Down`. */
export interface ProcessDown {
  readonly type: "ProcessDown";
  readonly monitor: Monitor;
  readonly owner: Owner;
  /** `Abnormal("noproc")` where it had ended before it was monitored. */
  readonly reason: ExitReason;
}

/** A linked owner has ended, or somebody sent an exit, and this process traps exits. Source: `process.ExitMessage`. */
export interface ExitMessage {
  readonly type: "ExitMessage";
  /** Who ended; the process itself for an exit that was sent with `sendExit` or `sendAbnormalExit`. */
  readonly owner: Owner;
  readonly reason: ExitReason;
}

/** Waits for the end of every monitored owner. Source: `process.select_monitors`. */
export function selectMonitors<M, const N>(selector: Selector<M>, mapper: (down: ProcessDown) => N): Selector<M | N> {
  return withEntry(selector, "lane", "monitor", mapper as (message: unknown) => N);
}

/** Waits for the end of one; beats `selectMonitors`. Source: `process.select_specific_monitor`. */
export function selectSpecificMonitor<M, const N>(
  selector: Selector<M>,
  monitor: Monitor,
  mapper: (down: ProcessDown) => N,
): Selector<M | N> {
  return withEntry(selector, "source", monitor, mapper as (message: unknown) => N);
}

/** Waits no longer for the end of this one by itself; `selectMonitors` still does. Source: `process.deselect_specific_monitor`. */
export function deselectSpecificMonitor<M>(selector: Selector<M>, monitor: Monitor): Selector<M> {
  return withoutEntry(selector, "source", monitor);
}

/** Waits for the exits that `self.trapExits(true)` turns into messages. Source: `process.select_trapped_exits`. */
export function selectTrappedExits<M, const N>(
  selector: Selector<M>,
  mapper: (exit: ExitMessage) => N,
): Selector<M | N> {
  return withEntry(selector, "lane", "exit", mapper as (message: unknown) => N);
}
