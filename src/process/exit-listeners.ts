import type { ExitReason } from "./exit.ts";

interface Entry {
  readonly listener: (reason: ExitReason) => void;
}

/** Who wants to know when an owner ends: what goes down with it, and who hears why. */
export class ExitListeners {
  readonly #resources = new Set<Entry>();
  readonly #observers = new Set<Entry>();
  readonly #rethrow: (error: unknown) => void;

  /** `rethrow` gets what a listener throws: one that throws keeps no other from hearing. */
  constructor(rethrow: (error: unknown) => void) {
    this.#rethrow = rethrow;
  }

  get hasObservers(): boolean {
    return this.#observers.size > 0;
  }

  add(listener: (reason: ExitReason) => void, role: "resource" | "observer"): () => void {
    const entries = role === "resource" ? this.#resources : this.#observers;
    const entry: Entry = { listener }; // the same function may listen twice
    entries.add(entry);
    return () => entries.delete(entry);
  }

  tellResources(reason: ExitReason): void {
    this.#tell(this.#resources, reason);
  }

  tellObservers(reason: ExitReason): void {
    this.#tell(this.#observers, reason);
  }

  #tell(entries: Set<Entry>, reason: ExitReason): void {
    for (const { listener } of entries) {
      try {
        listener(reason);
      } catch (error) {
        this.#rethrow(error);
      }
    }
    entries.clear();
  }
}
