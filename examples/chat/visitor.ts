// A visitor with a script: joins, waits to be greeted, says each line when the last was answered, and goes.

import { connect, receive, send, unwrap, type OwnedSocket, type Self } from "tankard";
import { readUntilClosed } from "./farewell.ts";
import { formatLine, isSameName, nickOf, parseLine, takeLines, type IrcMessage } from "./irc.ts";

export interface VisitorOptions {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly channel: string;
  /** Whose answers the visitor waits for. */
  readonly partner: string;
  readonly script: readonly string[];
  readonly lastWords: string;
}

const ANSWER_WITHIN_MS = 5_000;
const LEAVE_WITHIN_MS = 2_000;

/** The body of the visitor's process. It reads when it wants to know something, so its socket may stay passive. */
export function scriptedVisitor({ host, port, nick, channel, partner, script, lastWords }: VisitorOptions) {
  return async (self: Self): Promise<void> => {
    const socket = unwrap(await connect({ host, port, owner: self }));
    const write = (command: string, ...params: string[]) => send(socket, formatLine({ command, params }));
    const messages = messagesFrom(socket);
    const isAnswered = async () => {
      for (;;) {
        const next = await messages.next();
        if (next.done === true) return false;
        const { prefix, command } = next.value;
        if (command === "PRIVMSG" && isSameName(nickOf(prefix), partner)) return true;
      }
    };

    await write("NICK", nick);
    await write("USER", nick, "0", "*", "A visitor");
    await write("JOIN", channel);
    for (const text of script) {
      if (!(await isAnswered())) return;
      await write("PRIVMSG", channel, text);
    }
    if (!(await isAnswered())) return;
    await write("QUIT", lastWords);
    await readUntilClosed(self, socket, LEAVE_WITHIN_MS);
  };
}

/** What comes, until the server closes or says nothing for too long. */
async function* messagesFrom(socket: OwnedSocket): AsyncGenerator<IrcMessage> {
  let rest: Buffer = Buffer.alloc(0);
  for (;;) {
    const received = await receive(socket, ANSWER_WITHIN_MS);
    if (!received.ok) return;
    const taken = takeLines(rest, received.value);
    rest = taken.rest;
    for (const line of taken.lines) {
      const message = parseLine(line);
      if (message !== undefined) yield message;
    }
  }
}
