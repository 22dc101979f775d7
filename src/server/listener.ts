import { start, type Started, type StartError } from "../otp/start.ts";
import type { Host } from "../process/runtime.ts";
import type { Result } from "../result.ts";
import type { SocketError } from "../tcp/error.ts";
import { listen, type Listener, type ListenOptions } from "../tcp/listen.ts";

/** @internal The role that owns the listening socket. It does nothing else, so nothing can go wrong in it. */
export class ListenerRole {
  readonly #options: ListenOptions;
  #listener: Listener | undefined;
  #error: SocketError | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  /** What is listened with now, or was last. */
  get listener(): Listener | undefined {
    return this.#listener;
  }

  /** Why it could not listen, if it could not. */
  get error(): SocketError | undefined {
    return this.#error;
  }

  /** The second time it listens on the port that the system chose at the first. */
  start(host: Host): Promise<Result<Started<undefined>, StartError>> {
    return start<undefined, never>(host, { initTimeoutMs: Infinity }, async (self) => {
      const { port = this.#options.port } = this.#listener ?? {};
      const listening = await listen({ ...this.#options, port, owner: self });
      if (!listening.ok) {
        this.#error = listening.error;
        throw new Error(`Cannot listen: ${listening.error}`);
      }
      this.#listener = listening.value;
      return { data: undefined, run: () => self.sleep(Infinity) };
    });
  }
}
