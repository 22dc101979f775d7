// All that Tankard knows of XState's `ActorLogic`, whose shape is another in XState 6.
import type { ActorLogic, ActorSystem, AnyActorRef, EventObject, Snapshot } from "xstate";
import { Abnormal, type ExitReason, Normal } from "../process/exit.ts";
import type { RuntimeEngine } from "../process/runtime.ts";
import { ActorLife } from "./actor-life.ts";
import { sendFrom, stopActor } from "./relay.ts";
import { runtimeOf } from "./system-runtime.ts";

/** Any system of XState's actors. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- XState's own word for it
export type AnySystem = ActorSystem<any>;

/** What the snapshots of Tankard's actor logic have besides `status`, `output` and `error`. */
export interface LogicSnapshotFields<TContext, TInput> {
  readonly context: TContext;
  readonly input: TInput;
}

/** An actor's inside, while it runs. */
export interface Running<TEvent> {
  /** Handles an event within the actor's transition. What it throws is the actor's error. */
  receive(event: TEvent): void;
  /** The actor is over: `Abnormal` where it, or an actor above it, has failed, and `Normal` otherwise. */
  end(reason: ExitReason, status: "done" | "stopped" | "error"): void;
}

type LogicSnapshot<TContext, TOutput, TInput> = Snapshot<TOutput> & LogicSnapshotFields<TContext, TInput>;

/** What an actor tells itself: XState has no other way to a new snapshot. */
type Step =
  | { readonly type: "tankard.update"; readonly context: unknown }
  | { readonly type: "tankard.done"; readonly output: unknown }
  | { readonly type: "tankard.error"; readonly error: unknown };

/** An actor as its logic sees it. */
export class LogicActor<TContext, TOutput, TInput, TSent extends EventObject> {
  readonly ref: AnyActorRef;
  readonly input: TInput;
  readonly runtime: RuntimeEngine;
  readonly #emit: (event: EventObject) => void;

  constructor(ref: AnyActorRef, input: TInput, emit: (event: EventObject) => void) {
    this.ref = ref;
    this.input = input;
    this.runtime = runtimeOf(ref);
    this.#emit = emit;
  }

  get isActive(): boolean {
    return (this.ref.getSnapshot() as Snapshot<unknown>).status === "active";
  }

  /** Sends an event to the parent, and emits it. */
  tell(event: TSent): void {
    this.emit(event);
    this.sendBack(event);
  }

  /** Tells whoever listens from outside. */
  emit(event: TSent): void {
    if (this.isActive) this.#emit(event);
  }

  sendBack(event: EventObject): void {
    const { _parent } = this.ref;
    if (_parent !== undefined && this.isActive) sendFrom(this.ref, _parent, event);
  }

  update(context: TContext): void {
    this.#step({ type: "tankard.update", context });
  }

  done(output: TOutput): void {
    this.#step({ type: "tankard.done", output });
  }

  fail(error: unknown): void {
    this.#step({ type: "tankard.error", error });
  }

  #step(step: Step): void {
    if (this.isActive) sendFrom(this.ref, this.ref, step);
  }
}

/** What a kind of actor is. */
export interface LogicSpec<TContext, TOutput, TEvent, TInput, TSent extends EventObject> {
  /** What an actor begins with, also one that is restored. */
  readonly context: TContext;
  /** Begins. What it throws is the actor's error. */
  start(actor: LogicActor<TContext, TOutput, TInput, TSent>): Running<TEvent>;
}

/**
 * Makes actor logic. Its actors are persisted as status, output, error, context and input; one that was active when it
 * was persisted begins anew. They end with their runtime, and with their parent, also where XState does not stop them:
 * where it has thrown.
 */
export function createLogic<TContext, TOutput, TEvent extends EventObject, TInput, TSent extends EventObject>(
  spec: LogicSpec<TContext, TOutput, TEvent, TInput, TSent>,
): ActorLogic<LogicSnapshot<TContext, TOutput, TInput>, TEvent, TInput, AnySystem, TSent> {
  type ThisSnapshot = LogicSnapshot<TContext, TOutput, TInput>;
  // As with an actor's life: a WeakMap would cost the collector more.
  const runningKey = Symbol("running");
  type Ref = AnyActorRef & { [runningKey]?: RunningActor<TEvent> };
  return {
    config: spec,
    getInitialSnapshot: (_scope, input) => ({
      status: "active",
      output: undefined,
      error: undefined,
      context: spec.context,
      input,
    }),
    start: ({ input }, { self, emit }) => {
      const inside = spec.start(new LogicActor(self, input, emit as (event: EventObject) => void));
      (self as Ref)[runningKey] = new RunningActor(self, inside);
    },
    transition: (snapshot, event, { self }) => {
      if (snapshot.status !== "active") return snapshot;
      const inside = (self as Ref)[runningKey];
      const own = event as Step | { readonly type: "xstate.stop" };
      switch (own.type) {
        case "xstate.stop":
          inside?.end(Normal, "stopped");
          return { ...snapshot, status: "stopped" };
        case "tankard.update":
          return { ...snapshot, context: own.context as TContext };
        case "tankard.done":
          inside?.end(Normal, "done");
          return { ...snapshot, status: "done", output: own.output as TOutput };
        case "tankard.error":
          inside?.end(Abnormal(own.error), "error");
          return { ...snapshot, status: "error", error: own.error };
        default:
          inside?.receive(event);
          return snapshot;
      }
    },
    getPersistedSnapshot: (snapshot) => snapshot,
    restoreSnapshot: (persisted) => {
      const snapshot = persisted as ThisSnapshot;
      return snapshot.status === "active" ? { ...snapshot, context: spec.context } : snapshot;
    },
  };
}

class RunningActor<TEvent> {
  readonly #inside: Running<TEvent>;
  readonly #leaveRuntime: () => void;
  readonly #leaveParent: (() => void) | undefined;
  #parentsEnd: ExitReason | undefined;

  constructor(ref: AnyActorRef, inside: Running<TEvent>) {
    this.#inside = inside;
    this.#leaveRuntime = runtimeOf(ref).onStop(() => {
      stopActor(ref);
    });
    if (ref._parent === undefined) return;
    this.#leaveParent = ActorLife.of(ref._parent).onEnd((reason) => {
      this.#parentsEnd = reason;
      stopActor(ref);
      return false;
    });
  }

  receive(event: TEvent): void {
    try {
      this.#inside.receive(event);
    } catch (error) {
      this.end(Abnormal(error), "error");
      throw error;
    }
  }

  end(reason: ExitReason, status: "done" | "stopped" | "error"): void {
    this.#leaveRuntime();
    this.#leaveParent?.();
    this.#inside.end(this.#parentsEnd ?? reason, status);
  }
}
