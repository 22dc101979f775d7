import type { ConnectError, SocketError } from "../tcp/error.ts";
import type { TlsError } from "../tcp/tls-error.ts";
import type { ReconnectingConnection } from "./connection.ts";

/** Why there is no connection, or none any more. */
export type DisconnectReason =
  | { readonly type: "ConnectFailed"; readonly error: ConnectError | TlsError }
  /** `handshake` gave this error, or threw it. */
  | { readonly type: "HandshakeFailed"; readonly error: unknown }
  /** `handshake` took longer than `handshakeTimeoutMs`. */
  | { readonly type: "HandshakeTimeout" }
  /** The stream has ended, or failed. */
  | { readonly type: "ConnectionLost"; readonly error: SocketError }
  /** The peer did not answer the heartbeat. */
  | { readonly type: "PeerSilent" }
  /** `reconnectNow` was called. */
  | { readonly type: "Asked" };

/** The connection stands, its handshake is done, and what waited is on its way. */
export interface Connected {
  readonly type: "Connected";
  readonly connection: ReconnectingConnection;
  /** The attempt in a row that has succeeded, counted from 1. */
  readonly attempt: number;
}

/** An attempt has failed, or the connection has ended: the next attempt is in `nextAttemptMs` milliseconds. */
export interface Disconnected {
  readonly type: "Disconnected";
  readonly connection: ReconnectingConnection;
  readonly reason: DisconnectReason;
  readonly nextAttemptMs: number;
}

/** A packet that was asked for. None of a connection comes after its `Disconnected`: what was not asked for by then is lost. */
export interface ReconnectPacket {
  readonly type: "Packet";
  readonly connection: ReconnectingConnection;
  readonly data: Buffer;
}

/** `maxAttempts` in a row have failed, the last for this reason. Nothing follows. The loss of a stable connection is none. */
export interface GaveUp {
  readonly type: "GaveUp";
  readonly connection: ReconnectingConnection;
  readonly reason: DisconnectReason;
  readonly attempts: number;
}

/** What a reconnecting connection says to its subscriber. */
export type ReconnectMessage = Connected | Disconnected | ReconnectPacket | GaveUp;

/** Why a send or a call has not been done. */
export type RequestFailure =
  /** The connection was closed, has given up, or its process has ended. */
  | { readonly type: "Closed" }
  /** `queueLimit` bytes wait already, or this was the oldest of them. */
  | { readonly type: "QueueFull" }
  /** It was sent, and the connection ended before the answer: whether the peer has done it is not known. */
  | { readonly type: "Disconnected"; readonly reason: DisconnectReason }
  /** No answer has come in time. */
  | { readonly type: "CallTimeout"; readonly withinMs: number }
  /** It could not be sent: `Emsgsize`, `Enobufs`, `Timeout`, or how the connection ended meanwhile. */
  | { readonly type: "SendFailed"; readonly error: SocketError };
