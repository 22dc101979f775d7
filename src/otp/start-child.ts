import type { ExitListener } from "../process/exit-listener.ts";
import type { ExitReason } from "../process/exit.ts";
import { type Process, ProcessEngine } from "../process/process.ts";
import type { Host } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import { valueText } from "../process/value-text.ts";
import { err, type Result } from "../result.ts";
import type { Started, StartError } from "./start.ts";

/**
 * Starts a child of the supervisor `self`. The child is linked to it, also where `start` took no notice of its host.
 * The supervisor's end ends the wait; what comes up only after that goes down again.
 */
export function startChild<D>(
  self: Self,
  start: (host: Host) => Promise<Result<Started<D>, StartError>>,
): Promise<Result<Started<D>, StartError>> {
  return new Promise((resolve) => {
    const forgetExit = self.onExit((reason) => {
      resolve(err({ type: "InitExited", reason }));
    }, "resource");
    void attempt(() => start(self)).then((result) => {
      forgetExit();
      if (result.ok) takeIn(self, result.value.process);
      resolve(result);
    });
  });
}

function takeIn(self: Self, child: Process): void {
  if (!self.process.isAlive) child.kill();
  // A link to one that has ended would only say so; who watches it hears how.
  else if (child.isAlive) self.link(child);
}

/** `listener` hears when the child ends, at once if it has. */
export function watchChild(child: Process, listener: ExitListener): void {
  if (child instanceof ProcessEngine) child.observeExit(listener);
  // One that another copy of this library has started, or somebody's view of one.
  else
    child.onExit((reason) => {
      listener.hear(reason);
    });
}

async function attempt<T>(start: () => Promise<Result<T, StartError>>): Promise<Result<T, StartError>> {
  try {
    return await start();
  } catch (error) {
    return err({ type: "InitFailed", reason: error });
  }
}

/** What a failed start comes to for people and for `cause`. */
export function startFailure(id: string, error: StartError): Error {
  return new Error(`Child ${valueText(id)} did not start: ${startErrorText(error)}`, { cause: startErrorCause(error) });
}

/** What a start failed of, as far down as can be seen. */
export function startErrorCause(error: StartError): unknown {
  return error.type === "InitFailed" ? error.reason : error;
}

/** What a process ended of: what it threw, where it threw. */
export function exitCause(reason: ExitReason): unknown {
  return reason.type === "Abnormal" ? reason.reason : reason;
}

function startErrorText(error: StartError): string {
  switch (error.type) {
    case "InitTimeout":
      return "its initialiser took too long";
    case "InitFailed":
      return error.reason instanceof Error ? error.reason.message : valueText(error.reason);
    case "InitExited":
      return `it ended first, ${valueText(error.reason)}`;
  }
}
