import { type Alarms, Deadline, type Waiter } from "../process/alarm.ts";
import { afterPoll } from "../process/scheduler.ts";
import { err, type Result } from "../result.ts";
import type { SocketError } from "./error.ts";

type Received = Result<Buffer, SocketError>;

/** The one receive of a socket that may wait: for how many bytes, and until when. */
export class WaitingReceive implements Waiter {
  readonly #onTimeout: (byteSize: number) => void;
  #byteSize = 0;
  #resolve: ((result: Received) => void) | undefined;
  #deadline: Deadline | undefined;

  /** `onTimeout` is called when one that waited for so many bytes waits no longer, and has said `Timeout`. */
  constructor(onTimeout: (byteSize: number) => void) {
    this.#onTimeout = onTimeout;
  }

  get isThere(): boolean {
    return this.#resolve !== undefined;
  }

  /** How many bytes exactly it waits for; 0 for what comes, and where none waits. */
  get byteSize(): number {
    return this.#byteSize;
  }

  /** A negative time waits for ever, and 0 for one look at what the kernel has. */
  start(byteSize: number, milliseconds: number, alarms: Alarms): Promise<Received> {
    return new Promise((resolve) => {
      this.#byteSize = byteSize;
      this.#resolve = resolve;
      if (milliseconds === 0) this.#passPoll(resolve);
      else if (milliseconds > 0) this.#startDeadline(milliseconds, alarms);
    });
  }

  /** It waits no longer; what this gives settles it, and does nothing where none waited. */
  take(): (result: Received) => void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#byteSize = 0;
    this.#deadline?.stop();
    return resolve ?? (() => undefined);
  }

  /** No other will wait. */
  dispose(): void {
    this.#deadline?.dispose();
  }

  #passPoll(resolve: (result: Received) => void): void {
    afterPoll(() => {
      if (this.#resolve === resolve) this.passDeadline();
    });
  }

  #startDeadline(milliseconds: number, alarms: Alarms): void {
    this.#deadline ??= new Deadline(alarms, this);
    this.#deadline.start(milliseconds);
  }

  passDeadline(): void {
    if (!this.isThere) return;
    const byteSize = this.#byteSize;
    this.take()(err("Timeout"));
    this.#onTimeout(byteSize);
  }
}

/** That of all queues by which nobody has waited yet. None is ever started here. */
export const noReceive = new WaitingReceive(() => undefined);
