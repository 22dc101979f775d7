/// <reference types="node" preserve="true" />
// What tests of programs on Tankard need: time that stands still, and connections without a network.

export { createSimulatedClock, type SimulatedClock } from "./testing/simulated-clock.ts";
export { createSocketPair, type EndOptions, type WireOptions } from "./testing/socket-pair.ts";
