import { err, ok, type Result } from "../result.ts";
import { type ExitReason, ExitSignal } from "./exit.ts";
import type { ExitListener } from "./exit-listener.ts";
import { ExitListeners } from "./exit-listeners.ts";
import { MailboxSubject } from "./mailbox-subject.ts";
import type { NameEngine } from "./name.ts";
import type { ProcessEngine } from "./process.ts";
import type { TimerEngine } from "./timer.ts";

/** What is a process's own, and goes at its end before anybody hears of that: its names, its timers, what wakes its waits. */
export class Belongings {
  readonly #process: ProcessEngine;
  #names: Map<NameEngine, MailboxSubject> | undefined;
  #timers: Set<TimerEngine> | undefined;
  #interrupts: ExitListeners | undefined;
  #controller: AbortController | undefined;

  constructor(process: ProcessEngine) {
    this.#process = process;
  }

  /** What was sent by this name before is received by it again. */
  register(name: NameEngine, inbox?: MailboxSubject): Result<MailboxSubject, "NameTaken"> {
    this.#names ??= new Map();
    const subject = inbox ?? this.#names.get(name) ?? new MailboxSubject(this.#process);
    if (!name.claim(subject)) return err("NameTaken");
    this.#names.set(name, subject);
    return ok(subject);
  }

  unregister(name: NameEngine): Result<undefined, "NotRegistered"> {
    if (name.inbox?.holder !== this.#process) return err("NotRegistered");
    name.release();
    return ok();
  }

  keepTimer(timer: TimerEngine): void {
    (this.#timers ??= new Set()).add(timer);
  }

  forgetTimer(timer: TimerEngine): void {
    this.#timers?.delete(timer);
  }

  /**
   * Calls `listener` at the end, before anybody else hears of it, to wake what the process itself waits for; until it
   * leaves.
   */
  onInterrupt(listener: ExitListener): void {
    (this.#interrupts ??= new ExitListeners()).addObserver(listener);
  }

  /** `ended` where the process is over: then it is aborted already. */
  signalOf(ended: ExitReason | undefined): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (ended !== undefined) this.#controller.abort(new ExitSignal(ended));
    }
    return this.#controller.signal;
  }

  /** The process has ended: its names are free, and its timers send nothing more. */
  free(): void {
    for (const name of this.#names?.keys() ?? []) this.unregister(name);
    this.#names = undefined;
    for (const timer of this.#timers ?? []) timer.cancel();
    this.#timers = undefined;
  }

  /** A signal is made where somebody waits for one: it costs more than the rest of a short life. */
  interrupt(reason: ExitReason, rethrow: (error: unknown) => void): void {
    this.#interrupts?.tellObservers(reason, rethrow);
    this.#controller?.abort(new ExitSignal(reason));
  }
}
