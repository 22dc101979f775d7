import { Alarm } from "../process/alarm.ts";
import { type ExitReason, Shutdown } from "../process/exit.ts";
import type { Process } from "../process/process.ts";
import { runtimeEngine } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";

/** Whether a process that ended so did what it was to do, or what it was asked to. */
export function isOrderly(reason: ExitReason): boolean {
  return reason.type === "Normal" || (reason.type === "Abnormal" && reason.reason === Shutdown.reason);
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
