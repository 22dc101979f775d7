import type { AnyActorRef, EventObject, PromiseActorLogic } from "xstate";
import type { Selector } from "../process/selector.ts";
import { type ConnectError, describeError } from "../tcp/error.ts";
import type { OwnedSocket, TcpMessage } from "../tcp/message.ts";
import { close } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { connectEither, type TlsConnectionOptions } from "../tls/connect.ts";
import { actorProcess } from "./actor-owner.ts";
import { createLogic } from "./logic.ts";

/** The error of an actor that could not connect; its message is `describeError`'s. */
export class ConnectFailure extends Error {
  readonly error: ConnectError | TlsError;

  /** @internal */
  constructor(error: ConnectError | TlsError) {
    super(describeError(error), { cause: error });
    this.name = "ConnectFailure";
    this.error = error;
  }
}

/**
 * Connects, as promise logic, and speaks TLS where its input says `tls`. Its output is a socket that belongs to the actor
 * which invoked it: the messages come to that as its own events, as `selector` says, and the socket closes when that is
 * done, stopped or in error. Leaving the state before leaves nothing open; leaving it after that closes nothing, for the
 * socket is the machine's. The error is a `ConnectFailure`. Name the machine's events, `fromConnect<Events>(selector)`, and
 * a selector that gives others does not compile.
 *
 * The socket stands in the machine's context, so a machine that is restored has none: let it connect anew.
 */
export function fromConnect<M extends EventObject = TcpMessage>(
  selector?: Selector<M>,
): PromiseActorLogic<OwnedSocket, TlsConnectionOptions> {
  const logic = createLogic<undefined, OwnedSocket, EventObject, TlsConnectionOptions, EventObject>({
    context: undefined,
    start: (actor) => {
      const abort = new AbortController();
      const owner = actorProcess(parentOf(actor.ref), selector);
      let connected: OwnedSocket | undefined;
      void connectEither({ ...actor.input, owner, signal: abort.signal }).then((result) => {
        if (!result.ok) actor.fail(new ConnectFailure(result.error));
        else if (!actor.isActive) void close(result.value);
        else {
          connected = result.value;
          actor.done(connected);
        }
      });
      return {
        receive: () => undefined,
        end: (_reason, status) => {
          abort.abort();
          if (status !== "done" && connected !== undefined) void close(connected); // it has not been handed over
        },
      };
    },
  });
  // XState's own promise logic has no context in its snapshots.
  return logic as unknown as PromiseActorLogic<OwnedSocket, TlsConnectionOptions>;
}

function parentOf({ _parent }: AnyActorRef): AnyActorRef {
  if (_parent !== undefined) return _parent;
  throw new Error("Cannot connect for nobody: what fromConnect gives is to be invoked or spawned by a machine");
}
