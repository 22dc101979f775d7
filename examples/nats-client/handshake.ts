// What happens on every new connection before anything else is sent.

import {
  type BytesTree,
  err,
  ok,
  type OwnedSocket,
  receive,
  type Result,
  send,
  sendBuilder,
  type SocketError,
} from "tankard";
import { connectCommand, PING, PONG } from "./commands.ts";
import type { HandshakeError } from "./messages.ts";
import { type Operation, parseOperation, type ServerInfo } from "./operations.ts";

/** Who one is, to a server that asks. */
export type Credentials = { readonly user: string; readonly pass: string } | { readonly auth_token: string };

type Shaken<T> = Result<T, HandshakeError | SocketError>;

const WITHIN_MS = 5_000;
/** The server may say other things before the PONG, but not for ever. */
const MOST_OPERATIONS = 16;

/**
 * Reads INFO, logs in, and waits until the server has answered a PING: then it has let us in. What `subscribe` gives is
 * sent last: messages come from then on, and are no concern of the handshake's.
 */
export async function shakeHands(
  socket: OwnedSocket,
  credentials: Credentials | undefined,
  subscribe: (info: ServerInfo) => Promise<Result<BytesTree, HandshakeError>>,
): Promise<Shaken<undefined>> {
  const first = await receiveOperation(socket);
  if (!first.ok) return first;
  if (first.value.type === "ServerError") return err(first.value);
  if (first.value.type !== "Info") return err({ type: "NotNats" });
  const { info } = first.value;
  if (info.isTlsRequired) return err({ type: "TlsRequired" });

  const sent = await sendBuilder(socket, [connectCommand({ ...parametersFor(info), ...credentials }), PING]);
  if (!sent.ok) return sent;
  const letIn = await awaitPong(socket);
  if (!letIn.ok) return letIn;
  const subscriptions = await subscribe(info);
  return subscriptions.ok ? await sendBuilder(socket, subscriptions.value) : subscriptions;
}

function parametersFor({ hasHeaders }: ServerInfo): object {
  const said = { name: "tankard", lang: "node", version: "1.0.0", protocol: 1 };
  return { ...said, verbose: false, pedantic: false, headers: hasHeaders, no_responders: hasHeaders };
}

async function awaitPong(socket: OwnedSocket): Promise<Shaken<undefined>> {
  for (let left = MOST_OPERATIONS; left > 0; left--) {
    const operation = await receiveOperation(socket);
    if (!operation.ok) return operation;
    if (operation.value.type === "Pong") return ok();
    if (operation.value.type === "ServerError") return err(operation.value);
    if (operation.value.type === "Ping") {
      const sent = await send(socket, PONG);
      if (!sent.ok) return sent;
    }
  }
  return err({ type: "NotNats" });
}

async function receiveOperation(socket: OwnedSocket): Promise<Shaken<Operation>> {
  const frame = await receive(socket, WITHIN_MS);
  return frame.ok ? ok(parseOperation(frame.value)) : frame;
}
