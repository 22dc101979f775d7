import { Deadline } from "../process/alarm.ts";
import { type ExitReason, ExitSignal } from "../process/exit.ts";
import { type Process, processEngine } from "../process/process.ts";
import { type Host, spawn, type SpawnOptions } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
import { isThenable } from "../process/thenable.ts";
import { err, ok, type Result } from "../result.ts";

/** Why something could not be started. Nothing of it is left. Source: `actor.StartError`. */
export type StartError =
  /** Its initialiser took too long; it was killed. */
  | { readonly type: "InitTimeout" }
  /** Its initialiser threw `reason`. */
  | { readonly type: "InitFailed"; readonly reason: unknown }
  /** It was ended before its initialiser had returned. */
  | { readonly type: "InitExited"; readonly reason: ExitReason };

/** What a starter gets: the process, and what it gave back when it was initialised. Source: `actor.Started`. */
export interface Started<out D> {
  readonly process: Process;
  readonly data: D;
}

/** What an initialiser comes to: what the starter gets, and how the process goes on. */
interface Begun<D> {
  readonly data: D;
  /** The process ends when this returns. */
  run(): unknown;
}

interface StartOptions<M> extends SpawnOptions<M> {
  /** Milliseconds that the initialiser may take. */
  readonly initTimeoutMs: number;
}

/**
 * @internal Starts a process on `host`, the default runtime if none is given, and waits until `init` has returned in
 * it. An initialiser that fails takes nobody down by a link: its starter is told, and that is all.
 */
export function start<D, M>(
  host: Host | undefined,
  options: StartOptions<M>,
  init: (self: Self, subject: OwnSubject<M>) => Begun<D> | PromiseLike<Begun<D>>,
): Promise<Result<Started<D>, StartError>> {
  return new Promise((resolve) => {
    const { initTimeoutMs, ...spawnOptions } = options;
    const settle = (result: Result<Started<D>, StartError>): void => {
      deadline.dispose();
      exit.leave();
      resolve(result);
    };
    const begin = (begun: Begun<D>): unknown => {
      settle(ok({ process, data: begun.data }));
      return begun.run();
    };
    const fail = (error: unknown): void => {
      if (error instanceof ExitSignal) throw error; // it was ended meanwhile: that is not the initialiser's failure
      unlinkFrom(host, process);
      settle(err({ type: "InitFailed", reason: error }));
    };
    const process = (host ?? { spawn }).spawn((self, subject: OwnSubject<M>) => {
      let begun;
      try {
        begun = init(self, subject);
      } catch (error) {
        fail(error);
        return undefined;
      }
      return isThenable(begun) ? begun.then(begin, fail) : begin(begun);
    }, spawnOptions);
    const engine = processEngine(process);
    const deadline = new Deadline(engine.runtime.alarms, {
      passDeadline: () => {
        unlinkFrom(host, process);
        settle(err({ type: "InitTimeout" }));
        process.kill();
      },
    });
    deadline.start(initTimeoutMs);
    const exit = engine.observeExit((reason) => {
      settle(err({ type: "InitExited", reason }));
    });
  });
}

function unlinkFrom(host: Host | undefined, process: Process): void {
  if (host !== undefined && isSelf(host) && host.process.isAlive) host.unlink(process);
}

/** @internal Whether what is started on `host` is linked to a process. */
export function isSelf(host: Host): host is Self {
  return "process" in host;
}
