// What the servers among the examples share: where they listen, as the command line says and as they say themselves.

import { parseArgs } from "node:util";
import { describeError, type Result, type SocketError } from "tankard";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * The address to listen on, from --host and --port, and the texts of the options that are `names`. Where the command
 * line says anything else, there is nothing, and the program has said how it is used.
 */
export function readCommandLine<Name extends string = never>(
  usage: string,
  ...names: readonly Name[]
): { readonly here: Address; readonly texts: Readonly<Partial<Record<Name, string>>> } | undefined {
  const options = Object.fromEntries(["host", "port", ...names].map((name) => [name, { type: "string" }] as const));
  try {
    const texts: Record<string, unknown> = parseArgs({ options }).values;
    const { host = "127.0.0.1", port = "0" } = texts;
    const here = addressOf(`${String(host)}:${String(port)}`);
    if (here !== undefined) return { here, texts: texts as Partial<Record<Name, string>> };
  } catch {
    // An option that there is not.
  }
  sayUsage(usage);
  return undefined;
}

export function sayUsage(usage: string): void {
  console.error(usage);
  process.exitCode = 2;
}

/** An IPv6 address may stand in brackets. */
export function addressOf(text: string): Address | undefined {
  const [, host, port] = /^\[?([!-~]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

/** Prints where somebody listens now, or why nobody does. */
export function announce<L extends { readonly port: number }>(
  { host, port }: Address,
  listening: Result<L, SocketError>,
): L | undefined {
  if (listening.ok) {
    console.log(`listening on ${host}:${listening.value.port}`);
    return listening.value;
  }
  console.error(`Cannot listen on ${host}:${port}: ${describeError(listening.error)}.`);
  process.exitCode = 1;
  return undefined;
}
