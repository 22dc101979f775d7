// Requests that wait for their answers. Each has an inbox of its own, which no other request of anybody ever has; one
// subscription to all of them is enough.

import { randomUUID } from "node:crypto";
import type { Subject, Timer } from "tankard";
import type { Answer } from "./messages.ts";

interface Pending {
  readonly reply: Subject<Answer>;
  readonly timer: Timer;
}

export class Requests {
  readonly #inbox = `_INBOX.${randomUUID().replaceAll("-", "")}`;
  readonly #pending = new Map<string, Pending>();
  #last = 0;

  /** The subject of all inboxes. */
  get pattern(): string {
    return `${this.#inbox}.*`;
  }

  /** An inbox for the next request. */
  newInbox(): string {
    return `${this.#inbox}.${++this.#last}`;
  }

  add(inbox: string, pending: Pending): void {
    this.#pending.set(inbox, pending);
  }

  /** The first answer is the one; nothing where the time is over. */
  take(inbox: string): Pending | undefined {
    const pending = this.#pending.get(inbox);
    this.#pending.delete(inbox);
    return pending;
  }
}
