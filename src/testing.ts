/// <reference types="node" preserve="true" />
// What tests of programs on Tankard need: time that stands still, connections without a network,
// and every way in which a stream may come.

export { createSimulatedClock, type SimulatedClock } from "./testing/simulated-clock.ts";
export { verifyFraming, type VerifyOptions } from "./testing/verify-framing.ts";
export { createSocketPair, type EndOptions, type WireOptions } from "./testing/socket-pair.ts";
