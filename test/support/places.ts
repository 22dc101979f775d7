// Every place where a socket may be: over each transport, on either side, opposite of Node's streams or of our own.

import type { Host } from "tankard";
import { createSocketPair } from "tankard/testing";
import type { FarEnd } from "./peer.ts";
import { type Connected, openBy } from "./test-process.ts";
import { overTls, upgraded } from "./tls-transports.ts";
import {
  byAccepting,
  byAcceptingOurs,
  type BothOptions,
  byConnecting,
  byConnectingToOurs,
  farOptions,
  type Linking,
  linkTo,
  tcp,
  type Transport,
  unix,
} from "./transports.ts";

export interface Place {
  readonly name: string;
  readonly hasReset: boolean;
  /** How the other side sees the end of a connection that was cut. */
  readonly howCut: RegExp;
  /** Whether there is a handle of Node's, which keeps a program running. */
  readonly hasHandle: boolean;
  /** A socket without an owner, unless one is given. */
  readonly link: Linking;
  /** A socket that is owned by a process of its own. */
  open(options?: BothOptions, host?: Pick<Host, "spawn">): Promise<Connected<FarEnd>>;
}

/** Two of ours, without a network. */
export const linkInMemory: Linking = (options, owner) => {
  const [socket, far] = createSocketPair({ ...options, owner }, farOptions);
  return Promise.resolve(linkTo(socket, far));
};

/** Where the suite runs: a new transport is one more record here. */
const transports: readonly Transport[] = [tcp, unix, overTls, upgraded];

export const places: readonly Place[] = [
  ...transports.flatMap((transport) => [
    place(`was connected over ${transport.name}`, byConnecting(transport), transport),
    place(`was accepted over ${transport.name}`, byAccepting(transport), transport),
    place(`was connected over ${transport.name} to one of ours`, byConnectingToOurs(transport), transport),
    place(`was accepted over ${transport.name} from one of ours`, byAcceptingOurs(transport), transport),
  ]),
  place("is in memory", linkInMemory, { hasReset: true, hasHandle: false }),
];

function place(name: string, link: Linking, over: { readonly hasReset: boolean; readonly hasHandle?: boolean }): Place {
  const { hasReset, hasHandle = true } = over;
  const howCut = hasReset ? /Rst/ : /Fin|Rst/;
  return { name, hasReset, howCut, hasHandle, link, open: (options, host) => openBy(link, options, host) };
}
