/**
 * Why a process or another owner ended: `Normal` (its function returned), `Killed` (nobody can trap it), or
 * `Abnormal` with what was thrown. Source: `gleam/erlang/process.ExitReason`.
 */
export type ExitReason =
  { readonly type: "Normal" } | { readonly type: "Killed" } | { readonly type: "Abnormal"; readonly reason: unknown };

/** The function returned. */
export const Normal: ExitReason = { type: "Normal" };

/** The process was killed from outside. */
export const Killed: ExitReason = { type: "Killed" };

/** Something went wrong, and `reason` says what. */
export function Abnormal(reason: unknown): ExitReason {
  return { type: "Abnormal", reason };
}

/**
 * @internal The reason of an end that somebody asked for, as a supervisor asks its children. To links and monitors it is
 * abnormal, but nothing went wrong: it is no crash. Source: OTP's exit reason `shutdown`.
 */
export const Shutdown = { type: "Abnormal", reason: "shutdown" } as const satisfies ExitReason;

/** The reason with which Erlang answers for a process that is not there. */
export const noproc: ExitReason = Abnormal("noproc");

/**
 * Thrown out of a pending `self.receive`, `self.sleep` or `self.call` when their process ends, so that `finally`
 * blocks run, and by every use of `self` after that. Let it pass: the process is over, nobody waits for an answer.
 */
export class ExitSignal extends Error {
  readonly reason: ExitReason;

  /** @internal */
  constructor(reason: ExitReason) {
    super(`The process has ended: ${reason.type}`, reason.type === "Abnormal" ? { cause: reason.reason } : undefined);
    this.name = "ExitSignal";
    this.reason = reason;
  }
}

/** @internal That a process has ended is no news to its own waits: who has not begun to await one is not crashed by it. */
export function expectSignal(wait: Promise<unknown> | undefined): void {
  wait?.catch(() => undefined);
}
