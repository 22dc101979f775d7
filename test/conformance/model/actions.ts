// What may happen, for fast-check to choose from.

import fc from "fast-check";
import type { Action } from "./script.ts";

const actor = fc.constantFrom("a" as const, "a" as const, "b" as const);
const peersSize = fc.constantFrom(1, 3, 10, 1460, 1461, 3000);
const clientsSize = fc.constantFrom(0, 1, 3, 10);
const exactSize = fc.constantFrom(0, 0, 1, 3, 11, 2000);

/** A kind of action, and how often it comes. */
function often<A extends Action>(weight: number, record: { [K in keyof A]: fc.Arbitrary<A[K]> }) {
  return { weight, arbitrary: fc.record(record) as fc.Arbitrary<Action> };
}

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    often(8, { type: fc.constant("peerSend" as const), size: peersSize }),
    often(8, { type: fc.constant("receive" as const), actor, size: exactSize, goesOn: fc.boolean() }),
    often(8, { type: fc.constant("arm" as const), actor }),
    often(4, { type: fc.constant("await" as const) }),
    often(4, { type: fc.constant("send" as const), actor, size: clientsSize }),
    often(4, { type: fc.constant("mailbox" as const), actor }),
    often(2, { type: fc.constant("tell" as const), actor }),
    often(2, { type: fc.constant("peerReceive" as const) }),
    often(2, { type: fc.constant("shutdown" as const), actor }),
    often(2, { type: fc.constant("handOver" as const), actor, to: actor }),
    often(2, { type: fc.constantFrom("peerHalfClose" as const, "peerClose" as const, "peerReset" as const) }),
    often(1, { type: fc.constant("close" as const), actor }),
    often(1, { type: fc.constant("die" as const), actor }),
  ),
  { minLength: 1, maxLength: 16, size: "max" },
);
