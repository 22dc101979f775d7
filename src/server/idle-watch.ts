import { Alarm } from "../process/alarm.ts";
import { Normal } from "../process/exit.ts";
import type { ProcessEngine } from "../process/process.ts";
import { getstat } from "../tcp/socket.ts";
import type { Serving } from "./serving.ts";

/** An idle connection is found after its time, or at most a quarter of that later. */
const looksPerIdleTime = 4;

/** @internal Ends a connection on which nothing has moved for its time, whatever else its process does. */
export class IdleWatch {
  readonly #serving: Serving;
  readonly #process: ProcessEngine;
  readonly #alarm = new Alarm(
    () => {
      this.#look();
    },
    { isLight: true },
  );
  #moved = 0;
  #movedAt: number;

  constructor(serving: Serving, process: ProcessEngine) {
    this.#serving = serving;
    this.#process = process;
    this.#movedAt = process.runtime.clock.now();
    this.#wait();
  }

  #wait(): void {
    const { alarms, clock } = this.#process.runtime;
    alarms.set(this.#alarm, clock.now() + this.#serving.settings.idleTimeoutMs / looksPerIdleTime);
  }

  #look(): void {
    const now = this.#process.runtime.clock.now();
    const stat = getstat(this.#serving.connection.socket);
    const moved = stat.ok ? stat.value.recvOct + stat.value.sendOct : this.#moved;
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#movedAt = now;
    }
    if (now - this.#movedAt < this.#serving.settings.idleTimeoutMs) {
      this.#wait();
      return;
    }
    this.#serving.closeReason ??= "Timeout";
    this.#process.end(Normal);
  }

  stop(): void {
    this.#process.runtime.alarms.clear(this.#alarm);
  }
}
