// Both ends of a connection over TLS, both ours, with somebody in between.

import {
  abort,
  accept,
  close,
  closeListener,
  connect as connectPlain,
  listen,
  ok,
  receiveExact,
  type Result,
  send,
  type Socket,
  unwrap,
} from "tankard";
import {
  connect,
  newServerContext,
  type TlsClientOptions,
  type TlsServerContext,
  type TlsServerOptions,
  upgrade,
} from "tankard/tls";
import { ca, credentials } from "./certificates.ts";
import { type Fault, manInTheMiddle, type ManInTheMiddle } from "./man-in-the-middle.ts";
import { within } from "./peer.ts";

export interface EndsOptions {
  /** Who stands in between does this; where there is nothing to do, nobody does: who stands there has no back-pressure. */
  readonly faults?: readonly Fault[];
  readonly client?: TlsClientOptions;
  readonly server?: Partial<TlsServerOptions>;
  /** Instead of what `server` comes to. */
  readonly context?: TlsServerContext;
  /** Whether both say a word in plain text first, and go on in TLS then. */
  readonly isUpgrade?: boolean;
}

export interface Ends extends AsyncDisposable {
  readonly client: Result<Socket, unknown>;
  readonly server: Result<Socket, unknown>;
  /** Those two of them that have come through. */
  readonly sockets: readonly [client: Socket | undefined, server: Socket | undefined];
  readonly middle: ManInTheMiddle;
}

/** Connects; it is over for both of them within a time, be it well or not. */
export async function bothOurs(options: EndsOptions = {}): Promise<Ends> {
  const { faults, client: clientOptions, server: serverOptions, isUpgrade = false } = options;
  const { context = newServerContext({ ...credentials("localhost"), ...serverOptions }) } = options;
  const listener = unwrap(await listen({ host: "127.0.0.1", port: 0 }));
  const middle = await manInTheMiddle(listener.port, ...(faults ?? []));
  const serving = (async (): Promise<Result<Socket, unknown>> => {
    const accepted = await accept(listener, 2_000);
    if (!accepted.ok) return accepted;
    return secured(accepted.value, context, isUpgrade, serverOptions?.handshakeTimeout);
  })();
  const to = { host: "127.0.0.1", port: faults === undefined ? listener.port : middle.port };
  const tls = { ca, serverNameIndication: "localhost", ...clientOptions };
  const connecting = (async (): Promise<Result<Socket, unknown>> => {
    if (!isUpgrade) return connect({ ...to, tls });
    const connected = await connectPlain(to);
    return connected.ok ? secured(connected.value, tls, isUpgrade, tls.handshakeTimeout) : connected;
  })();
  const both = Promise.all([connecting, serving]);
  const [client, server] = await within(both, "One of the two does not come to an end");
  const sockets = [client.ok ? client.value : undefined, server.ok ? server.value : undefined] as const;
  return {
    client,
    server,
    sockets,
    middle,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sockets.flatMap((socket) => (socket === undefined ? [] : [close(socket)])));
      await closeListener(listener);
      await middle[Symbol.asyncDispose]();
    },
  };
}

const word = "STARTTLS\r\n";

/** Goes on in TLS on `socket`, behind a word of each side where `hasWord`; what fails is closed. */
async function secured(
  socket: Socket,
  how: Parameters<typeof upgrade>[1],
  hasWord: boolean,
  timeout = 2_000,
): Promise<Result<Socket, unknown>> {
  let upgraded: Result<unknown, unknown> = ok();
  if (hasWord) {
    const sent = await send(socket, word);
    upgraded = sent.ok ? await receiveExact(socket, word.length, timeout) : sent;
  }
  if (upgraded.ok) upgraded = await upgrade(socket, how);
  if (upgraded.ok) return ok(socket);
  abort(socket);
  return upgraded;
}
