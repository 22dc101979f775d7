import type { EventObject, PromiseActorLogic } from "xstate";
import { describeError, type SocketError } from "../tcp/error.ts";
import type { OwnedSocket, Socket } from "../tcp/message.ts";
import { abort } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import type { TlsClientOptions } from "../tls/options.ts";
import type { TlsServerContext } from "../tls/server-context.ts";
import { upgrade } from "../tls/upgrade.ts";
import { createLogic } from "./logic.ts";

/** The error of an actor whose connection could not go on in TLS; its message is `describeError`'s. */
export class UpgradeFailure extends Error {
  readonly error: TlsError | SocketError;

  /** @internal */
  constructor(error: TlsError | SocketError) {
    super(describeError(error), { cause: error });
    this.name = "UpgradeFailure";
    this.error = error;
  }
}

/** What goes on in TLS, and how: as the client by options, as the server by a server's context. */
export interface UpgradeInput<S extends Socket = OwnedSocket> {
  readonly socket: S;
  readonly tls: TlsClientOptions | TlsServerContext;
}

/**
 * Goes on in TLS on a socket that stands, as promise logic: `upgrade` of `tankard/tls`. Its output is the socket, which
 * belongs to whom it belonged before. Leaving the state meanwhile resets the connection, for half a handshake is of no
 * use to anybody. The error is an `UpgradeFailure`.
 *
 * It is for a socket that the machine has (`fromConnect`, `fromServer`); one of `fromTcpSocket` has a command for it. A
 * socket is in no snapshot, so restored in the middle it fails.
 */
export function fromUpgrade<S extends Socket = OwnedSocket>(): PromiseActorLogic<S, UpgradeInput<S>> {
  const logic = createLogic<undefined, S, EventObject, UpgradeInput<S>, EventObject>({
    context: undefined,
    start: (actor) => {
      const { socket, tls } = actor.input;
      void upgrade(socket, tls).then((result) => {
        if (result.ok) actor.done(socket);
        else actor.fail(new UpgradeFailure(result.error));
      });
      return {
        receive: () => undefined,
        end: (_reason, status) => {
          if (status === "stopped") abort(socket);
        },
      };
    },
  });
  // XState's own promise logic has no context in its snapshots.
  return logic as unknown as PromiseActorLogic<S, UpgradeInput<S>>;
}
