import type { Owner } from "../process/owner.ts";
import { err, type Result } from "../result.ts";
import { connect as connectPlain } from "../tcp/connect.ts";
import type { ConnectError } from "../tcp/error.ts";
import type { OwnedSocket, Socket } from "../tcp/message.ts";
import { checkConnectOptions, type ConnectContext, type ConnectionOptions } from "../tcp/options.ts";
import { engineOf } from "../tcp/socket.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import { runtimeEngine } from "../process/runtime.ts";
import { handshakeFailure } from "./error.ts";
import type { TlsClientOptions } from "./options.ts";
import { isServerContext } from "./server-context.ts";
import { type Plan, planOf, upgradeConnected } from "./upgrade.ts";

/** Where to connect to, and how to speak TLS there: plain data. */
export interface TlsConnectionOptions extends ConnectionOptions {
  /** Default: the server has to prove that it is `host`, to the authorities that Node brings along. */
  readonly tls?: TlsClientOptions | undefined;
}

/**
 * Connects as the `connect` of `tankard` does, and speaks TLS: the socket's messages, functions and promises are the
 * same. `timeout` is for the connection of each IP version, `handshakeTimeout` for the handshake behind it, `deadline`
 * for all together. An address whose server fails the handshake ends the attempt: others are not tried.
 *
 * The end that the peer has not announced by TLS's `close_notify` is an end like any other, as in ssl and in Node: where
 * that matters, the protocol has to say how long its messages are (`packet` does; an end inside a frame is `Ebadmsg`).
 *
 * @returns as the other `connect`, or why there is no TLS: nothing is left open then
 * @throws as the other `connect`; TypeError where a unix socket is to be verified and `serverNameIndication` says no name
 * Source: `ssl:connect`.
 */
export function connect<O extends Owner | undefined = undefined>(
  options: TlsConnectionOptions & ConnectContext<O>,
): Promise<Result<[O] extends [Owner] ? OwnedSocket : Socket, ConnectError | TlsError>> {
  const { tls = {}, ...rest } = options;
  const { owner, signal, deadline = Infinity } = options;
  const plan = planFor(options, tls);
  const connecting = connectPlain<Owner | undefined>(rest);
  const until = runtimeEngine(owner?.runtime).clock.now() + deadline;
  const secured = secure(connecting, plan, signal, until);
  return secured as Promise<Result<OwnedSocket, ConnectError | TlsError>>;
}

/** @internal As this `connect` where `options` have `tls`, and as the other where they have not. */
export function connectEither<O extends Owner | undefined = undefined>(
  options: TlsConnectionOptions & ConnectContext<O>,
): Promise<Result<[O] extends [Owner] ? OwnedSocket : Socket, ConnectError | TlsError>> {
  const { tls, ...plain } = options;
  if (tls !== undefined) return connect(options);
  const connected = connectPlain<Owner | undefined>(plain);
  return connected as Promise<Result<OwnedSocket, ConnectError>>;
}

/**
 * @internal Checks options for `connectEither` that are not to be used yet.
 *
 * @throws TypeError or RangeError for options that no connection can have
 */
export function checkEither(options: TlsConnectionOptions): void {
  const { tls, ...plain } = options;
  checkConnectOptions(plain);
  if (tls !== undefined) planFor(options, tls);
}

function planFor({ path, host }: TlsConnectionOptions, tls: TlsClientOptions): Plan {
  if (isServerContext(tls)) {
    throw new TypeError("Cannot connect: tls must be a client's options, received a server context");
  }
  return planOf("connect", tls, path === undefined ? host : undefined);
}

async function secure(
  connecting: Promise<Result<Socket, ConnectError>>,
  plan: Plan,
  signal: AbortSignal | undefined,
  until: number,
): Promise<Result<Socket, ConnectError | TlsError>> {
  const connected = await connecting;
  if (!connected.ok) return connected;
  const engine = engineOf(connected.value, "connect");
  const abort = (): void => {
    engine.abort();
  };
  signal?.addEventListener("abort", abort);
  if (signal?.aborted === true) abort();
  const upgraded = await upgradeConnected(engine, plan, until);
  signal?.removeEventListener("abort", abort);
  if (upgraded.ok && !engine.isGone) return connected;
  if (signal?.aborted === true) return err({ type: "ConnectAborted", cause: "Signal", attempts: [] });
  // Nobody else has the socket yet: if it is closed here, then with its owner.
  if (upgraded.ok || (engine.isGone && typeof upgraded.error === "string")) {
    return err({ type: "ConnectAborted", cause: "OwnerExited", attempts: [] });
  }
  abort();
  return err(typeof upgraded.error === "string" ? handshakeFailure("Closed") : upgraded.error);
}
