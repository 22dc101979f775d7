import type { ExitReason } from "./exit.ts";
import { type ExitListener, FunctionListener } from "./exit-listener.ts";

/**
 * Who wants to know when an owner ends: what goes down with it, and behind these who hears why; both in the order in
 * which they came. Linked, as each call of a process listens for its end for a moment: a Set of so many that come and go
 * costs four times as much. A process, and a callback as an owner, is itself the list of its listeners: most have one, for
 * which an object would be dear.
 */
export class ExitListeners {
  #first: ExitListener | undefined;
  #lastResource: ExitListener | undefined;
  #last: ExitListener | undefined;

  get hasObservers(): boolean {
    return this.#last !== this.#lastResource;
  }

  /** The same function may listen twice. */
  add(hear: (reason: ExitReason) => void, role: "resource" | "observer"): () => void {
    const listener = new FunctionListener(hear);
    if (role === "resource") this.addResource(listener);
    else this.addObserver(listener);
    return () => {
      listener.leave();
    };
  }

  /** As `add`, for a resource, which leaves by itself; it moves here from where it was. */
  addResource(resource: ExitListener): void {
    resource.leave();
    const previous = this.#lastResource;
    const next = previous === undefined ? this.#first : previous.next;
    resource.list = this;
    resource.previous = previous;
    resource.next = next;
    if (previous === undefined) this.#first = resource;
    else previous.next = resource;
    if (next === undefined) this.#last = resource;
    else next.previous = resource;
    this.#lastResource = resource;
  }

  /** As `addResource`, for an observer that is nowhere yet. */
  addObserver(observer: ExitListener): void {
    const last = this.#last;
    observer.list = this;
    observer.previous = last;
    if (last === undefined) this.#first = observer;
    else last.next = observer;
    this.#last = observer;
  }

  /** Of one that is in this list. */
  remove(listener: ExitListener): void {
    const { previous, next } = listener;
    if (this.#lastResource === listener) this.#lastResource = previous;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // Whoever still holds it must not hold the others by it.
    listener.previous = undefined;
    listener.next = undefined;
  }

  /** `rethrow` gets what a listener throws: one that throws keeps no other from hearing. */
  tellResources(reason: ExitReason, rethrow: (error: unknown) => void): void {
    while (this.#first !== undefined && this.#lastResource !== undefined) tell(this.#first, reason, rethrow);
  }

  /** As `tellResources`, when those have heard. */
  tellObservers(reason: ExitReason, rethrow: (error: unknown) => void): void {
    while (this.#first !== undefined) tell(this.#first, reason, rethrow);
  }
}

function tell(listener: ExitListener, reason: ExitReason, rethrow: (error: unknown) => void): void {
  listener.leave();
  try {
    listener.hear(reason);
  } catch (error) {
    rethrow(error);
  }
}
