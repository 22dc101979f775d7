import type { ExitReason } from "./exit.ts";
import { type Listener, ListenerList } from "./listener-list.ts";

/** Who wants to know when an owner ends: what goes down with it, and who hears why. */
export class ExitListeners {
  readonly #resources = new ListenerList();
  /** Who hears why. */
  readonly observers = new ListenerList();
  readonly #rethrow: (error: unknown) => void;

  /** `rethrow` gets what a listener throws: one that throws keeps no other from hearing. */
  constructor(rethrow: (error: unknown) => void) {
    this.#rethrow = rethrow;
  }

  get hasObservers(): boolean {
    return !this.observers.isEmpty;
  }

  /** The same function may listen twice. */
  add(listener: Listener, role: "resource" | "observer"): () => void {
    const list = role === "resource" ? this.#resources : this.observers;
    const entry = list.append(listener);
    return () => {
      list.remove(entry);
    };
  }

  tellResources(reason: ExitReason): void {
    this.#tell(this.#resources, reason);
  }

  tellObservers(reason: ExitReason): void {
    this.#tell(this.observers, reason);
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
