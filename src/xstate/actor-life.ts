import type { AnyActorRef, EventObject, Snapshot } from "xstate";
import { Abnormal, type ExitReason, Normal } from "../process/exit.ts";
import type { ProcessEngine } from "../process/process.ts";
import type { Selector } from "../process/selector.ts";
import { runtimeOf } from "./system-runtime.ts";

/** Hears why an actor has ended. Says whether that is news to anybody: then a crash need not be reported. */
type EndListener = (reason: ExitReason) => boolean;

/** Where an actor has its life: a WeakMap of all of them costs the collector more than the actors themselves. */
const lifeKey = Symbol("life");

interface Living {
  [lifeKey]?: ActorLife | undefined;
}

/**
 * How long an XState actor is there: until it is done, stopped or in error, or until an actor above it is in error.
 * XState leaves the children of a machine that has thrown as they are, and nobody would ever stop them.
 *
 * One observer of the actor serves all who want to know. XState reports the error of a root actor that nobody observes;
 * being observed by us must not silence that.
 */
export class ActorLife {
  /** The processes that stand for the actor, by what they select. */
  processes: Map<Selector<EventObject> | undefined, ProcessEngine> | undefined;
  readonly #actorRef: AnyActorRef;
  readonly #listeners = new Set<EndListener>();
  #ended: ExitReason | undefined;
  #leaveParent: (() => void) | undefined;

  static of(actorRef: AnyActorRef): ActorLife {
    const living = actorRef as Living;
    return (living[lifeKey] ??= new ActorLife(actorRef));
  }

  private constructor(actorRef: AnyActorRef) {
    this.#actorRef = actorRef;
    // First this: who subscribes to an actor that was stopped is never called.
    this.#ended = endOf(actorRef);
    if (this.#ended !== undefined) return;
    actorRef.subscribe({
      error: (error) => {
        this.#fail(error);
      },
      complete: () => {
        this.#end(Normal);
      },
    });
    this.#watchParent(actorRef._parent);
  }

  get ended(): ExitReason | undefined {
    return this.#ended;
  }

  /** Calls `listener` when the actor ends, at once if it has. */
  onEnd(listener: EndListener): () => void {
    if (this.#ended !== undefined) {
      listener(this.#ended);
      return () => undefined;
    }
    const own: EndListener = (reason) => listener(reason);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  #watchParent(parent: AnyActorRef | undefined): void {
    if (parent === undefined) return;
    this.#leaveParent = ActorLife.of(parent).onEnd((reason) => {
      if (reason.type === "Abnormal") this.#end(reason);
      return false;
    });
  }

  #fail(error: unknown): void {
    const isRoot = this.#actorRef._parent === undefined;
    const isOnlyObserver = observerCount(this.#actorRef) <= 1;
    const isHeard = this.#end(Abnormal(error));
    if (!isHeard && isRoot && isOnlyObserver) runtimeOf(this.#actorRef).rethrow(error);
  }

  #end(reason: ExitReason): boolean {
    if (this.#ended !== undefined) return true;
    this.#ended = reason;
    this.#leaveParent?.();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    return listeners.map((listener) => listener(reason)).includes(true);
  }
}

/** XState's `ProcessingStatus`, which is not public. */
const notStarted = 0;
const stopped = 2;

/** How the actor has ended, where it has: one that was not started yet has not, whatever it is going to say. */
function endOf(actorRef: AnyActorRef): ExitReason | undefined {
  const { _processingStatus: processing } = actorRef as { readonly _processingStatus?: unknown };
  if (processing === notStarted) return undefined;
  const { status, error } = actorRef.getSnapshot() as Snapshot<unknown>;
  if (status === "error") return Abnormal(error);
  // XState leaves the snapshot of some actors as it is when it stops them.
  return status === "active" && processing !== stopped ? undefined : Normal;
}

/** @throws what the actor has failed of, where it has, be it as it was made */
export function throwFailure(actorRef: AnyActorRef): void {
  const { status, error } = actorRef.getSnapshot() as Snapshot<unknown>;
  if (status === "error") throw error;
}

/** Who else would hear of an error. XState does not say, so this looks; if it cannot, nobody would. */
function observerCount(actorRef: AnyActorRef): number {
  const { observers } = actorRef as { readonly observers?: unknown };
  return observers instanceof Set ? observers.size : 0;
}
