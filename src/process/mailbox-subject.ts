import type { Envelope, Mailbox, Source } from "./mailbox.ts";
import type { ProcessEngine } from "./process.ts";
import type { Keyed, SubjectKey } from "./selector.ts";

/** What the runtime has to know of any subject. */
export interface Address extends Keyed {
  /** The process that a message sent now would reach. */
  readonly holder: ProcessEngine | undefined;
  /** Whether another process may be behind it tomorrow. */
  readonly isName?: true;
  /** For people to read. */
  readonly text: string;
  trySend(message: unknown): boolean;
  /** As `trySend`, for what no bound refuses. */
  put(message: unknown): boolean;
}

/** A subject with its messages: the address and the queue behind it are one. */
export class MailboxSubject implements Address, SubjectKey, Source {
  readonly holder: ProcessEngine;
  oldest: Envelope | undefined;
  newest: Envelope | undefined;

  constructor(holder: ProcessEngine) {
    this.holder = holder;
  }

  get key(): SubjectKey {
    return this;
  }

  get text(): string {
    return `a subject of process ${String(this.holder.id)}`;
  }

  get source(): Source {
    return this;
  }

  get mailbox(): Mailbox {
    return this.holder.mailbox;
  }

  send(message: unknown): void {
    this.trySend(message);
  }

  trySend(message: unknown): boolean {
    return this.holder.offer("subject", this, message);
  }

  put(message: unknown): boolean {
    return this.holder.arrive("subject", this, message);
  }

  toJSON(): object {
    return { type: "Subject", process: this.holder.id };
  }
}
