import { Alarm } from "../process/alarm.ts";
import { type ExitReason, Shutdown } from "../process/exit.ts";
import type { ExitMessage } from "../process/monitor.ts";
import type { Process, ProcessEngine } from "../process/process.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import { isSelf } from "./start.ts";

/** How a supervisor ends. */
export interface End {
  readonly reason: ExitReason;
  /** Whether its parent has ended so: then the reason has been reported where it comes from. */
  readonly isParents?: boolean;
}

/** The process that a supervisor on `host` is a child of; nobody where that is a runtime. */
export function parentOf(host: Host | undefined): Process | undefined {
  return host !== undefined && isSelf(host) ? host.process : undefined;
}

/** Lets the supervisor `self` hear of exits, and end with its parent all the same. */
export function trapExitsUnder(self: Self, parent: Process | undefined): void {
  self.trapExits(true);
  engineOf(self).ties.endsWith = parent;
}

/**
 * What `exit` makes of the supervisor `self`: it ends where the exit comes from its parent, or from somebody who did
 * not say who, for whom the supervisor itself stands. Strangers that are linked to it end without it.
 */
export function endAskedFor(exit: ExitMessage, self: Self, parent: Process | undefined): End | undefined {
  if (exit.owner === self.process) return { reason: exit.reason };
  return exit.owner === parent ? { reason: exit.reason, isParents: !parent.isAlive } : undefined;
}

/** Ends the supervisor, whose children have been stopped. Normally it ends by returning. */
export function endSupervisor(self: Self, { reason, isParents = false }: End): void {
  if (isParents) engineOf(self).end(reason);
  else if (reason.type !== "Normal") self.exit(reason);
}

/** Every `Self` is the view of an engine. */
function engineOf(self: Self): ProcessEngine {
  return self.process as unknown as ProcessEngine;
}

/**
 * Asks all of `processes` to end, at once, and kills after `timeoutMs` milliseconds those that have not; 0 kills them
 * without asking. Resolves when their functions have returned, or the time is over: code between two awaits runs on.
 */
export async function stopProcesses(self: Self, processes: readonly Process[], timeoutMs: number): Promise<void> {
  if (timeoutMs > 0) {
    for (const process of processes) process.sendAbnormalExit(Shutdown.reason, { from: self });
    await settledWithin(
      self,
      processes.map(({ settled }) => settled),
      timeoutMs,
    );
  }
  for (const process of processes) process.kill();
}

/** Resolves when all of `settled` have, after `timeoutMs` milliseconds, or when the process of `self` has ended. */
export function settledWithin(self: Self, settled: readonly Promise<unknown>[], timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const { alarms, clock } = runtimeEngine(self.runtime);
    let left = settled.length;
    if (left === 0 || timeoutMs === 0 || !self.process.isAlive) {
      resolve();
      return;
    }
    const finish = (): void => {
      alarms.clear(alarm);
      forgetExit();
      resolve();
    };
    const alarm = new Alarm(finish);
    alarms.set(alarm, clock.now() + timeoutMs);
    const forgetExit = self.onExit(finish, "resource");
    const settle = (): void => {
      if (--left === 0) finish();
    };
    for (const one of settled) void one.then(settle);
  });
}

/** Asks a supervisor to end normally, in nobody's name, and waits until it has. */
export async function stopSupervisor(process: Process): Promise<void> {
  process.sendExit();
  await process.settled;
}
