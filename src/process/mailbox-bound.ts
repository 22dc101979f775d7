import type { Mailbox } from "./mailbox.ts";
import { checkOptionNames } from "./option-names.ts";
import type { ProcessEngine } from "./process.ts";
import { valueText } from "./value-text.ts";

/** What happens to a message for a full mailbox. Each one that is lost goes to `onDeadLetter`. */
export type Overflow =
  /** It is lost. `trySend` says false, and a `call` is `CallRejected`. */
  | "dropNewest"
  /** The oldest one that waits is lost, and this one is put last. */
  | "dropOldest"
  /** As `dropNewest`, but the dead letter says `Refused`: the sender is expected to look. */
  | "reject"
  /** The process ends abnormally. */
  | "exit";

/** How large a mailbox may grow. */
export interface MailboxOptions {
  /**
   * How many messages may wait that were sent through a subject, a name or `tell`; at least 1. Default `Infinity`.
   * What sockets, timers, monitors and links say, and the answers of calls, is never refused and does not count.
   */
  readonly capacity?: number | undefined;
  /** Default `dropNewest`. */
  readonly overflow?: Overflow | undefined;
}

// The record lets the compiler miss none.
const overflows = Object.keys({
  dropNewest: true,
  dropOldest: true,
  reject: true,
  exit: true,
} satisfies Record<Overflow, true>);

/** Makes room in a bounded mailbox, or says what becomes of a message for which there is none. */
export class MailboxBound {
  readonly #process: ProcessEngine;
  readonly #capacity: number;
  readonly #overflow: Overflow;

  constructor(process: ProcessEngine, { capacity = Infinity, overflow = "dropNewest" }: MailboxOptions) {
    this.#process = process;
    this.#capacity = capacity;
    this.#overflow = overflow;
  }

  /** Whether `message` may be put last. */
  admits(mailbox: Mailbox, message: unknown): boolean {
    if (mailbox.boundedCount < this.#capacity) return true;
    switch (this.#overflow) {
      case "dropOldest":
        this.#lose(mailbox.takeOldestBounded(), "Dropped");
        return true;
      case "dropNewest":
        this.#lose(message, "Dropped");
        return false;
      case "reject":
        this.#lose(message, "Refused");
        return false;
      case "exit":
        this.#process.crash(new Error(`The mailbox is full: it holds ${this.#capacity} messages`));
        this.#lose(message, "Exited");
        return false;
    }
  }

  #lose(message: unknown, why: "Dropped" | "Refused" | "Exited"): void {
    this.#process.runtime.deadLetter({ message, to: `process ${String(this.#process.id)}`, why });
  }
}

/**
 * @internal
 * @throws TypeError or RangeError for options that no mailbox can have, with the value in the text
 */
export function checkMailboxOptions(action: string, options: MailboxOptions): void {
  checkOptionNames(action, options, ["capacity", "overflow"] satisfies (keyof MailboxOptions)[]);
  const { capacity = Infinity, overflow = "dropNewest" } = options;
  if (capacity !== Infinity && !(Number.isInteger(capacity) && capacity >= 1))
    throw new RangeError(
      `Cannot ${action}: the mailbox's capacity must be a whole number, at least 1, or Infinity, received ${valueText(capacity)}`,
    );
  if (!overflows.includes(overflow))
    throw new TypeError(
      `Cannot ${action}: the mailbox's overflow must be one of ${overflows.join(", ")}, received ${valueText(overflow)}`,
    );
}
