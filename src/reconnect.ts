/// <reference types="node" preserve="true" />
// The names of connections that come back.

export { type ReconnectingConnection, startReconnecting } from "./reconnect/connection.ts";
export type {
  Connected,
  Disconnected,
  DisconnectReason,
  GaveUp,
  ReconnectMessage,
  ReconnectPacket,
  RequestFailure,
} from "./reconnect/messages.ts";
export type { Heartbeat, ReconnectOptions } from "./reconnect/options.ts";
