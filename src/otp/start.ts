import { Alarm } from "../process/alarm.ts";
import { type ExitReason, ExitSignal } from "../process/exit.ts";
import type { Process } from "../process/process.ts";
import { type Host, runtimeEngine, spawn, type SpawnOptions } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
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
    let forgetExit = (): void => undefined;
    const settle = (result: Result<Started<D>, StartError>): void => {
      alarms.clear(alarm);
      forgetExit();
      resolve(result);
    };
    const process = (host ?? { spawn }).spawn(async (self, subject: OwnSubject<M>) => {
      const begun = await initialise(() => init(self, subject));
      if (begun.ok) {
        settle(ok({ process, data: begun.value.data }));
        return begun.value.run();
      }
      unlinkFrom(host, process);
      settle(err({ type: "InitFailed", reason: begun.error }));
      return undefined;
    }, spawnOptions);
    const { alarms, clock } = runtimeEngine(process.runtime);
    const alarm = new Alarm(() => {
      unlinkFrom(host, process);
      settle(err({ type: "InitTimeout" }));
      process.kill();
    });
    alarms.set(alarm, clock.now() + initTimeoutMs);
    forgetExit = process.onExit((reason) => {
      settle(err({ type: "InitExited", reason }));
    });
  });
}

/** @throws ExitSignal where the process was ended meanwhile: that is not the initialiser's failure */
async function initialise<T>(init: () => T | PromiseLike<T>): Promise<Result<T, unknown>> {
  try {
    return { ok: true, value: await init() };
  } catch (error) {
    if (error instanceof ExitSignal) throw error;
    return { ok: false, error };
  }
}

function unlinkFrom(host: Host | undefined, process: Process): void {
  if (host !== undefined && isSelf(host) && host.process.isAlive) host.unlink(process);
}

/** @internal Whether what is started on `host` is linked to a process. */
export function isSelf(host: Host): host is Self {
  return "process" in host;
}
