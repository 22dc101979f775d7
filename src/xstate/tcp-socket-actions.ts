import { type ActionFunction, type EventObject, type MachineContext, sendTo } from "xstate";
import type { BytesTree } from "../tcp/socket.ts";
import type { TlsClientOptions } from "../tls/options.ts";
import type { TlsServerContext } from "../tls/server-context.ts";
import type { SendId } from "./send-result.ts";
import type { TcpSocketCommand } from "./tcp-socket.ts";

type SocketAction<TContext extends MachineContext, TEvent extends EventObject, TParams> = ActionFunction<
  TContext,
  TEvent,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever other events the machine has
  any,
  TParams,
  never,
  never,
  never,
  never,
  never
>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an action of any machine
type AnySocketAction = SocketAction<any, any, any>;

/** The commands to an invoked socket as actions: hoisted, inline and in `setup({ actions })`. */
export interface TcpSocketActions {
  /** Sends; `id` comes back in what `selectSendResults` takes. */
  send<TContext extends MachineContext, TEvent extends EventObject, TParams = undefined>(
    this: void,
    data: (args: { context: TContext; event: TEvent }, params: TParams) => BytesTree,
    id?: SendId | ((args: { context: TContext; event: TEvent }, params: TParams) => SendId),
  ): SocketAction<TContext, TEvent, TParams>;
  send(this: void, data: BytesTree, id?: SendId): AnySocketAction;
  readonly receiveNextPacketAsMessage: AnySocketAction;
  readonly disarm: AnySocketAction;
  /** Goes on in TLS, and tells `Upgraded`: `upgrade` of `tankard/tls`. */
  upgrade<TContext extends MachineContext, TEvent extends EventObject, TParams = undefined>(
    this: void,
    tls: (args: { context: TContext; event: TEvent }, params: TParams) => TlsClientOptions | TlsServerContext,
  ): SocketAction<TContext, TEvent, TParams>;
  upgrade(this: void, tls: TlsClientOptions | TlsServerContext): AnySocketAction;
  readonly shutdown: AnySocketAction;
  readonly shutdownWrite: AnySocketAction;
}

interface Args {
  readonly context: MachineContext;
  readonly event: EventObject;
}
/** What is made of a machine's state, or is there already. */
type Made<T> = T | ((args: Args, params: unknown) => T);

/** The commands to the `fromTcpSocket` actor that is invoked or spawned as `id`, as actions of the machine. */
export function tcpSocketActions(id: string): TcpSocketActions {
  const command = (event: TcpSocketCommand | ((args: Args, params: unknown) => TcpSocketCommand)): AnySocketAction =>
    sendTo(id, event as never) as AnySocketAction;
  const send = (data: Made<BytesTree>, sendId?: Made<SendId | undefined>): AnySocketAction =>
    command((args, params) => ({
      type: "send",
      data: typeof data === "function" ? data(args, params) : data,
      id: typeof sendId === "function" ? sendId(args, params) : sendId,
    }));
  const upgrade = (tls: Made<TlsClientOptions | TlsServerContext>): AnySocketAction =>
    command((args, params) => ({ type: "upgrade", tls: typeof tls === "function" ? tls(args, params) : tls }));
  return {
    send: send as TcpSocketActions["send"],
    receiveNextPacketAsMessage: command({ type: "receiveNextPacketAsMessage" }),
    disarm: command({ type: "disarm" }),
    upgrade: upgrade as TcpSocketActions["upgrade"],
    shutdown: command({ type: "shutdown" }),
    shutdownWrite: command({ type: "shutdownWrite" }),
  };
}
