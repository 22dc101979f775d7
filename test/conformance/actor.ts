// An actor of a scenario: a process that does what the steps say, one after the other.

import { ExitSignal, type Host, type Process, type Self } from "tankard";

/** Never settles: the result of what an actor had begun when it ended. */
const never = new Promise<never>(() => undefined);

export class Actor {
  readonly process: Process;
  readonly #started: Promise<Self>;
  readonly #end: (how: { readonly panic?: unknown }) => void;
  /** What it is busy with. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: Host) {
    let begin!: (self: Self) => void;
    this.#started = new Promise((resolve) => (begin = resolve));
    let end!: (how: { readonly panic?: unknown }) => void;
    const ending = new Promise<{ readonly panic?: unknown }>((resolve) => (end = resolve));
    this.#end = end;
    this.process = host.spawn(async (self) => {
      begin(self);
      const how = await ending;
      if ("panic" in how) throw how.panic;
    });
  }

  /** Waits until it has begun, so that it has a `self` to do things with. */
  async ready(): Promise<this> {
    await this.#started;
    return this;
  }

  /** Does one thing when everything before it is done; what an actor does that has ended stays without a result. */
  do<T>(job: (self: Self) => T | Promise<T>): Promise<T> {
    const done = this.#last.then(async () => this.#finish(job, await this.#started));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #finish<T>(job: (self: Self) => T | Promise<T>, self: Self): Promise<T> {
    try {
      const result = await job(self);
      return this.process.isAlive ? result : await never;
    } catch (error) {
      if (error instanceof ExitSignal) return await never;
      throw error;
    }
  }

  /** Lets another act on its behalf, as Erlang's functions do that name a process. */
  async as<T>(job: (self: Self) => T): Promise<T> {
    return job(await this.#started);
  }

  /** Its function returns. */
  return(): void {
    this.#end({});
  }

  panic(reason: unknown): void {
    this.#end({ panic: reason });
  }
}
