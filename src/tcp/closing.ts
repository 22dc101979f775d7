import type { Deferred } from "../process/deferred.ts";
import type { Departure } from "./departure.ts";
import type { LastError } from "./error.ts";
import { noLastWords } from "./last-words.ts";

/**
 * What a socket knows of its end, or of that of its protocol, and who waits for it. Most open sockets have none: it is made by
 * who asks, and by the end.
 */
export class Closing {
  /** What we have shut down ourselves. */
  shut: "nothing" | "writing" | "both" = "nothing";
  /** Whether the owner has been told `SocketClosed` while the socket stays open for sends (`exitOnClose: false`). */
  isEndTold = false;
  lastError: LastError | undefined;
  /** Whether the failure that the transport will tell was found by looking. */
  isFailureKnown = false;
  /** Whether a receive has said the peer's own end. */
  hasReceivedAll = false;
  /** Whether `close`, and the owner's end, cut the connection. */
  isCutByClose = false;
  /** Of a dead socket. */
  lastWords = noLastWords;
  /** Once it is to go. */
  departure: Departure | undefined;
  /** Where somebody has asked for it. */
  gone: Deferred<void> | undefined;
  closed: Deferred<void> | undefined;
  /** Where another protocol is about to begin: told when what was queued has left, or the connection is over. */
  upgrading: ((isOpen: boolean) => void) | undefined;
  /** What had left before an upgrade. */
  sentBytesBefore = 0;

  /** No other protocol begins any more. */
  stopUpgrading(): void {
    this.upgrading?.(false);
    this.upgrading = undefined;
  }
}
