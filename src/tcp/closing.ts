import type { Deferred } from "../process/deferred.ts";
import type { Departure } from "./departure.ts";
import type { LastError } from "./error.ts";
import { noLastWords } from "./last-words.ts";

/** What a socket knows of its end, and who waits for it. Most open sockets have none: it is made by who asks, and by the end. */
export class Closing {
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
}
