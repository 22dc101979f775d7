import type { AnyActorLogic, EventFromLogic } from "xstate";
import { checkOptionNames } from "../process/option-names.ts";
import type { Selector } from "../process/selector.ts";
import type { Connection, ConnectionOwner } from "../server/handler.ts";
import { actorProcess } from "./actor-owner.ts";
import { type ActorSettings, actorSettingNames, type InputSetting, makeActor } from "./make-actor.ts";

/** How a connection's actor is made; `input` is made of the connection. */
export type MachineHandlerOptions<TLogic extends AnyActorLogic> = ActorSettings<TLogic> &
  InputSetting<TLogic, [connection: Connection]> & {
    /** Where the actor uses the socket itself: what it is told of it. Default: the TCP messages as they are. */
    readonly selector?: Selector<EventFromLogic<TLogic>> | undefined;
    /** What the actor is told when the server drains. Default: nothing; it has `connection.draining`. */
    readonly drainEvent?: EventFromLogic<TLogic> | undefined;
  };

const optionNames = Object.keys({
  ...actorSettingNames,
  input: true,
  selector: true,
  drainEvent: true,
} satisfies Record<keyof MachineHandlerOptions<AnyActorLogic>, true>);

/**
 * Serves each connection of `startServer` by an actor of its own, a machine or any other logic. It owns the socket, and
 * may give it to a `fromTcpSocket` child. When it is done or stopped the connection closes, and when it is in error too:
 * the server hears of that as of any handler's crash. The server's end stops it.
 *
 * @throws TypeError for a name that is not an option's
 */
export function machineHandler<TLogic extends AnyActorLogic>(
  logic: TLogic,
  options: MachineHandlerOptions<TLogic>,
): ConnectionOwner {
  checkOptionNames("serve connections by a machine", options, optionNames);
  const { selector, drainEvent } = options;
  const makeInput: ((connection: Connection) => unknown) | undefined = options.input;
  return {
    createOwner: (connection, self) => {
      const actor = makeActor(logic, self.runtime, options, makeInput?.(connection));
      const owner = actorProcess(actor, selector);
      const onDrain = (): void => {
        if (drainEvent !== undefined) actor.send(drainEvent);
      };
      connection.draining.addEventListener("abort", onDrain);
      owner.onExit(() => {
        connection.draining.removeEventListener("abort", onDrain); // one signal for all connections: it outlives this one
      }, "resource");
      // Not before it has the socket, which a child of it may take.
      queueMicrotask(() => {
        if (!owner.isAlive) return;
        actor.start();
        if (connection.draining.aborted) onDrain();
      });
      return owner;
    },
  };
}
