// What the command line asks for.

import { parseArgs } from "node:util";
import type { ConnectionOptions } from "tankard";
import { addressOf } from "../command-line/address.ts";

export interface Settings {
  readonly server: ConnectionOptions;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
}

export const USAGE = `Usage: smtp-client --to ADDRESS [--to ADDRESS ...] [--from ADDRESS] [--subject TEXT] [--host HOST] [--port PORT]
The text of the mail comes from the standard input, where that is no terminal.`;

/** The settings; `undefined` where the command line says anything else. */
export function readSettings(args: readonly string[]): Settings | undefined {
  const parsed = parse(args);
  if (parsed === undefined) return undefined;
  const { host, port, from, to, subject } = parsed;
  const server = addressOf(`${host}:${port}`);
  return server === undefined || to === undefined ? undefined : { server, from, to, subject };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        host: { type: "string", default: "localhost" },
        port: { type: "string", default: "25" },
        from: { type: "string", default: "tankard@localhost" },
        to: { type: "string", multiple: true },
        subject: { type: "string", default: "Hello" },
      },
    });
    return values;
  } catch {
    return undefined; // an option that there is not
  }
}
