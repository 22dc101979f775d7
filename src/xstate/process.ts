import type { ActorLogic, AnyActorRef, AnyEventObject, EventObject, NonReducibleUnknown, Snapshot } from "xstate";
import { type ExitReason, ExitSignal, Normal, Shutdown } from "../process/exit.ts";
import { processEngine } from "../process/process.ts";
import type { SpawnOptions } from "../process/runtime.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject } from "../process/subject.ts";
import { type AnySystem, createLogic, type LogicSnapshotFields } from "./logic.ts";

/** What a process that is an XState actor has besides `self`. */
export interface ProcessArgs<
  TInput = NonReducibleUnknown,
  TEmitted extends EventObject = EventObject,
  TSent extends EventObject = AnyEventObject,
> {
  readonly input: TInput;
  /** The actor that the process is. */
  readonly actorRef: AnyActorRef;
  readonly system: AnySystem;
  /** Sends an event to the parent. After the actor's end it does nothing. */
  sendBack(this: void, event: TSent): void;
  /** Tells whoever listens with `actorRef.on`. */
  emit(this: void, event: TEmitted): void;
}

/** XState takes no logic without events: `never` says that none is looked at. */
type SomeEvent<TEvent extends EventObject> = [TEvent] extends [never] ? EventObject : TEvent;

/** What `fromProcess` gives. */
export type ProcessActorLogic<
  TOutput,
  TEvent extends EventObject,
  TInput,
  TEmitted extends EventObject = EventObject,
> = ActorLogic<
  Snapshot<TOutput> & LogicSnapshotFields<undefined, TInput>,
  SomeEvent<TEvent>,
  TInput,
  AnySystem,
  SomeEvent<TEmitted>
>;

/**
 * A process as actor logic: its function is that of `spawn`, and what it returns is the actor's output. The events that
 * the actor is sent are the messages of `events`; what the function throws is the actor's error. When the actor is
 * stopped, or an actor above it ends, the process ends as one that was asked to ("shutdown"), and with it its sockets and
 * the processes that are linked to it.
 *
 * Annotate the arguments to say what they are: `(self, events: OwnSubject<Command>, { input }: ProcessArgs<Options>)`.
 * A restored actor runs the function from its beginning.
 */
export function fromProcess<
  TOutput,
  TEvent extends EventObject = AnyEventObject,
  TInput = NonReducibleUnknown,
  TEmitted extends EventObject = EventObject,
  TSent extends EventObject = AnyEventObject,
>(
  run: (
    self: Self,
    events: OwnSubject<TEvent>,
    args: ProcessArgs<TInput, TEmitted, TSent>,
  ) => TOutput | PromiseLike<TOutput>,
  options?: SpawnOptions<TEvent>,
): ProcessActorLogic<TOutput, TEvent, TInput, TEmitted> {
  return createLogic<undefined, TOutput, SomeEvent<TEvent>, TInput, SomeEvent<TEmitted>>({
    context: undefined,
    start: (actor) => {
      const { input, ref: actorRef } = actor;
      const args: ProcessArgs<TInput, TEmitted, TSent> = {
        input,
        actorRef,
        system: actorRef.system,
        sendBack: (event) => {
          actor.sendBack(event);
        },
        emit: (event) => {
          actor.emit(event);
        },
      };
      const process = actor.runtime.spawn((self, events: OwnSubject<TEvent>) => run(self, events, args), options);
      process.result.then(
        (output) => {
          actor.done(output);
        },
        (error: unknown) => {
          // A process may end itself and say that nothing went wrong.
          if (error instanceof ExitSignal && error.reason.type === "Normal") actor.done(undefined as TOutput);
          else actor.fail(error);
        },
      );
      return {
        receive: (event) => {
          process.subject.send(event as TEvent);
        },
        end: (reason, status) => {
          processEngine(process).end(endOf(reason, status));
        },
      };
    },
  });
}

function endOf(reason: ExitReason, status: "done" | "stopped" | "error"): ExitReason {
  return status === "stopped" && reason === Normal ? Shutdown : reason;
}
