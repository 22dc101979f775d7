import { type Next, nextWithReply } from "../otp/next.ts";
import type { BytesTree } from "../tcp/socket.ts";

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
