import type { ExitReason } from "./exit.ts";

export type Listener = (reason: ExitReason) => void;

/** A place in a list of listeners. */
export interface Entry {
  readonly listener: Listener;
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Where it is in. */
  list: ListenerList | undefined;
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
    const entry: Entry = { listener, previous: this.#last, next: undefined, list: this };
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

/** Does nothing for one that has heard or has left. */
export function stopListening(entry: Entry | undefined): void {
  entry?.list?.remove(entry);
}
