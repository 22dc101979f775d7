import { Alarm } from "../process/alarm.ts";
import { Shutdown } from "../process/exit.ts";
import type { ExitMessage } from "../process/monitor.ts";
import type { Owner } from "../process/owner.ts";
import type { Process } from "../process/process.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import { isSelf } from "./start.ts";

/** The process that a supervisor on `host` is a child of; nobody where that is a runtime. */
export function parentOf(host: Host | undefined): Owner | undefined {
  return host !== undefined && isSelf(host) ? host.process : undefined;
}

/**
 * Whether `exit` asks the supervisor `self` to end: it comes from its parent, or from somebody who did not say who,
 * for whom the supervisor itself stands. Strangers that are linked to it end without it.
 */
export function asksToEnd(exit: ExitMessage, self: Self, parent: Owner | undefined): boolean {
  return exit.owner === parent || exit.owner === self.process;
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
