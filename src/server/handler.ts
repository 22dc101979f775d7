import type { ExitReason } from "../process/exit.ts";
import type { Owner } from "../process/owner.ts";
import type { Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { Next } from "../otp/next.ts";
import type { SocketError } from "../tcp/error.ts";
import type { OwnedSocket } from "../tcp/message.ts";
import type { TlsError } from "../tcp/tls-error.ts";

/** A connection that a server has accepted. */
export interface Connection {
  readonly socket: OwnedSocket;
  /** Counted from 1 in each server. */
  readonly id: number;
  /** The peer's address; empty for a unix socket, and for a peer that had gone when it was accepted. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Aborted when the server drains: whoever serves the connection says goodbye and ends. */
  readonly draining: AbortSignal;
}

/** Why a connection is over: the peer ended it, it failed or took too long, no TLS came of `withUpgrade`, or whoever served it ended. */
export type CloseReason = SocketError | TlsError | ExitReason;

/** What a connection's actor begins with. */
export interface ConnectionInit<out S, out U> {
  readonly state: S;
  /** What else comes to `onMessage`. */
  readonly selector?: Selector<U> | undefined;
}

type Step<S, U> = Next<S, U> | PromiseLike<Next<S, U>>;

/**
 * One connection's actor. It asks for a packet, hands it to `onPacket`, and asks for the next when that is done and what
 * it replied is on its way: a peer that does not read its answers is not read from either.
 *
 * What a handler throws ends this connection and no other. Source: `ThousandIsland.Handler`, `glisten`.
 */
export interface ConnectionHandler<S, U> {
  /** Runs in the actor before anything of the peer's is read, and behind its TLS handshake. */
  init(connection: Connection, self: Self): ConnectionInit<S, U> | PromiseLike<ConnectionInit<S, U>>;
  /** One packet: what has arrived, up to `buffer` bytes of it, or one frame of `packet`. `withReply` sends an answer with the next state. */
  onPacket(state: NoInfer<S>, data: Buffer, connection: Connection, self: Self): Step<NoInfer<S>, NoInfer<U>>;
  /** What the selector of `init` takes. */
  onMessage?(state: NoInfer<S>, message: NoInfer<U>, connection: Connection, self: Self): Step<NoInfer<S>, NoInfer<U>>;
  /** The server drains: a last word, and `stop()`. Without it the connection goes on until the deadline. */
  onDrain?(state: NoInfer<S>, connection: Connection, self: Self): Step<NoInfer<S>, NoInfer<U>>;
  /** The connection is over, for whatever reason; called once, and nothing can be sent any more. */
  onClose?(state: NoInfer<S>, reason: CloseReason): void | PromiseLike<void>;
}

/** Serves a connection as an async process. When it returns, what is queued still leaves, and the connection closes. */
export type ConnectionProcess = (connection: Connection, self: Self) => unknown;

/** Serves a connection by any owner: a callback, an actor of another library. When it ends, the connection closes. */
export interface ConnectionOwner {
  /** Makes whoever gets the socket; its messages come only when it asks for them. `self` is the process that watches it. */
  createOwner(connection: Connection, self: Self): Owner;
}

/** Whatever serves connections. */
export type AnyHandler = ConnectionHandler<never, never> | ConnectionProcess | ConnectionOwner;
