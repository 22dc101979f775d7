// A chat bot as an actor. Alone, it opens a small IRC server, is visited there, and shows you the way in:
//
//      barkeep  -> comes in
//          joe  -> comes in
//      barkeep  Welcome, joe! Say !help to see what I can do.
//          joe  hello
//      barkeep  Good to see you, joe.
//
// With --host it joins a real IRC server instead. Ctrl-C ends it.

import { describeError, err, newSelector, selectSpecificMonitor, spawn, type OwnSubject, type Self } from "tankard";
import { chatBot, type BotEnd, type BotEvent } from "./chat/bot.ts";
import { isSameName } from "./chat/irc.ts";
import { startChatServer, type ChatServer } from "./chat/server.ts";
import { readSettings, USAGE, type Settings } from "./chat/settings.ts";
import { transcriptLine } from "./chat/transcript.ts";
import { scriptedVisitor } from "./chat/visitor.ts";

const request = readSettings(process.argv.slice(2));
if (!request.ok) {
  console.error(request.error);
  process.exitCode = 2;
} else if (request.value.type === "Help") {
  console.log(USAGE);
} else {
  const settings = request.value;
  const end = await spawn((self, events: OwnSubject<BotEvent>) => chat(self, events, settings)).result;
  if (!end.ok) {
    console.error(end.error);
    process.exitCode = 1;
  }
}

async function chat(self: Self, events: OwnSubject<BotEvent>, settings: Settings): Promise<BotEnd> {
  if (settings.address !== undefined) return followBot(self, events, { ...settings, ...settings.address });

  const started = await startChatServer(self);
  if (!started.ok) return err(`Cannot start a server: ${describeError(started.error)}.`);
  const server = started.value;
  console.log(`A chat server listens on ${server.host}:${server.port}.\n`);
  const visit = visitOf(self, server, settings);
  const end = await followBot(self, events, { ...settings, host: server.host, port: server.port }, visit);
  await server.close();
  return end;
}

interface BotSettings {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly channel: string;
}

type Leave = (why: string) => void;

/** Starts the bot and prints what it tells, until it has ended. */
async function followBot(
  self: Self,
  events: OwnSubject<BotEvent>,
  { host, port, nick, channel }: BotSettings,
  onEvent?: (event: BotEvent, leave: Leave) => void,
): Promise<BotEnd> {
  const leaving = new AbortController();
  const bot = self.spawn(chatBot({ host, port, nick, channel, signal: leaving.signal }, events));
  const leave = (why: string) => {
    leaving.abort();
    bot.subject.send({ type: "Leave", why });
  };
  const onSignal = () => {
    leave("I am called away");
  };
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);

  const inColour = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  const inbox = selectSpecificMonitor(newSelector().select(events), self.monitor(bot), () => ({ type: "Ended" }));
  for (;;) {
    const event = await self.receiveForever(inbox);
    if (event.type === "Ended") return bot.result;
    console.log(transcriptLine(event, inColour));
    onEvent?.(event, leave);
  }
}

/** A visitor comes when the bot is there. When the visitor has gone, people may come, if there is a terminal. */
function visitOf(self: Self, server: ChatServer, { nick, channel, isOnce }: Settings) {
  const visitor = {
    ...{ host: server.host, port: server.port, nick: isSameName(nick, "joe") ? "mike" : "joe", channel, partner: nick },
    ...{ script: ["hello", "!help", "!time", "!roll 2d6"], lastWords: "Thank you, that was fun" },
  };
  let isOver = false;
  return (event: BotEvent, leave: Leave) => {
    if (event.type === "Came" && event.nick === nick) self.spawn(scriptedVisitor(visitor));
    if (event.type !== "Left" || event.nick !== visitor.nick || isOver) return;
    isOver = true;
    if (process.stdin.isTTY && !isOnce) console.log(invitation(server, channel));
    else leave("It is closing time");
  };
}

function invitation({ host, port }: ChatServer, channel: string): string {
  return `
Come in yourself, from another terminal:

    nc ${host} ${port}
    NICK ann
    USER ann 0 * :Ann
    JOIN ${channel}
    PRIVMSG ${channel} :hello

Ctrl-C ends the chat.
`;
}
