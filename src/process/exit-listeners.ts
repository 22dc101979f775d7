import type { ExitReason } from "./exit.ts";
import { type Entry, type Listener, ListenerList, tell } from "./listener-list.ts";
import type { Attachment, Resource } from "./owner.ts";

/** Who wants to know when an owner ends: what goes down with it, and who hears why. */
export class ExitListeners {
  // Most owners have listeners of one kind, if any.
  #resources: ListenerList | undefined;
  #observers: ListenerList | undefined;
  readonly #rethrow: (error: unknown) => void;

  /** `rethrow` gets what a listener throws: one that throws keeps no other from hearing. */
  constructor(rethrow: (error: unknown) => void) {
    this.#rethrow = rethrow;
  }

  get hasObservers(): boolean {
    return this.#observers?.isEmpty === false;
  }

  /** The same function may listen twice. */
  add(listener: (reason: ExitReason) => void, role: "resource" | "observer"): () => void {
    const entry = role === "resource" ? this.#addResource(listener) : this.observe(listener);
    return () => {
      entry.leave();
    };
  }

  /** As `add`, for what needs no function to be told. */
  attach(resource: Resource): Attachment {
    return this.#addResource(resource);
  }

  /** As `add`, for an observer that leaves by its entry. */
  observe(listener: (reason: ExitReason) => void): Entry {
    return (this.#observers ??= new ListenerList()).append(listener);
  }

  tellResources(reason: ExitReason): void {
    this.#tell(this.#resources, reason);
  }

  tellObservers(reason: ExitReason): void {
    this.#tell(this.#observers, reason);
  }

  #addResource(listener: Listener): Entry {
    return (this.#resources ??= new ListenerList()).append(listener);
  }

  #tell(list: ListenerList | undefined, reason: ExitReason): void {
    for (let listener = list?.takeFirst(); listener !== undefined; listener = list?.takeFirst()) {
      try {
        tell(listener, reason);
      } catch (error) {
        this.#rethrow(error);
      }
    }
  }
}
