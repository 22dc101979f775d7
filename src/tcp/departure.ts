import { Alarm } from "../process/alarm.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import type { Transport } from "./transport.ts";

/**
 * How a connection goes once nobody wants anything of it but that its queue leaves. Node has no way for that: its
 * `destroy` drops the queue and sends a clean end behind the cut, and its `end` waits for ever for a peer that does not
 * read. Here the queue leaves, then the end; where `lingerMs` is not enough for that, the peer gets a reset.
 */
export class Departure {
  readonly #transport: Transport;
  readonly #runtime: RuntimeEngine;
  readonly #lingerMs: number;
  readonly #alarm = new Alarm(
    () => {
      this.#runOutOfTime();
    },
    { isLight: true }, // the transport holds the program, while it has something to send
  );

  constructor(transport: Transport, runtime: RuntimeEngine, lingerMs: number) {
    this.#transport = transport;
    this.#runtime = runtime;
    this.#lingerMs = lingerMs;
  }

  /** From now on the time runs. */
  startLinger(): void {
    if (!this.#alarm.isSet) this.#runtime.alarms.set(this.#alarm, this.#runtime.clock.now() + this.#lingerMs);
  }

  /** Nobody reads any more: the descriptor closes as soon as the queue has left. */
  leave(): void {
    if (this.#transport.isDestroyed) return;
    if (this.#transport.queuedBytes === 0 && !this.#transport.mustEnd) {
      this.#transport.destroy();
      return;
    }
    this.#transport.stopReading();
    this.#transport.end();
    this.startLinger();
  }

  /** The descriptor is closed. */
  finish(): void {
    this.#runtime.alarms.clear(this.#alarm);
  }

  #runOutOfTime(): void {
    if (this.#transport.queuedBytes > 0) this.#transport.reset();
    else this.#transport.destroy();
  }
}
