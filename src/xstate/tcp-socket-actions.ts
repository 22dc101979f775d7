import { type ActionFunction, type EventObject, type MachineContext, sendTo } from "xstate";
import type { BytesTree } from "../tcp/socket.ts";
import type { SendId } from "./send-result.ts";
import type { TcpSocketCommand } from "./tcp-socket.ts";

type SocketAction<TContext extends MachineContext, TEvent extends EventObject> = ActionFunction<
  TContext,
  TEvent,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the event and the parameters of any machine's action
  any,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  any,
  never,
  never,
  never,
  never,
  never
>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an action of any machine
type AnySocketAction = SocketAction<any, any>;

/** The commands to an invoked socket as actions: hoisted, inline and in `setup({ actions })`. */
export interface TcpSocketActions {
  /** Sends; `id` comes back in what `selectSendResults` takes. */
  send<TContext extends MachineContext, TEvent extends EventObject>(
    this: void,
    data: (args: { context: TContext; event: TEvent }) => BytesTree,
    id?: SendId | ((args: { context: TContext; event: TEvent }) => SendId),
  ): SocketAction<TContext, TEvent>;
  send(this: void, data: BytesTree, id?: SendId): AnySocketAction;
  readonly receiveNextPacketAsMessage: AnySocketAction;
  readonly disarm: AnySocketAction;
  readonly shutdown: AnySocketAction;
  readonly shutdownWrite: AnySocketAction;
}

interface Args {
  readonly context: MachineContext;
  readonly event: EventObject;
}

/** The commands to the `fromTcpSocket` actor that is invoked or spawned as `id`, as actions of the machine. */
export function tcpSocketActions(id: string): TcpSocketActions {
  const command = (event: TcpSocketCommand | ((args: Args) => TcpSocketCommand)): AnySocketAction =>
    sendTo(id, event) as AnySocketAction;
  const send = (data: BytesTree | ((args: Args) => BytesTree), sendId?: SendId | ((args: Args) => SendId)) =>
    command((args) => ({
      type: "send",
      data: typeof data === "function" ? data(args) : data,
      id: typeof sendId === "function" ? sendId(args) : sendId,
    }));
  return {
    send: send as TcpSocketActions["send"],
    receiveNextPacketAsMessage: command({ type: "receiveNextPacketAsMessage" }),
    disarm: command({ type: "disarm" }),
    shutdown: command({ type: "shutdown" }),
    shutdownWrite: command({ type: "shutdownWrite" }),
  };
}
