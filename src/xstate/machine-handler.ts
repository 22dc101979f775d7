import {
  type ActorOptions,
  type ActorRefFromLogic,
  type AnyActorLogic,
  createActor,
  type EventFromLogic,
  type InputFrom,
} from "xstate";
import type { Selector } from "../process/selector.ts";
import type { Connection, ConnectionOwner } from "../server/handler.ts";
import { throwFailure } from "./actor-life.ts";
import { actorProcess } from "./actor-owner.ts";
import { clockOf } from "./system-runtime.ts";

/** How a connection's actor is made. */
export interface MachineHandlerOptions<TLogic extends AnyActorLogic> extends Pick<
  ActorOptions<TLogic>,
  "inspect" | "logger"
> {
  /** What the actor begins with. */
  readonly input: (connection: Connection) => InputFrom<TLogic>;
  /** Where the actor uses the socket itself: what it is told of it. Default: the TCP messages as they are. */
  readonly selector?: Selector<EventFromLogic<TLogic>> | undefined;
  /** What the actor is told when the server drains. Default: nothing; it has `connection.draining`. */
  readonly drainEvent?: EventFromLogic<TLogic> | undefined;
  /** Sees the actor before it starts. */
  readonly onActor?: ((actorRef: ActorRefFromLogic<TLogic>) => void) | undefined;
}

/**
 * Serves each connection of `startServer` by an actor of its own, a machine or any other logic. It owns the socket, and
 * may give it to a `fromTcpSocket` child. When it is done or stopped the connection closes, and when it is in error too:
 * the server hears of that as of any handler's crash. The server's end stops it.
 */
export function machineHandler<TLogic extends AnyActorLogic>(
  logic: TLogic,
  options: MachineHandlerOptions<TLogic>,
): ConnectionOwner {
  const { input, selector, drainEvent, onActor, ...actorOptions } = options;
  return {
    createOwner: (connection, self) => {
      const actor = createActor(logic, {
        ...actorOptions,
        clock: clockOf(self.runtime),
        input: input(connection),
      });
      throwFailure(actor);
      const owner = actorProcess(actor, selector);
      onActor?.(actor);
      if (drainEvent !== undefined) {
        connection.draining.addEventListener("abort", () => {
          if (owner.isAlive) actor.send(drainEvent);
        });
      }
      // Not before it has the socket, which a child of it may take.
      queueMicrotask(() => {
        if (owner.isAlive) actor.start();
      });
      return owner;
    },
  };
}
