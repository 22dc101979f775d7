// The options of a client's socket: mug's, and those that inet sets on an open socket and Tankard at `connect`.

import type { ConnectionOptions, IpVersionPreference } from "tankard";
import { bytesOf } from "./bytes.ts";
import type { Scenario, Step } from "./scenario.ts";
import type { World } from "./world.ts";

/** gen_tcp's default, which mug leaves: the one size that the replay does not leave at ours. */
const BUFFER = 1460;

const PREFERENCES: Readonly<Record<string, IpVersionPreference>> = {
  ipv4_only: "Ipv4Only",
  ipv4_preferred: "Ipv4Preferred",
  ipv6_only: "Ipv6Only",
  ipv6_preferred: "Ipv6Preferred",
};

/** inet's options that Tankard has, by its names. */
const INET_OPTIONS: Readonly<Record<string, keyof ConnectionOptions>> = {
  buffer: "buffer",
  high_watermark: "highWatermark",
  low_watermark: "lowWatermark",
  send_timeout: "sendTimeout",
  show_econnreset: "showEconnreset",
  exit_on_close: "exitOnClose",
  nodelay: "nodelay",
  keepalive: "keepalive",
};

export function connectionOptions(world: World, step: Step): ConnectionOptions {
  const host = bytesOf(step.host)?.toString("latin1") ?? "";
  return {
    host: typeof step.host === "string" ? step.host : host,
    port:
      typeof step.port === "string" ? (world.thing(step.port) as { readonly port: number }).port : Number(step.port),
    timeout: world.number(step, "timeout"),
    ipVersionPreference: PREFERENCES[String(step.preference)],
    buffer: BUFFER,
    ...optionsSetLater(world, String(step.socket)),
  };
}

/** What `setopts` steps will say of this socket before it is used. */
function optionsSetLater({ scenario }: World, socket: string): Partial<ConnectionOptions> {
  const steps = scenario.steps.filter(
    (step, index) => step.op === "setopts" && step.socket === socket && !isUsedBefore(scenario, index),
  );
  const options = steps.flatMap((step) => inetOptions(step));
  return Object.fromEntries(
    options.flatMap(([name, value]) => {
      const ours = INET_OPTIONS[name];
      return ours === undefined ? [] : [[ours, value] as const];
    }),
  );
}

/** Whether a `setopts` step changes a socket that has done something since it was connected. */
export function isUsedBefore({ steps }: Scenario, index: number): boolean {
  const socket = steps[index]?.socket;
  const isUse = (step: Step): boolean => step.socket === socket && !["connect", "setopts"].includes(step.op);
  return steps.slice(0, index).some(isUse);
}

/** The names of the options of a `setopts` step that Tankard does not have. */
export function unknownOptions(step: Step): readonly string[] {
  return inetOptions(step)
    .map(([name]) => name)
    .filter((name) => INET_OPTIONS[name] === undefined);
}

function inetOptions(step: Step): readonly (readonly [string, unknown])[] {
  return step.options as readonly (readonly [string, unknown])[];
}
