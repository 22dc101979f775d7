import { deferred, type Deferred } from "./deferred.ts";
import { type ExitReason, ExitSignal } from "./exit.ts";

/** What the function of a process gave. */
export interface Returned {
  readonly value: unknown;
}

/** Of one that threw, or that returned when its process had ended: nobody gets to see a value. */
export const noValue: Returned = { value: undefined };

/**
 * What can be learned of a process from outside, as promises. Made when somebody asks first, be it after the end: an
 * idle process that nobody asks about has none.
 */
export class Outcome {
  #ended: ExitReason | undefined;
  #returned: Returned | undefined;
  #result: Deferred<unknown> | undefined;
  #exited: Deferred<ExitReason> | undefined;
  #settled: Deferred<void> | undefined;

  /** As it is by now. */
  constructor(ended: ExitReason | undefined, returned: Returned | undefined) {
    this.#ended = ended;
    this.#returned = returned;
  }

  /** Whether somebody has asked how it ends, and so hears of it. */
  get isAskedFor(): boolean {
    return this.#result !== undefined || this.#exited !== undefined;
  }

  get result(): Promise<unknown> {
    if (this.#result === undefined) {
      this.#result = deferred();
      if (this.#ended !== undefined) this.#tellResult(this.#ended);
    }
    return this.#result.promise;
  }

  get exited(): Promise<ExitReason> {
    if (this.#exited === undefined) {
      this.#exited = deferred();
      if (this.#ended !== undefined) this.#exited.resolve(this.#ended);
    }
    return this.#exited.promise;
  }

  get settled(): Promise<void> {
    if (this.#settled === undefined) {
      this.#settled = deferred();
      if (this.#returned !== undefined) this.#settled.resolve();
    }
    return this.#settled.promise;
  }

  /** The function has returned or thrown, sooner or later than the process ended. */
  settle(returned: Returned): void {
    this.#returned = returned;
    this.#settled?.resolve();
  }

  /** The process is ending: from now on it is not alive. */
  end(reason: ExitReason): void {
    this.#ended = reason;
  }

  /** Everybody whom the end concerns has been told. */
  tell(): void {
    if (this.#ended === undefined) return;
    this.#tellResult(this.#ended);
    this.#exited?.resolve(this.#ended);
  }

  #tellResult(ended: ExitReason): void {
    if (this.#returned !== undefined && this.#returned !== noValue) this.#result?.resolve(this.#returned.value);
    else this.#result?.reject(ended.type === "Abnormal" ? ended.reason : new ExitSignal(ended));
  }
}
