// What the command line asks for.

import { parseArgs, types } from "node:util";
import { err, ok, type Result } from "tankard";
import { isChannel, isNick } from "./irc.ts";

export interface Settings {
  readonly type: "Chat";
  /** Absent: a server of our own. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** Absent: in plain text. Without a file, the authorities are trusted that Node brings along. */
  readonly tls: { readonly caFile: string | undefined } | undefined;
  readonly nick: string;
  readonly channel: string;
  readonly isOnce: boolean;
}

export const USAGE = `A chat bot that speaks IRC.

  chat-bot                        starts a server, a bot and a visitor on this machine; you may join them
  chat-bot --host H [--port P]    joins the bot to a server that is there

  --host H       the server's name or address
  --port P       its port (6667, with --tls 6697)
  --tls          speaks TLS, to a server whose certificate is for H
  --ca FILE      with --tls: trusts the authorities in this file (PEM) and no others
  --nick N       the bot's nick (barkeep)
  --channel C    the channel to join, with or without its # (#tavern)
  --once         without --host: end when the visitor has gone, also on a terminal
  --help         say this`;

/** The settings, or a sentence that says what is wrong with them. */
export function readSettings(args: readonly string[]): Result<Settings | { readonly type: "Help" }, string> {
  const parsed = parse(args);
  if (!parsed.ok) return parsed;
  const { host, port, tls, ca, nick, channel, once, help } = parsed.value;
  if (help) return ok({ type: "Help" });
  if (host === "") return err("--host needs the name or the address of a server.");
  if (host !== undefined && !/^[!-~]+$/.test(host))
    return err(`--host must be a name or an address in ASCII characters without spaces, not "${host}".`);
  if (host === undefined && port !== undefined) return err("--port is the port of a server, so it needs --host.");
  if (host === undefined && tls) return err("--tls is for a server that is there, so it needs --host.");
  if (ca !== undefined && !tls) return err("--ca says whom TLS is to trust, so it needs --tls.");
  if (host !== undefined && once) return err("--once is for the bot's own server, so it cannot go with --host.");
  const portText = port ?? (tls ? "6697" : "6667");
  const portNumber = /^[0-9]{1,5}$/.test(portText) ? Number(portText) : 0;
  if (portNumber < 1 || portNumber > 65_535) return err(`--port must be a number from 1 to 65535, not "${portText}".`);
  if (!isNick(nick))
    return err(`--nick must be letters, digits and []\\\`_^{|}-, and no digit or - first, not "${nick}".`);
  const fullChannel = /^[#&+!]/.test(channel) ? channel : `#${channel}`;
  if (!isChannel(fullChannel))
    return err(`--channel must be a name without spaces, commas and colons, not "${channel}".`);
  const address = host === undefined ? undefined : { host, port: portNumber };
  return ok({ type: "Chat", address, tls: tls ? { caFile: ca } : undefined, nick, channel: fullChannel, isOnce: once });
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        host: { type: "string" },
        port: { type: "string" },
        tls: { type: "boolean", default: false },
        ca: { type: "string" },
        nick: { type: "string", default: "barkeep" },
        channel: { type: "string", default: "#tavern" },
        once: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return ok(values);
  } catch (error) {
    if (!types.isNativeError(error) || !/^ERR_PARSE_ARGS_/.test((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
    // Its message may go on with advice: the first sentence says what is wrong.
    return err(`${error.message.split(/\.\s/, 1)[0] ?? ""} (--help tells what there is).`);
  }
}
