import type { ProcessEngine } from "./process.ts";
import { entriesOf, type Selector } from "./selector.ts";

/** A message that a process which takes everything does not ask for. */
export class Unmatched {
  readonly message: unknown;

  constructor(message: unknown) {
    this.message = message;
  }

  /** Says to `process`'s runtime that nobody will receive it. */
  discard({ runtime, id }: ProcessEngine): void {
    runtime.deadLetter({ message: this.message, to: `process ${String(id)}`, why: "Unmatched" });
  }
}

const unmatched = (message: unknown): Unmatched => new Unmatched(message);

/** What `selector` takes, and whatever else comes as `Unmatched`: for who leaves nothing in the mailbox. */
export function orUnmatched<M>(selector: Selector<M>): Selector<M | Unmatched> {
  const takesAll = entriesOf(selector).some(({ kind }) => kind === "other");
  return takesAll ? selector : selector.selectOther(unmatched);
}
