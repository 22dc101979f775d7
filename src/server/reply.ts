import { type Next, nextValue, nextWithReply, nextWithUpgrade } from "../otp/next.ts";
import type { BytesTree } from "../tcp/socket.ts";
import { contextOf, type TlsServerContext } from "../tls/server-context.ts";

/**
 * Sends `data` to the peer, in one piece, before the connection's actor goes on as `next` says: also `stop()`, for a last
 * word. If it cannot be sent, the connection is over. Only for what a `ConnectionHandler` returns.
 *
 * While it waits for a slow peer, so do the actor's messages (see `mailbox` of `ServerOptions`). A connection that ends
 * while bytes of the peer are unread is reset, as everywhere, and a reset may overtake a last word.
 */
export function withReply<S, M>(next: Next<S, M>, data: BytesTree): Next<S, M> {
  return nextWithReply(next, data);
}

/**
 * Goes on in TLS, as the server, as after STARTTLS: behind what `withReply` sends in plain text. `onPacket` gets nothing
 * any more that came in plain text: what the peer has sent behind the packet that this answers goes where `unread` of the
 * context says. The actor's messages wait until hands are shaken, within `handshakeTimeoutMs` and the context's own
 * `handshakeTimeout`. Where that fails the connection is over, `onEvent` hears `HandshakeFailed` and `onClose` the
 * `TlsError`. Only for what `onPacket` returns; elsewhere a packet has been asked for, and the actor crashes.
 *
 * @throws TypeError for what is no context of `newServerContext`; Error where the actor does not go on
 */
export function withUpgrade<S, M>(next: Next<S, M>, context: TlsServerContext): Next<S, M> {
  contextOf(context, "upgrade a connection");
  if (nextValue(next)?.type !== "Continue") throw new Error("Cannot upgrade a connection that does not go on");
  return nextWithUpgrade(next, context);
}
