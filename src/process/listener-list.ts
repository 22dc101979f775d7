import type { ExitReason } from "./exit.ts";
import type { Attachment, Resource } from "./owner.ts";

/** Who hears of an end: a function, or what needs none to be told. */
export type Listener = ((reason: ExitReason) => void) | Resource;

/** A place in a list. */
export class Entry implements Attachment {
  readonly listener: Listener;
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Where it is in. */
  list: ListenerList | undefined;

  constructor(listener: Listener, list: ListenerList, previous: Entry | undefined) {
    this.listener = listener;
    this.list = list;
    this.previous = previous;
    this.next = undefined;
  }

  /** Does nothing for one that has heard, or has left. */
  leave(): void {
    this.list?.remove(this);
  }
}

/**
 * Listeners in the order in which they came. Linked, as each call of a process listens for its end for a moment: a Set
 * of so many that come and go costs four times as much.
 */
export class ListenerList {
  #first: Entry | undefined;
  #last: Entry | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  append(listener: Listener): Entry {
    const entry = new Entry(listener, this, this.#last);
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  /** Of one that is in this list. */
  remove(entry: Entry): void {
    entry.list = undefined;
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    // Whoever still holds it must not hold the others by it.
    entry.previous = undefined;
    entry.next = undefined;
  }

  takeFirst(): Listener | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first?.listener;
  }
}

/** Says to who has been taken from a list that the end has come. */
export function tell(listener: Listener, reason: ExitReason): void {
  if (typeof listener === "function") listener(reason);
  else listener.ownerEnded();
}
