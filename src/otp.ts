/// <reference types="node" preserve="true" />
// The names of OTP's behaviours: actors, supervisors, groups.

export {
  type ActorInitSpec,
  type ActorOptions,
  type ActorSpec,
  type Initialised,
  startActor,
  startActorWithInit,
} from "./otp/actor.ts";
export { continueWith, type Next, postpone, stop, stopAbnormal, withSelector } from "./otp/next.ts";
export type { Started, StartError } from "./otp/start.ts";
export { getState, resume, stopActor, suspend } from "./otp/system.ts";
export type { AlreadyPresent, ChildCount, ChildSpec, NotFound, NotStopped, Restart } from "./otp/supervision.ts";
export type { Backoff } from "./otp/backoff.ts";
export type { RestartTolerance } from "./otp/restarts.ts";
export {
  type AutoShutdown,
  startSupervisor,
  type Strategy,
  type Supervisor,
  type SupervisorOptions,
} from "./otp/static-supervisor.ts";
export {
  type ChildStarter,
  type FactoryOptions,
  type FactoryRequest,
  type FactorySupervisor,
  namedFactorySupervisor,
  startFactorySupervisor,
} from "./otp/factory-supervisor.ts";
export { type Group, newGroup } from "./otp/group.ts";
