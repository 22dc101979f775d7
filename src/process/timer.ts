import { err, ok, type Result } from "../result.ts";
import { Alarm } from "./alarm.ts";
import type { Address } from "./mailbox-subject.ts";
import type { ProcessEngine } from "./process.ts";
import type { RuntimeEngine } from "./runtime.ts";

/** A message that is on its way in time. Any process can cancel it. Source: `process.Timer`. */
export interface Timer {
  readonly id: number;
}

/**
 * Sends `message` after a while, once or again and again. It ends with the process that it would send to; where the
 * address is a name, that is found out when it fires.
 */
export class TimerEngine implements Timer {
  readonly id: number;
  readonly #runtime: RuntimeEngine;
  readonly #address: Address;
  readonly #message: unknown;
  /** The process at whose end this timer ends; none for a name. */
  readonly #receiver: ProcessEngine | undefined;
  readonly #periodMs: number | undefined;
  readonly #alarm = new Alarm(() => {
    this.#fire();
  });

  constructor(runtime: RuntimeEngine, address: Address, message: unknown, delayMs: number, periodMs?: number) {
    this.id = runtime.nextId();
    this.#runtime = runtime;
    this.#address = address;
    this.#message = message;
    this.#periodMs = periodMs;
    this.#receiver = address.isName === true ? undefined : address.holder;
    if (this.#receiver?.isAlive === false) return;
    runtime.alarms.set(this.#alarm, runtime.clock.now() + delayMs);
    this.#receiver?.belongings.keepTimer(this);
  }

  /** Stops it, and says how many milliseconds were left. */
  cancel(): Result<number, "TimerNotFound"> {
    if (!this.#alarm.isSet) return err("TimerNotFound");
    const left = Math.max(0, this.#alarm.at - this.#runtime.clock.now());
    this.#runtime.alarms.clear(this.#alarm);
    this.#receiver?.belongings.forgetTimer(this);
    return ok(left);
  }

  #fire(): void {
    if (this.#periodMs === undefined) this.#receiver?.belongings.forgetTimer(this);
    else this.#runtime.alarms.set(this.#alarm, this.#nextBeat(this.#periodMs));
    if (this.#address.isName !== true || this.#address.holder !== undefined) this.#address.put(this.#message);
    else this.#runtime.deadLetter({ message: this.#message, to: this.#address.text, why: "Unregistered" });
  }

  /** The beat stays, and what a busy program slept through is left out. */
  #nextBeat(periodMs: number): number {
    const missed = Math.floor((this.#runtime.clock.now() - this.#alarm.at) / periodMs);
    return this.#alarm.at + (missed + 1) * periodMs;
  }
}
