import { Shutdown } from "../process/exit.ts";
import type { SocketError } from "../tcp/error.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import type { CloseReason, Connection } from "./handler.ts";

/** Why a connection was not served. */
export type RefusalReason =
  /** `maxConnections` are served and `maxWaiting` wait. */
  | "Full"
  /** `maxPerAddress` come from its address. */
  | "TooManyFromAddress"
  /** Its address is in the block list. */
  | "Blocked"
  /** The server has begun to drain while it waited, or was to end before its peer had said who it is. */
  | "Draining"
  /** Its handler could not begin. */
  | "InitFailed";

/** What happens in a server, as `onEvent` hears it. */
export type ServerEvent =
  | { readonly type: "ConnectionOpened"; readonly connection: Connection }
  | { readonly type: "ConnectionClosed"; readonly connection: Connection; readonly reason: CloseReason }
  /** The handler's `onClose` threw `reason`, or rejected with it. */
  | { readonly type: "CloseFailed"; readonly connection: Connection; readonly reason: unknown }
  | {
      readonly type: "ConnectionRefused";
      readonly remoteAddress: string;
      readonly remotePort: number;
      readonly why: RefusalReason;
      /** What the handler's `init` threw. */
      readonly reason?: unknown;
    }
  /**
   * The peer's TLS handshake has come to nothing. Where it was the connection's first the handler never hears of it, and
   * nothing else is said; where it was one of `withUpgrade`, `ConnectionClosed` follows.
   */
  | { readonly type: "HandshakeFailed"; readonly connection: Connection; readonly error: TlsError }
  /** It waits, since `maxConnections` are served. */
  | { readonly type: "ConnectionWaits"; readonly remoteAddress: string; readonly remotePort: number }
  /** The system could not accept a connection: the server tries again after `retryInMs` milliseconds. */
  | { readonly type: "AcceptFailed"; readonly error: SocketError; readonly retryInMs: number };

/** What a server has counted since it was started. */
export interface ServerInfo {
  /** Connections that are served now. */
  readonly open: number;
  /** Connections that wait to be served. */
  readonly waiting: number;
  /** Connections that were served or are. */
  readonly accepted: number;
  readonly refused: number;
  /** Connections that were to speak TLS and did not come to it; they are not counted as refused. */
  readonly handshakesFailed: number;
  /** Times that the system could not accept a connection. */
  readonly acceptErrors: number;
  /** Connections whose handler ended abnormally. */
  readonly crashed: number;
  readonly isListening: boolean;
}

/** @internal Whether a connection ended by a bug, and not because somebody wanted it to. */
export function isCrash(reason: CloseReason): reason is { readonly type: "Abnormal"; readonly reason: unknown } {
  return typeof reason !== "string" && reason.type === "Abnormal" && reason.reason !== Shutdown.reason;
}
