// The chat bot as an XState machine that supervises its socket. Alone, it opens a tavern, and closes it for a moment:
//
//      barkeep  -> comes in
//          joe  -> comes in
//      barkeep  Welcome, joe! Say !help to see what I can do.
//          joe  hello
//      barkeep  Good to see you, joe.
//          joe  <- leaves: Back in a moment
//               The server 127.0.0.1:36501 ended the connection: Closing link: the server is closing. Again in 1 s.
//      barkeep  -> comes in
//         mike  -> comes in
//      barkeep  Welcome, mike! Say !help to see what I can do.
//         mike  !quit
//      barkeep  <- leaves: mike sent me home
//
// With --host it joins a real IRC server instead, and comes back whenever that does. Ctrl-C ends it.

import { spawn, unwrap, type Self } from "tankard";
import type { TlsClientOptions } from "tankard/tls";
import { createActor, toPromise } from "xstate";
import type { BotEnd } from "./chat/bot.ts";
import { startChatServer } from "./chat/server.ts";
import { isSameName } from "./chat/irc.ts";
import { readSettings, type Settings } from "./chat/settings.ts";
import { margin, transcriptLine } from "./chat/transcript.ts";
import { scriptedVisitor } from "./chat/visitor.ts";
import { trust } from "./command-line/tls.ts";
import type { IrcBotOptions } from "./irc-machine/context.ts";
import type { Told } from "./irc-machine/events.ts";
import { ircBot } from "./irc-machine/machine.ts";

const USAGE = "Usage: irc-machine [--host HOST [--port PORT] [--tls [--ca FILE]]] [--nick NICK] [--channel CHANNEL]";
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
  const end = trusted.ok ? await chat(settings, trusted.value) : trusted;
  if (end.ok) return;
  console.error(end.error);
  process.exitCode = trusted.ok ? 1 : 2;
}

function chat({ address, tls, nick, channel }: Settings, trusted: TlsClientOptions): Promise<BotEnd> {
  if (address !== undefined) {
    return runBot({ ...address, nick, rooms: [channel], tls: tls === undefined ? undefined : trusted });
  }
  return spawn((self) => chatInOwnTavern(self, nick, channel)).result;
}

/** Starts the bot and prints what it tells, until it has ended. */
function runBot(options: IrcBotOptions, onTold?: (told: Told) => void): Promise<BotEnd> {
  const bot = createActor(ircBot, { input: options });
  const callAway = () => {
    bot.send({ type: "quit", why: "I am called away" });
  };
  process.once("SIGINT", callAway).once("SIGTERM", callAway);
  process.stdout.on("error", callAway); // whoever read the transcript reads no more, as `head` does

  bot.on("*", (told) => {
    console.log(textOf(told));
    onTold?.(told);
  });
  const end = toPromise(bot);
  bot.start();
  return end;
}

function textOf(told: Told): string {
  if (told.type === "Unsaid") return `${margin}Not said in ${told.room}: ${told.text}`;
  return transcriptLine(told, process.stdout.isTTY && process.env.NO_COLOR === undefined);
}

/** Joe comes when the bot is there. When he has gone the tavern closes and opens again. When the bot is back, Mike comes. */
async function chatInOwnTavern(self: Self, nick: string, channel: string): Promise<BotEnd> {
  const host = "127.0.0.1";
  let tavern = unwrap(await startChatServer({ host, port: 0 }, self));
  const { port } = tavern;
  const reopen = async () => {
    await tavern.drain(DRAIN_WITHIN_MS);
    tavern = unwrap(await startChatServer({ host, port }, self));
  };

  const [first = "", second = ""] = ["joe", "mike", "robert"].filter((name) => !isSameName(name, nick));
  const visit = { host, port, channel, partner: nick };
  const visitors = [
    scriptedVisitor({ ...visit, nick: first, script: ["hello"], lastWords: "Back in a moment" }),
    scriptedVisitor({ ...visit, nick: second, script: ["!quit"], lastWords: "" }),
  ];
  const end = await runBot({ host, port, nick, rooms: [channel] }, (told) => {
    const visitor = told.type === "Came" && told.nick === nick ? visitors.shift() : undefined;
    if (visitor !== undefined) self.spawn(visitor);
    if (told.type === "Left" && told.nick === first) self.spawn(reopen);
  });
  await tavern.drain(DRAIN_WITHIN_MS);
  return end;
}
