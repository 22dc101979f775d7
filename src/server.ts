/// <reference types="node" preserve="true" />
// The names of TCP servers: a process for each connection.

export type { RefusalReason, ServerEvent, ServerInfo } from "./server/events.ts";
export type {
  CloseReason,
  Connection,
  ConnectionHandler,
  ConnectionInit,
  ConnectionOwner,
  ConnectionProcess,
} from "./server/handler.ts";
export type { AddressFilter, ServerOptions } from "./server/options.ts";
export { withReply, withUpgrade } from "./server/reply.ts";
export { type Server, type ServerChild, startServer, supervised } from "./server/server.ts";
export { drainOnSignals } from "./server/signals.ts";
