import { Activity } from "./activity.ts";
import { Alarms } from "./alarm.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Killed } from "./exit.ts";
import { ExitListeners } from "./exit-listeners.ts";
import { type Name, nameEngine } from "./name.ts";
import { checkMailboxOptions, type MailboxOptions } from "./mailbox-bound.ts";
import { checkOptionNames } from "./option-names.ts";
import { type Process, ProcessEngine } from "./process.ts";
import { Processes } from "./processes.ts";
import { Scheduler } from "./scheduler.ts";
import { type Self, SelfEngine } from "./self.ts";
import type { OwnSubject } from "./subject.ts";
import { valueText } from "./value-text.ts";

/**
 * What a process does. It receives from `subject`, whose address is `Process.subject`: annotate it as
 * `OwnSubject<M>` to say what the process accepts. What it returns is the process's `result`.
 */
export type Run<T, M = never> = (self: Self, subject: OwnSubject<M>) => T | PromiseLike<T>;

/** How a process is started. */
export interface SpawnOptions<M = never> {
  /** A name that the process holds from the start; `subject` then receives what is sent to the name too. */
  readonly name?: Name<M> | undefined;
  /** Default: the runtime's. */
  readonly mailbox?: MailboxOptions | undefined;
}

/** Where processes are started: a runtime, or a process, to which its children are linked. */
export interface Host {
  /**
   * Starts a process. Its function begins in its turn, never inside this call.
   *
   * @throws TypeError for a `run` that is no function, and for a name that is not an option's
   * @throws Error where another process holds `options.name`
   */
  spawn<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M>;
}

/** An Abnormal end, at the process where it comes from. */
export interface Crash {
  readonly process: Process;
  /** What was thrown. */
  readonly reason: unknown;
  /** Whether anybody hears of it otherwise: a link, a monitor, a supervisor, a reader of `result` or `exited`. */
  readonly handled: boolean;
}

/** A message that nobody will receive. */
export interface DeadLetter {
  readonly message: unknown;
  /** For people to read: whom it was for. */
  readonly to: string;
  readonly why: "Exited" | "Refused" | "Dropped" | "Unregistered" | "Unmatched";
}

/** What a runtime is made of. */
export interface RuntimeOptions {
  /** Default: the machine's monotonic time. */
  readonly clock?: Clock | undefined;
  /** The bound of every mailbox that has none of its own. Default: none. */
  readonly mailbox?: MailboxOptions | undefined;
  /**
   * Called once for every Abnormal end, where it comes from. The default throws the unhandled ones as uncaught
   * exceptions: a crash that nobody hears is never silent. An end with the reason "shutdown" was asked for: no crash.
   */
  readonly onCrash?: ((crash: Crash) => void) | undefined;
  /** Called for every message that nobody will receive. Default: nothing. */
  readonly onDeadLetter?: ((letter: DeadLetter) => void) | undefined;
}

/** Processes that share a clock, a run queue and hooks. Two runtimes share nothing but addresses. */
export interface Runtime extends Host {
  /** Resolves when no process can run any more: all have ended or wait, and no timer, deadline or socket is open. */
  idle(): Promise<void>;
  /** Kills every process, and resolves when those whose functions only waited have returned. No process starts after it. */
  stop(): Promise<void>;
}

/** The engine behind `Runtime`, and what the parts of the library ask of it. */
export class RuntimeEngine implements Runtime {
  readonly clock: Clock;
  readonly scheduler = new Scheduler();
  readonly activity = new Activity();
  readonly alarms: Alarms;
  readonly #processes = new Processes();
  readonly #mailbox: MailboxOptions | undefined;
  readonly #onCrash: (crash: Crash) => void;
  readonly #onDeadLetter: (letter: DeadLetter) => void;
  #ids = 0;
  readonly #stopListeners = new ExitListeners();
  #isStopped = false;

  constructor(options: RuntimeOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.alarms = new Alarms(this.clock, this.scheduler, this.activity);
    this.#mailbox = options.mailbox;
    this.#onCrash = options.onCrash ?? throwUnhandled;
    this.#onDeadLetter = options.onDeadLetter ?? (() => undefined);
  }

  spawn<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>, parent?: ProcessEngine): Process<T, M> {
    if (typeof run !== "function")
      throw new TypeError(`Cannot spawn: run must be a function, received ${valueText(run)}`);
    if (options !== undefined) checkOptionNames("spawn", options, spawnOptionNames);
    if (options?.mailbox !== undefined) checkMailboxOptions("spawn", options.mailbox);
    if (this.#isStopped) throw new Error("Cannot spawn in a runtime that has been stopped");
    const name = options?.name === undefined ? undefined : nameEngine(options.name);
    if (name?.inbox !== undefined) throw new Error(`Cannot spawn: the name "${name.text}" is taken`);
    const process = new ProcessEngine(
      this,
      (started) => run(new SelfEngine(started), started.inbox as unknown as OwnSubject<M>),
      options?.mailbox ?? this.#mailbox,
    );
    this.#processes.add(process);
    if (name !== undefined) process.belongings.register(name, process.inbox);
    if (parent !== undefined) parent.ties.link(process);
    return process as unknown as Process<T, M>;
  }

  async idle(): Promise<void> {
    // Whoever has just become idle may have sent messages that still stand in the run queue.
    do {
      await new Promise<void>((resolve) => {
        this.activity.whenNone(resolve);
      });
      await new Promise((resolve) => setImmediate(resolve));
    } while (!this.activity.isNone || !this.scheduler.isIdle);
  }

  /** Calls `listener` before the processes are killed, for what is no process and ends with them. */
  onStop(listener: () => void): () => void {
    return this.#stopListeners.add(listener, "observer");
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopListeners.tellObservers(Killed, this.rethrow);
    for (const process of this.#processes.all) process.kill();
    // One turn: whoever waited in a receive, a sleep or a call has been woken and runs its `finally` blocks.
    await new Promise((resolve) => setImmediate(resolve));
  }

  nextId(): number {
    return ++this.#ids;
  }

  /** Its function has returned. */
  forget(process: ProcessEngine): void {
    this.#processes.delete(process);
  }

  reportCrash(process: ProcessEngine, reason: unknown, handled: boolean): void {
    this.#guard(() => {
      this.#onCrash({ process, reason, handled });
    });
  }

  deadLetter(letter: DeadLetter): void {
    this.#guard(() => {
      this.#onDeadLetter(letter);
    });
  }

  /** For what user code throws where nobody could catch it: an uncaught exception, after everybody has been told. */
  readonly rethrow = (error: unknown): void => {
    queueMicrotask(() => {
      throw error;
    });
  };

  #guard(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.rethrow(error);
    }
  }
}

// The records let the compiler miss none.
const spawnOptionNames = Object.keys({ name: true, mailbox: true } satisfies Record<keyof SpawnOptions, true>);
const runtimeOptionNames = Object.keys({
  clock: true,
  mailbox: true,
  onCrash: true,
  onDeadLetter: true,
} satisfies Record<keyof RuntimeOptions, true>);

function throwUnhandled({ process, reason, handled }: Crash): void {
  if (handled) return;
  if (reason instanceof Error) throw reason;
  throw new Error(`Process ${String(process.id)} ended abnormally and nobody watched it: ${valueText(reason)}`, {
    cause: reason,
  });
}

/**
 * Makes a runtime of its own, with its own clock and hooks: for tests, and to keep parts of a program apart.
 *
 * @throws TypeError for a name that is not an option's
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  checkOptionNames("create a runtime", options, runtimeOptionNames);
  if (options.mailbox !== undefined) checkMailboxOptions("create a runtime", options.mailbox);
  return new RuntimeEngine(options);
}

/** Where processes and sockets live that were given no other place. */
const defaultRuntime = new RuntimeEngine();

/** @internal The engine of `runtime`, or of the default one. */
export function runtimeEngine(runtime: Runtime | undefined): RuntimeEngine {
  return runtime instanceof RuntimeEngine ? runtime : defaultRuntime;
}

/** Starts a process in the default runtime. It has no parent and is linked to nobody. Source: `process.spawn_unlinked`. */
export function spawn<T, M = never>(run: Run<T, M>, options?: SpawnOptions<M>): Process<T, M> {
  return defaultRuntime.spawn(run, options);
}
