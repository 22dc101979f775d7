/// <reference types="node" preserve="true" />
// The names of OTP's behaviours: actors, supervisors, groups.

export type { Started, StartError } from "./otp/start.ts";
export type { ChildSpec, Restart, RestartTolerance } from "./otp/supervision.ts";
