// A chat bot as an actor. Alone, it opens a small IRC server, is visited there, and shows you the way in:
//
//      barkeep  -> comes in
//          joe  -> comes in
//      barkeep  Welcome, joe! Say !help to see what I can do.
//          joe  hello
//      barkeep  Good to see you, joe.
//
// With --host it joins a real IRC server instead, over TLS with --tls, and comes back whenever that does. Ctrl-C ends it.

import { describeError, err, newSelector, selectSpecificMonitor, spawn, type OwnSubject, type Self } from "tankard";
import type { TlsClientOptions } from "tankard/tls";
import { chatBot, type BotEnd, type BotEvent, type BotOptions } from "./chat/bot.ts";
import { isSameName } from "./chat/irc.ts";
import { startChatServer } from "./chat/server.ts";
import { readSettings, USAGE, type Settings } from "./chat/settings.ts";
import { transcriptLine } from "./chat/transcript.ts";
import { scriptedVisitor, type VisitorOptions } from "./chat/visitor.ts";
import { trust } from "./command-line/tls.ts";

/** A server of our own is for this machine alone. */
const OWN_HOST = "127.0.0.1";
const DRAIN_WITHIN_MS = 2_000;

const request = readSettings(process.argv.slice(2));
if (!request.ok) {
  console.error(request.error);
  process.exitCode = 2;
} else if (request.value.type === "Help") {
  console.log(USAGE);
} else {
  await run(request.value);
}

async function run(settings: Settings): Promise<void> {
  const trusted = trust(settings.tls?.caFile);
  const end = trusted.ok
    ? await spawn((self, events: OwnSubject<BotEvent>) => chat(self, events, settings, trusted.value)).result
    : trusted;
  if (end.ok) return;
  console.error(end.error);
  process.exitCode = trusted.ok ? 1 : 2;
}

async function chat(
  self: Self,
  events: OwnSubject<BotEvent>,
  settings: Settings,
  trusted: TlsClientOptions,
): Promise<BotEnd> {
  const { address, nick, channel } = settings;
  if (address !== undefined) {
    const tls = settings.tls === undefined ? undefined : trusted;
    const heading = `Joining ${channel} at ${address.host}:${address.port}${tls === undefined ? "" : " over TLS"} as ${nick}.\n`;
    return followBot(self, events, { ...address, tls, nick, channel, comesBack: true }, heading);
  }
  const started = await startChatServer({ host: OWN_HOST, port: 0 }, self);
  if (!started.ok) return err(`Cannot start a server: ${describeError(started.error)}.`);
  const server = started.value;
  const place = { host: OWN_HOST, port: server.port, nick, channel, comesBack: false };
  const heading = `A chat server listens on ${OWN_HOST}:${server.port}.\n`;
  const end = await followBot(self, events, place, heading, receiveVisitors(self, place, settings.isOnce));
  await server.drain(DRAIN_WITHIN_MS);
  return end;
}

/** Where the bot is, and under which name. */
type Place = Omit<BotOptions, "signal">;

type OnEvent = (event: BotEvent, leave: (why: string) => void) => void;

/** Starts the bot and prints what it tells, until it has ended. */
async function followBot(
  self: Self,
  events: OwnSubject<BotEvent>,
  place: Place,
  heading: string,
  onEvent?: OnEvent,
): Promise<BotEnd> {
  const leaving = new AbortController();
  const bot = self.spawn(chatBot({ ...place, signal: leaving.signal }, events));
  const leave = (why: string) => {
    leaving.abort(); // where it is still connecting
    bot.subject.send({ type: "Leave", why });
  };
  const callAway = () => {
    leave("I am called away");
  };
  process.once("SIGINT", callAway).once("SIGTERM", callAway);
  process.stdout.on("error", callAway); // whoever read the transcript reads no more, as `head` does

  console.log(heading);
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
function receiveVisitors(self: Self, { host, port, nick, channel }: Place, isOnce: boolean): OnEvent {
  const visitor: VisitorOptions = {
    host,
    port,
    nick: isSameName(nick, "joe") ? "mike" : "joe",
    channel,
    partner: nick,
    script: ["hello", "!help", "!time", "!roll 2d6"],
    lastWords: "Thank you, that was fun",
  };
  let isOver = false;
  return (event, leave) => {
    if (event.type === "Came" && event.nick === nick) self.spawn(scriptedVisitor(visitor));
    if (event.type !== "Left" || event.nick !== visitor.nick || isOver) return;
    isOver = true;
    if (process.stdin.isTTY && !isOnce) console.log(invitation(host, port, channel));
    else leave("It is closing time");
  };
}

function invitation(host: string, port: number, channel: string): string {
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
