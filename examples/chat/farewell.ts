// How to part: say it, then read on until the other side has closed too.

import { newSelector, receiveNextPacketAsMessage, tcpMessages, type OwnedSocket, type Self } from "tankard";

/**
 * Reads and forgets what still comes, until the stream ends or time is up. To close over bytes that nobody has read
 * resets a connection, and a reset may overtake the last words that were sent.
 */
export async function readUntilClosed(self: Self, socket: OwnedSocket, withinMs: number): Promise<void> {
  const late = self.newSubject<{ readonly type: "Late" }>();
  const timer = self.sendAfter(late, withinMs, { type: "Late" });
  const closing = newSelector().select(late).merge(tcpMessages);
  for (;;) {
    receiveNextPacketAsMessage(socket);
    const message = await self.receiveForever(closing);
    if (message.type === "SocketClosed" || message.type === "Late") break;
  }
  self.cancelTimer(timer);
}
