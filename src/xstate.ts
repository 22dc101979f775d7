/// <reference types="node" preserve="true" />
// The names for XState: machines that own sockets, processes that are actors, machines that are supervised.

export { clockOf } from "./xstate/system-runtime.ts";
export { actorOwner, actorSubject } from "./xstate/actor-owner.ts";
export {
  type Connected,
  fromTcpSocket,
  type TcpSocketCommand,
  type TcpSocketInput,
  type TcpSocketLogic,
  type TcpSocketRef,
  type TcpSocketSnapshot,
  type Upgraded,
} from "./xstate/tcp-socket.ts";
export { type TcpSocketActions, tcpSocketActions } from "./xstate/tcp-socket-actions.ts";
export {
  SendFailure,
  type SendFailed,
  type SendId,
  type SendResult,
  selectSendResults,
  type Sent,
} from "./xstate/send-result.ts";
export { ConnectFailure, fromConnect } from "./xstate/connect.ts";
export { fromUpgrade, UpgradeFailure, type UpgradeInput } from "./xstate/upgrade.ts";
export { fromProcess, type ProcessActorLogic, type ProcessArgs } from "./xstate/process.ts";
export { fromLink, fromMonitor, type TieInput, type TieLogic } from "./xstate/ties.ts";
export {
  type Accepted,
  type ConnectionClosed,
  fromServer,
  type ListenFailed,
  type Listening,
  ListenFailure,
  type ServerCommand,
  type ServerContext,
  type ServerLogic,
  type ServerMessage,
  type ServerSnapshot,
} from "./xstate/server.ts";
export type { ActorSettings, InputSetting } from "./xstate/make-actor.ts";
export { machineHandler, type MachineHandlerOptions } from "./xstate/machine-handler.ts";
export { machineChild, type MachineChild, type MachineChildOptions } from "./xstate/machine-child.ts";
export type { LogicSnapshotFields } from "./xstate/logic.ts";
