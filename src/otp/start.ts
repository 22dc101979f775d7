import { Deadline, type Waiter } from "../process/alarm.ts";
import { ExitListener } from "../process/exit-listener.ts";
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
export interface Begun<D> {
  readonly data: D;
  /** The process ends when this returns. */
  run(): unknown;
}

interface StartOptions<M> extends SpawnOptions<M> {
  /** Milliseconds that the initialiser may take. */
  readonly initTimeoutMs: number;
}

type Init<D, M> = (self: Self, subject: OwnSubject<M>) => Begun<D> | PromiseLike<Begun<D>>;

/**
 * @internal Starts a process on `host`, the default runtime if none is given, and waits until `init` has returned in
 * it. An initialiser that fails takes nobody down by a link: its starter is told, and that is all.
 */
export function start<D, M>(
  host: Host | undefined,
  options: StartOptions<M>,
  init: Init<D, M>,
): Promise<Result<Started<D>, StartError>> {
  return new Promise((resolve) => {
    new Starting(host, init, resolve).start(options);
  });
}

/** A process that is being initialised: its starter waits until it is, or has ended, or the time is over. */
class Starting<D, M> extends ExitListener implements Waiter {
  readonly #host: Host | undefined;
  readonly #init: Init<D, M>;
  readonly #resolve: (result: Result<Started<D>, StartError>) => void;
  #process!: Process;
  #deadline!: Deadline;

  constructor(host: Host | undefined, init: Init<D, M>, resolve: (result: Result<Started<D>, StartError>) => void) {
    super();
    this.#host = host;
    this.#init = init;
    this.#resolve = resolve;
  }

  start({ initTimeoutMs, name, mailbox }: StartOptions<M>): void {
    const host = this.#host ?? { spawn };
    // Most have neither: then `spawn` has nothing to check.
    const options = name === undefined && mailbox === undefined ? undefined : { name, mailbox };
    this.#process = host.spawn((self, subject: OwnSubject<M>) => this.#run(self, subject), options);
    const engine = processEngine(this.#process);
    this.#deadline = new Deadline(engine.runtime.alarms, this);
    this.#deadline.start(initTimeoutMs);
    engine.observeExit(this);
  }

  /** The function of the process. */
  #run(self: Self, subject: OwnSubject<M>): unknown {
    let begun;
    try {
      begun = this.#init(self, subject);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
    if (!isThenable(begun)) return this.#begin(begun);
    return begun.then(
      (later) => this.#begin(later),
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  #begin(begun: Begun<D>): unknown {
    this.#settle(ok({ process: this.#process, data: begun.data }));
    return begun.run();
  }

  #fail(error: unknown): void {
    if (error instanceof ExitSignal) throw error; // it was ended meanwhile: that is not the initialiser's failure
    this.#unlink();
    this.#settle(err({ type: "InitFailed", reason: error }));
  }

  passDeadline(): void {
    this.#unlink();
    this.#settle(err({ type: "InitTimeout" }));
    this.#process.kill();
  }

  /** It has ended before it was initialised. */
  hear(reason: ExitReason): void {
    this.#settle(err({ type: "InitExited", reason }));
  }

  #settle(result: Result<Started<D>, StartError>): void {
    this.#deadline.dispose();
    this.leave();
    this.#resolve(result);
  }

  #unlink(): void {
    const host = this.#host;
    if (host !== undefined && isSelf(host) && host.process.isAlive) host.unlink(this.#process);
  }
}

/** @internal Whether what is started on `host` is linked to a process. */
export function isSelf(host: Host): host is Self {
  return "process" in host;
}
