import { start, type Started, type StartError } from "../otp/start.ts";
import { selectTrappedExits } from "../process/monitor.ts";
import { Deadline } from "../process/alarm.ts";
import { type Host, runtimeEngine } from "../process/runtime.ts";
import { newSelector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { Result } from "../result.ts";
import { closeListener } from "../tcp/listen.ts";
import type { Connections } from "./connections.ts";
import type { ListenerRole } from "./listener.ts";

const exits = selectTrappedExits(newSelector(), (exit) => exit);

/**
 * @internal The role that lets a server end in peace. It is the last of its siblings, so it is the first that its
 * supervisor stops: then nobody else is let in, who is served is told, and their time runs.
 */
export class ShutdownRole {
  readonly #listening: ListenerRole;
  readonly #connections: Connections;
  /** Milliseconds that connections get to end in, from when the server begins to stop. */
  #withinMs: number;
  /** While it drains: the time that is left. */
  #deadline: Deadline | undefined;
  #enough: () => void = () => undefined;

  constructor(listening: ListenerRole, connections: Connections, withinMs: number) {
    this.#listening = listening;
    this.#connections = connections;
    this.#withinMs = withinMs;
  }

  /** Connections get so long, and where it drains already, no longer from now. */
  hurry(withinMs: number): void {
    this.#withinMs = withinMs;
    if (withinMs === 0) this.#enough();
    else this.#deadline?.start(withinMs);
  }

  start(host: Host): Promise<Result<Started<undefined>, StartError>> {
    return start<undefined, never>(host, { initTimeoutMs: Infinity }, (self) => {
      self.trapExits(true);
      return {
        data: undefined,
        run: async () => {
          await self.receiveForever(exits);
          if (this.#listening.listener !== undefined) await closeListener(this.#listening.listener);
          this.#connections.drain();
          if (this.#withinMs > 0) await this.#wait(self);
          this.#connections.giveUpMeeting();
        },
      };
    });
  }

  /** Until nobody is served, or the time is over. */
  async #wait(self: Self): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#enough = resolve;
      void this.#connections.whenNone().then(resolve);
    });
    this.#deadline = new Deadline(runtimeEngine(self.runtime).alarms, { passDeadline: this.#enough });
    this.#deadline.start(this.#withinMs);
    await over;
    this.#deadline.dispose();
  }
}
