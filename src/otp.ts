/// <reference types="node" preserve="true" />
// The names of OTP's behaviours: actors and supervisors.

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
export type { ChildSpec, Restart, RestartTolerance } from "./otp/supervision.ts";
export { getState, resume, suspend } from "./otp/system.ts";
