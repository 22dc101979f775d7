// What the command line asks for.

import { parseArgs } from "node:util";
import type { ConnectionOptions } from "tankard";
import { addressOf } from "../command-line/address.ts";
import type { Login } from "./login.ts";

export interface Settings {
  readonly server: ConnectionOptions;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly isStartTls: boolean;
  /** Whom to trust; without it, the authorities that Node brings along. */
  readonly caFile: string | undefined;
  readonly login: Login | undefined;
}

export const USAGE = `Usage: smtp-client --to ADDRESS [--to ADDRESS ...] [--from ADDRESS] [--subject TEXT] [--host HOST] [--port PORT]
                   [--starttls [--ca FILE]] [--user NAME [--allow-plain-text]]
The text of the mail comes from the standard input, where that is no terminal.
With --starttls nothing is sent but over TLS, to a server whose certificate is for HOST and signed by an authority in FILE.
With --user it logs in; the password is the environment's SMTP_PASSWORD. Without TLS it does so only where it may be said
in plain text.`;

/** The settings; `undefined` where the command line says anything else. */
export function readSettings(args: readonly string[], password: string | undefined): Settings | undefined {
  const parsed = parse(args);
  if (parsed === undefined) return undefined;
  const { host, port, from, to, subject, starttls: isStartTls, ca: caFile, user } = parsed;
  const isPlainTextAllowed = parsed["allow-plain-text"];
  const server = addressOf(`${host}:${port}`);
  if (server === undefined || to === undefined) return undefined;
  if (caFile !== undefined && !isStartTls) return undefined;
  if (user === undefined) {
    return isPlainTextAllowed ? undefined : { server, from, to, subject, isStartTls, caFile, login: undefined };
  }
  if (password === undefined) return undefined;
  return { server, from, to, subject, isStartTls, caFile, login: { user, password, isPlainTextAllowed } };
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
        starttls: { type: "boolean", default: false },
        ca: { type: "string" },
        user: { type: "string" },
        "allow-plain-text": { type: "boolean", default: false },
      },
    });
    return values;
  } catch {
    return undefined; // an option that there is not
  }
}
