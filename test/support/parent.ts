// A machine that invokes one actor and keeps what that tells it.

import {
  type AnyActorLogic,
  type AnyActorRef,
  type AnyEventObject,
  createActor,
  type EventObject,
  type InspectionEvent,
  sendTo,
  setup,
  type Snapshot,
} from "xstate";
import { clockOf } from "tankard/xstate";
import { createWorld, type World } from "./in-process.ts";
import { until } from "./peer.ts";

export interface Parent extends World, AsyncDisposable {
  readonly actor: AnyActorRef;
  /** Whatever it was told, also that the child is done or has failed. */
  readonly events: readonly EventObject[];
  /** What was inspected in the whole system. */
  readonly inspected: readonly InspectionEvent[];
  readonly child: AnyActorRef;
  /** The child's snapshot, with what it says to whoever asks. */
  readonly childSnapshot: Snapshot<unknown> & { readonly context?: object };
  /** Sends to the child, in the parent's name. */
  command(event: AnyEventObject): void;
  /** Waits until it has been told so many events of this type, and gives the last of them. */
  told<T extends EventObject>(type: T["type"], count?: number): Promise<T>;
  /** The types of what it was told, in order. */
  readonly types: readonly string[];
  /** Leaves the state that invokes the child. */
  leave(): void;
  /** Throws in an action. */
  crash(error: unknown): void;
}

/** Starts a machine that invokes `logic` with `input`, in a world of its own. */
export function invoking(logic: AnyActorLogic, input: unknown, snapshot?: Snapshot<unknown>): Parent {
  const world = createWorld();
  const events: EventObject[] = [];
  const inspected: InspectionEvent[] = [];
  let child: AnyActorRef | undefined;
  const machine = setup({
    types: { events: {} as EventObject & { readonly command: EventObject; readonly error: unknown } },
    actors: { logic },
  }).createMachine({
    initial: "with",
    on: {
      "test.command": { actions: sendTo("child", ({ event }) => event.command) },
      "test.crash": {
        actions: ({ event }) => {
          throw event.error;
        },
      },
      "*": { actions: ({ event }) => void events.push(event) },
    },
    states: {
      with: { invoke: { id: "child", src: "logic", input: () => input }, on: { "test.leave": "without" } },
      without: {},
    },
  });
  const actor = createActor(machine, {
    clock: clockOf(world.runtime),
    inspect: (event) => {
      inspected.push(event);
      const { id } = event.actorRef as AnyActorRef;
      if (event.type === "@xstate.actor" && id === "child") child = event.actorRef as AnyActorRef;
    },
    ...(snapshot === undefined ? {} : { snapshot }),
  });
  actor.subscribe({ error: () => undefined }); // the test sees it
  actor.start();
  const send = (event: EventObject): void => {
    (actor as AnyActorRef).send(event);
  };
  const ofType = (type: string): EventObject[] => events.filter((event) => event.type === type);
  return {
    ...world,
    actor,
    events,
    inspected,
    get child() {
      if (child === undefined) throw new Error("There is no child");
      return child;
    },
    get childSnapshot() {
      return this.child.getSnapshot() as Snapshot<unknown>;
    },
    get types() {
      return events.map(({ type }) => type);
    },
    command: (command) => {
      send({ type: "test.command", command } as EventObject);
    },
    told: async <T extends EventObject>(type: T["type"], count = 1) => {
      await until(() => ofType(type).length >= count, `${count} ${type} were not told`);
      return ofType(type)[count - 1] as T;
    },
    leave: () => {
      send({ type: "test.leave" });
    },
    crash: (error) => {
      send({ type: "test.crash", error } as EventObject);
    },
    [Symbol.asyncDispose]: async () => {
      actor.stop();
      await world.runtime.stop();
    },
  };
}
