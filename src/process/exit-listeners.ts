import type { ExitReason } from "./exit.ts";

type Listener = (reason: ExitReason) => void;

/** Who wants to know when an owner ends: what goes down with it, and who hears why. */
export class ExitListeners {
  readonly #resources = new ListenerList();
  readonly #observers = new ListenerList();
  readonly #rethrow: (error: unknown) => void;

  /** `rethrow` gets what a listener throws: one that throws keeps no other from hearing. */
  constructor(rethrow: (error: unknown) => void) {
    this.#rethrow = rethrow;
  }

  get hasObservers(): boolean {
    return !this.#observers.isEmpty;
  }

  /** The same function may listen twice. */
  add(listener: Listener, role: "resource" | "observer"): () => void {
    const list = role === "resource" ? this.#resources : this.#observers;
    const entry = list.append(listener);
    return () => {
      list.remove(entry);
    };
  }

  tellResources(reason: ExitReason): void {
    this.#tell(this.#resources, reason);
  }

  tellObservers(reason: ExitReason): void {
    this.#tell(this.#observers, reason);
  }

  #tell(list: ListenerList, reason: ExitReason): void {
    for (let listener = list.takeFirst(); listener !== undefined; listener = list.takeFirst()) {
      try {
        listener(reason);
      } catch (error) {
        this.#rethrow(error);
      }
    }
  }
}

interface Entry {
  readonly listener: Listener;
  previous: Entry | undefined;
  next: Entry | undefined;
  isIn: boolean;
}

/**
 * Listeners in the order in which they came. Linked, as each call of a process listens for its end for a moment: a Set
 * of so many that come and go costs four times as much.
 */
class ListenerList {
  #first: Entry | undefined;
  #last: Entry | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  append(listener: Listener): Entry {
    const entry: Entry = { listener, previous: this.#last, next: undefined, isIn: true };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    return entry;
  }

  remove(entry: Entry): void {
    if (!entry.isIn) return;
    entry.isIn = false;
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
