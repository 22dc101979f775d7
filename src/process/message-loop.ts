import type { ProcessEngine } from "./process.ts";
import type { Runnable } from "./scheduler.ts";
import { type Lane, mapperFor, type Selector } from "./selector.ts";
import { isThenable } from "./thenable.ts";

interface Only {
  readonly key: unknown;
  readonly message: unknown;
  readonly mapper: (message: unknown) => unknown;
}

/** What takes the messages of a process. */
export interface MessageHandler {
  /** The next message comes when this has returned, or its promise is settled. */
  handle(message: unknown): void | PromiseLike<void>;
}

/** As many messages a visit of the run queue handles, and then somebody else has a turn. */
const messagesPerVisit = 32;

/**
 * Hands the messages of a process to a handler, one at a time, oldest first, in the process's turn in the run queue: no
 * promise is made for a message, unless the handler gives one. Then the next message waits for it.
 *
 * What the handler throws ends the process.
 */
export class MessageLoop implements Runnable {
  /** What is handed over. May change from message to message. */
  selector: Selector<unknown>;
  readonly handler: MessageHandler;

  readonly #process: ProcessEngine;
  /** Idle, it stands in no queue: a message that comes puts it there. */
  #state: "idle" | "queued" | "busy" = "idle";
  /** A message that came while there was no other: it needs no place in the mailbox. */
  #only: Only | undefined;
  #isOver = false;
  /** Whether it is over and its handler has returned. */
  #hasReturned = false;
  #isFunction = false;

  constructor(process: ProcessEngine, selector: Selector<unknown>, handler: MessageHandler) {
    this.#process = process;
    this.selector = selector;
    this.handler = handler;
    process.loop = this;
    process.beginWait();
    if (process.hasMessages) this.notice();
  }

  /** The process's own function has returned it: then that goes on as this loop, and has returned when this has. */
  becomeFunction(): void {
    this.#isFunction = true;
    if (this.#hasReturned) this.#process.return();
  }

  #return(): void {
    if (this.#hasReturned) return;
    this.#hasReturned = true;
    if (this.#isFunction) this.#process.return();
  }

  /** Takes a message that has just come, where no other waits. Says false where it has to wait in the mailbox. */
  takes(lane: Lane, key: unknown, message: unknown): boolean {
    if (this.#state !== "idle" || this.#isOver) return false;
    const mapper = mapperFor(this.selector, lane, key, message);
    if (mapper === undefined) return false;
    this.#only = { key, message, mapper };
    this.#queueUp();
    return true;
  }

  /** Gives back the message that it has taken and not handed over, where it came from `key` and is unwanted. */
  giveBack(key: unknown, isUnwanted: (message: unknown) => boolean = () => true): unknown {
    const only = this.#only;
    if (only === undefined || only.key !== key || !isUnwanted(only.message)) return undefined;
    this.#only = undefined;
    return only.message;
  }

  /** A message may have come that is wanted. */
  notice(): void {
    if (this.#state === "idle" && !this.#isOver) this.#queueUp();
  }

  /** No further message is handed over. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#only = undefined;
    if (this.#state !== "busy") this.#return();
    if (this.#state === "idle") this.#process.endWait();
  }

  /** Its turn in the run queue. */
  run(): void {
    if (this.#isOver) return;
    this.#state = "busy";
    const only = this.#only;
    this.#only = undefined;
    if (only !== undefined && !this.#handOver(only.mapper, only.message)) return;
    const process = this.#process;
    for (let left = messagesPerVisit; left > 0; left--) {
      const taken = process.take(this.selector);
      if (taken === undefined) {
        this.#becomeIdle();
        return;
      }
      if (!this.#handOver(taken.mapper, taken.message)) return;
      if (!this.#process.runtime.scheduler.charge()) break;
    }
    this.#enqueue();
  }

  /** Says whether the next message may come now. */
  #handOver(mapper: (message: unknown) => unknown, message: unknown): boolean {
    try {
      const pending = this.handler.handle(mapper(message));
      if (!isThenable(pending)) return this.#goOn();
      pending.then(
        () => {
          if (!this.#goOn()) return;
          if (this.#process.runtime.scheduler.charge()) this.run();
          else this.#enqueue();
        },
        (error: unknown) => {
          this.#fail(error);
        },
      );
    } catch (error) {
      this.#fail(error);
    }
    return false;
  }

  /** A message has been handled. Says whether there may be another. */
  #goOn(): boolean {
    if (this.#isOver) this.#return();
    return !this.#isOver;
  }

  #fail(error: unknown): void {
    this.#process.crash(error); // where it has ended already, the error is how the function found out
    this.#isOver = true;
    this.#return();
  }

  #becomeIdle(): void {
    this.#state = "idle";
    this.#process.beginWait();
  }

  #queueUp(): void {
    this.#process.endWait();
    this.#enqueue();
  }

  #enqueue(): void {
    this.#state = "queued";
    this.#process.runtime.scheduler.enqueue(this);
  }
}
