import { Alarm } from "../process/alarm.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import type { Transport } from "./transport.ts";

/** Milliseconds that the peer's end may take behind ours. */
const mostEndMs = 1_000;

/**
 * How a connection goes once nobody wants anything of it but that its queue leaves. Node has no way for that: its
 * `destroy` drops the queue and sends a clean end behind the cut, and its `end` waits for ever for a peer that does not
 * read. Here the queue leaves, then the end; where `lingerMs` is not enough for that, the peer gets a reset.
 *
 * Over TLS a server sends tickets of its own accord. To a descriptor that is closed before they have come they would be a
 * reset, which takes from the server what it has not read yet: a client that has not heard anything waits for the server's
 * end, but for no longer than a second.
 */
export class Departure {
  readonly #transport: Transport;
  readonly #runtime: RuntimeEngine;
  readonly #lingerMs: number;
  #hasDropped = false;
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
    const { awaitsEnd } = this.#transport;
    if (this.#transport.queuedBytes === 0 && !this.#transport.mustEnd && !awaitsEnd) {
      this.#transport.destroy();
      return;
    }
    if (awaitsEnd) this.#transport.read();
    else this.#transport.stopReading();
    this.startLinger();
    if (this.#transport.isFinished) this.finishEnd();
    else this.#transport.end();
  }

  /** The peer has sent what nobody will read, which it has to know once our queue has left. */
  dropBytes(): void {
    this.#hasDropped = true;
    if (this.#transport.isFinished) this.#transport.reset();
  }

  /** Our end is out, behind the queue. */
  finishEnd(): void {
    if (this.#hasDropped || this.#transport.untoldBytes > 0) this.#transport.reset();
    else if (!this.#transport.awaitsEnd) this.#transport.destroy();
    else this.#runtime.alarms.set(this.#alarm, this.#runtime.clock.now() + Math.min(this.#lingerMs, mostEndMs));
  }

  /** The peer's end has come. */
  hearEnd(): void {
    if (this.#transport.isFinished) this.#transport.destroy();
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
