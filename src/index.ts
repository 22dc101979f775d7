/// <reference types="node" preserve="true" />
// The names of the core: results, processes, TCP. Nothing else is public.

export { err, type Err, ok, type Ok, type Result } from "./result.ts";
export { unwrap, UnwrapError } from "./unwrap.ts";

export { Abnormal, type ExitReason, ExitSignal, Killed, Normal } from "./process/exit.ts";
export type { Owner } from "./process/owner.ts";
export { ownerFromCallback } from "./process/callback-owner.ts";
export type { MessageFrom, OwnSubject, Subject } from "./process/subject.ts";
export { newSelector, Selector, selectRecord } from "./process/selector.ts";
export {
  deselectSpecificMonitor,
  type ExitMessage,
  type Monitor,
  type ProcessDown,
  selectMonitors,
  selectSpecificMonitor,
  selectTrappedExits,
} from "./process/monitor.ts";
export { type Name, named, namedSubject, newName, subjectName, subjectOwner } from "./process/name.ts";
export type { Timer } from "./process/timer.ts";
export type { ExitOptions, Process } from "./process/process.ts";
export type { Self } from "./process/self.ts";
export { call, type CallError, type FromRequest, type ReplyFrom, type ReplySubject } from "./process/call.ts";
export type { Clock } from "./process/clock.ts";
export type { MailboxOptions, Overflow } from "./process/mailbox-bound.ts";
export {
  type Crash,
  createRuntime,
  type DeadLetter,
  type Host,
  type Run,
  type Runtime,
  type RuntimeOptions,
  spawn,
  type SpawnOptions,
} from "./process/runtime.ts";

export {
  type ConnectAttempt,
  type ConnectError,
  describeError,
  type LastError,
  type SocketError,
} from "./tcp/error.ts";
export {
  type ChangeableOptions,
  type ConnectContext,
  type ConnectionOptions,
  ipVersionPreference,
  type IpVersionPreference,
  new,
  newOptions,
  type PacketType,
  timeout,
} from "./tcp/options.ts";
export { connect } from "./tcp/connect.ts";
export type { Lookup } from "./tcp/resolve.ts";
export type { OwnedSocket, Packet, Socket, SocketClosed, TcpError, TcpMessage, TcpPassive } from "./tcp/message.ts";
export {
  abort,
  type BytesTree,
  close,
  controllingProcess,
  disarm,
  getstat,
  lastError,
  peername,
  receive,
  receiveExact,
  receiveNextPacketAsMessage,
  ref,
  send,
  sendBuilder,
  setActive,
  setopts,
  shutdown,
  shutdownWrite,
  sockname,
  unref,
} from "./tcp/socket.ts";
export { selectTcpMessages, selectTcpMessagesFrom, selectTcpPassive, tcpMessages } from "./tcp/select.ts";
export { accept, closeListener, listen, type ListenContext, type Listener, type ListenOptions } from "./tcp/listen.ts";
export { type AdoptContext, fromNodeSocket } from "./tcp/from-node-socket.ts";
export { relay, type RelayedDirection, type RelayResult } from "./tcp/relay.ts";
export { toDuplex } from "./tcp/to-duplex.ts";
