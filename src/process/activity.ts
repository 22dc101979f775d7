/** A longer delay would be one of 1 ms for Node. */
const longestDelayMs = 2 ** 31 - 1;
/** How long a program goes on that nobody holds any more. */
const releaseMs = 10;

/**
 * Counts the reasons why something may still happen in a runtime: a process that is not waiting, a timer, a deadline,
 * an open socket. Some of them have to keep the program running although Node sees no handle that works: a passive
 * socket does not read. One timer stands for all of those.
 */
export class Activity {
  #count = 0;
  #held = 0;
  #holder: NodeJS.Timeout | undefined;
  #isReleasing = false;
  #whenNone: (() => void)[] = [];

  get isNone(): boolean {
    return this.#count === 0;
  }

  /** Something may happen, for as long as something else keeps the program running. */
  begin(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count > 0 || this.#whenNone.length === 0) return;
    const listeners = this.#whenNone;
    this.#whenNone = [];
    for (const listener of listeners) listener();
  }

  /** Something may happen, and the program waits for it. */
  hold(): void {
    this.begin();
    if (this.#held++ > 0) return;
    if (this.#holder === undefined) this.#holder = setInterval(() => undefined, longestDelayMs);
    else this.#holder.ref();
  }

  release(): void {
    if (--this.#held === 0 && !this.#isReleasing) this.#releaseSoon();
    this.end();
  }

  /** Calls back once nothing can happen any more; at once where that is so. */
  whenNone(listener: () => void): void {
    if (this.#count === 0) listener();
    else this.#whenNone.push(listener);
  }

  /**
   * A process that receives packets with a time limit holds and releases for each: Node is told now and then. An immediate
   * for each would cost as much as the packet, and one more look at all sockets.
   */
  #releaseSoon(): void {
    this.#isReleasing = true;
    setTimeout(() => {
      this.#isReleasing = false;
      if (this.#held === 0) this.#holder?.unref();
    }, releaseMs).unref(); // the program runs for as long as it is held
  }
}
