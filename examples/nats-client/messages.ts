// What a NATS client says: to its subscribers, to who asks, and of itself.

import type { Result } from "tankard";
import type { Connected, Disconnected, RequestFailure } from "tankard/reconnect";
import type { Headers } from "./headers.ts";

/** A message of a subscription, or the answer to a request. */
export interface NatsMessage {
  readonly type: "NatsMessage";
  readonly subject: string;
  readonly payload: Buffer;
  readonly headers: Headers;
  /** What the server itself says, in a message without payload: 503 for nobody there. */
  readonly status: number | undefined;
  /** Where to publish the answer, if the sender wants one. */
  readonly replyTo: string | undefined;
}

/** The server complains, and often closes the connection then. */
export interface ServerError {
  readonly type: "ServerError";
  readonly text: string;
}

/** What becomes of the connection. */
export type NatsNews = Connected | Disconnected | ServerError;

/** Why the server did not let us in: the `error` of a `HandshakeFailed`, unless that is the socket's. */
export type HandshakeError =
  | ServerError
  /** The server speaks, but not as one of NATS does. */
  | { readonly type: "NotNats" }
  /** It takes nobody without TLS, which this client does not have. */
  | { readonly type: "TlsRequired" }
  /** The client is over. */
  | { readonly type: "Closed" };

/** Why something has not been done, or has no answer. */
export type NatsFailure =
  | RequestFailure
  /** Nobody subscribes to the subject of the request. */
  | { readonly type: "NoResponders" }
  /** The server would close the connection for it. */
  | { readonly type: "PayloadTooLarge"; readonly byteSize: number; readonly maxPayload: number };

/** Whether it is on its way. It arrives at most once: what a connection has taken when it ends is lost, or not. */
export type Published = Result<undefined, NatsFailure>;

/** What a request comes to. */
export type Answer = Result<NatsMessage, NatsFailure>;
