// The bot: one process that owns one socket at a time, and asks for the next packet when it has dealt with the last.

import {
  abort,
  connect,
  describeError,
  err,
  newSelector,
  ok,
  receiveNextPacketAsMessage,
  selectTcpMessagesFrom,
  send,
  type OwnedSocket,
  type OwnSubject,
  type Packet,
  type Result,
  type Self,
  type Subject,
} from "tankard";
import { connect as connectTls, type TlsClientOptions } from "tankard/tls";
import { answerTo, greeting } from "./answers.ts";
import { backOffMs } from "./back-off.ts";
import { readUntilClosed } from "./farewell.ts";
import { formatLine, isSameName, nickOf, parseLine, reasonIn, takeLines, type IrcMessage } from "./irc.ts";
import { whyNot } from "./why-not.ts";
import { world } from "./world.ts";

export interface BotOptions {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly channel: string;
  /** Without it, in plain text. */
  readonly tls?: TlsClientOptions | undefined;
  /** Whether it connects again where it was in the channel once and the connection is lost. */
  readonly comesBack: boolean;
  /** Gives up a connection that is still being made. */
  readonly signal: AbortSignal;
}

export interface BotCommand {
  readonly type: "Leave";
  readonly why: string;
}

/** What happens in the channel, and to the connection with it, in the order in which it happens. */
export type BotEvent =
  | { readonly type: "Came"; readonly nick: string }
  | { readonly type: "Said"; readonly nick: string; readonly text: string }
  | { readonly type: "Left"; readonly nick: string; readonly why: string }
  | { readonly type: "Lost"; readonly why: string; readonly retryInMs: number };

/** How it ended: the bot left because it was told to, or a sentence says what went wrong. */
export type BotEnd = Result<undefined, string>;

const CONNECT_WITHIN_MS = 10_000;
const SEND_WITHIN_MS = 20_000;
const LEAVE_WITHIN_MS = 2_000;
/** When the first period is over the bot must be in the channel; later the server may be silent for two. */
const WATCH_PERIOD_MS = 30_000;
const OTHER_NICKS_TO_TRY = 3;

interface Bot {
  readonly self: Self;
  readonly socket: OwnedSocket;
  readonly events: Subject<BotEvent>;
  readonly channel: string;
  /** `host:port`, for sentences. */
  readonly server: string;
  /** The nick asked for, then the one that the server gave. */
  nick: string;
  nicksLeft: number;
  isInside: boolean;
  silentPeriods: number;
  /** The beginning of a line whose end has not come yet. */
  rest: Buffer;
}

/** How a connection ended: the bot left because it was told to, or there is trouble. */
type End = Result<undefined, Trouble>;

interface Trouble {
  readonly why: string;
  /** Another connection may do better: it was not the server's will. */
  readonly isLost: boolean;
}

function lost(why: string): End {
  return err({ why, isLost: true });
}

function refused(why: string): End {
  return err({ why, isLost: false });
}

/** The body of the bot's process. What happens in the channel is told to `events`. */
export function chatBot(options: BotOptions, events: Subject<BotEvent>) {
  return async (self: Self, commands: OwnSubject<BotCommand>): Promise<BotEnd> => {
    let hasBeenInside = false;
    for (let failures = 1; ; failures += 1) {
      const bot = await connectBot(options, events, self);
      const end = bot.ok ? await attend(bot.value, commands) : bot;
      if (end.ok || options.signal.aborted) return ok();
      if (bot.ok && bot.value.isInside) {
        hasBeenInside = true;
        failures = 1;
      }
      const { why, isLost } = end.error;
      if (!isLost || !hasBeenInside || !options.comesBack) return err(why);
      if (bot.ok) abort(bot.value.socket); // of a server that has fallen silent it is open
      const retryInMs = backOffMs(failures);
      events.send({ type: "Lost", why, retryInMs });
      const command = await self.receive(newSelector().select(commands), retryInMs);
      if (command.ok) return ok(); // there is nobody to say goodbye to
    }
  };
}

async function connectBot(
  { host, port, nick, channel, tls, signal }: BotOptions,
  events: Subject<BotEvent>,
  self: Self,
): Promise<Result<Bot, Trouble>> {
  const server = `${host}:${port}`;
  const within = { timeout: CONNECT_WITHIN_MS, deadline: CONNECT_WITHIN_MS, sendTimeout: SEND_WITHIN_MS };
  const plain = { host, port, ...within, owner: self, signal };
  const connected = await (tls === undefined ? connect(plain) : connectTls({ ...plain, tls }));
  if (!connected.ok) {
    return err({ why: `Cannot connect to ${server}: ${whyNot(connected.error)}.`, isLost: true });
  }
  return ok({
    self,
    socket: connected.value,
    events,
    channel,
    server,
    nick,
    nicksLeft: OTHER_NICKS_TO_TRY,
    isInside: false,
    silentPeriods: 0,
    rest: Buffer.alloc(0),
  });
}

/** The actor's loop: a command, a packet, the end of the stream or the clock, one at a time. */
async function attend(bot: Bot, commands: OwnSubject<BotCommand>): Promise<End> {
  const { self, socket, server } = bot;
  const watch = self.newSubject<{ readonly type: "Watch" }>();
  const ticking = self.sendEvery(watch, WATCH_PERIOD_MS, { type: "Watch" });
  const inbox = selectTcpMessagesFrom(newSelector().select(commands).select(watch), socket, (message) => message);

  await write(bot, "NICK", bot.nick);
  await write(bot, "USER", bot.nick, "0", "*", "A bot made with Tankard");
  receiveNextPacketAsMessage(socket);
  for (;;) {
    const message = await self.receiveForever(inbox);
    let end: End | undefined;
    switch (message.type) {
      case "Packet":
        end = await onPacket(bot, message);
        receiveNextPacketAsMessage(socket);
        break;
      case "TcpError":
        end = lost(`The connection to ${server} broke: ${describeError(message.error)}.`);
        break;
      case "SocketClosed":
        end = lost(`The server ${server} went away.`);
        break;
      case "Leave":
        end = await leave(bot, message.why);
        break;
      case "Watch":
        end = await onWatch(bot);
        break;
      default:
        message satisfies never;
    }
    if (end === undefined) continue;
    self.cancelTimer(ticking);
    return end;
  }
}

async function onPacket(bot: Bot, packet: Packet): Promise<End | undefined> {
  const { lines, rest, isTooLong } = takeLines(bot.rest, packet.data);
  for (const line of lines) {
    const message = parseLine(line);
    const end = message === undefined ? undefined : await onMessage(bot, message);
    if (end !== undefined) return end;
  }
  if (isTooLong) return refused(`The server ${bot.server} sent a line that is too long for IRC.`);
  bot.rest = rest;
  bot.silentPeriods = 0;
  return undefined;
}

/** A server that has gone without a word is noticed here: a live one answers PING. */
async function onWatch(bot: Bot): Promise<End | undefined> {
  if (!bot.isInside) return lost(`The server ${bot.server} kept the bot waiting outside ${bot.channel} for too long.`);
  if (bot.silentPeriods === 2) return lost(`The server ${bot.server} has fallen silent.`);
  bot.silentPeriods += 1;
  await write(bot, "PING", "are-you-there");
  return undefined;
}

async function onMessage(bot: Bot, { prefix, command, params }: IrcMessage): Promise<End | undefined> {
  const from = nickOf(prefix);
  switch (command) {
    case "PING":
      await write(bot, "PONG", ...params);
      return undefined;
    case "JOIN":
    case "PRIVMSG":
    case "NICK":
    case "PART":
    case "QUIT":
    case "KICK":
      return onPeople(bot, from, command, params);
    case "001": // welcome, and under which nick
      bot.nick = params[0] ?? bot.nick;
      await write(bot, "JOIN", bot.channel);
      return undefined;
    case "433": // the nick is in use
      return tryAnotherNick(bot);
    case "432": // no nick for this server
    case "464": // password needed
    case "465": // banned
      return refused(`The server ${bot.server} turned the bot away: ${reasonIn(params)}.`);
    case "ERROR": // the last words before it closes
      return lost(`The server ${bot.server} ended the connection: ${reasonIn(params)}.`);
    case "403": // no such channel
    case "405": // too many channels
    case "471": // full
    case "473": // by invitation only
    case "474": // banned from it
    case "475": // key needed
    case "476": // no name for a channel
      if (bot.isInside) return undefined;
      return refused(`The server ${bot.server} did not let the bot into ${bot.channel}: ${reasonIn(params)}.`);
    default:
      return undefined;
  }
}

async function tryAnotherNick(bot: Bot): Promise<End | undefined> {
  if (bot.nicksLeft === 0) {
    return refused(`The server ${bot.server} has no nick for the bot: all up to ${bot.nick} are in use.`);
  }
  bot.nicksLeft -= 1;
  bot.nick += "_";
  await write(bot, "NICK", bot.nick);
  return undefined;
}

/** Somebody comes, speaks or goes; it may be the bot itself. */
async function onPeople(
  bot: Bot,
  from: string,
  command: "JOIN" | "PRIVMSG" | "NICK" | "PART" | "QUIT" | "KICK",
  [target = "", text = ""]: readonly string[],
): Promise<End | undefined> {
  const isHere = isSameName(target, bot.channel);
  const isMe = isSameName(from, bot.nick);
  switch (command) {
    case "JOIN":
      if (!isHere) return undefined;
      bot.events.send({ type: "Came", nick: from });
      if (isMe) bot.isInside = true;
      else await speak(bot, bot.channel, greeting(from));
      return undefined;
    case "PRIVMSG":
      if (isHere) bot.events.send({ type: "Said", nick: from, text });
      return reply(bot, from, isHere ? bot.channel : from, text);
    case "NICK":
      if (isMe) bot.nick = target;
      return undefined;
    case "PART":
      if (isHere) bot.events.send({ type: "Left", nick: from, why: text });
      return undefined;
    case "QUIT":
      bot.events.send({ type: "Left", nick: from, why: target });
      return undefined;
    case "KICK":
      if (isHere && isSameName(text, bot.nick)) return refused(`${from} threw the bot out of ${bot.channel}.`);
      if (isHere) bot.events.send({ type: "Left", nick: text, why: `thrown out by ${from}` });
      return undefined;
    default:
      return command satisfies never;
  }
}

async function reply(bot: Bot, from: string, target: string, text: string): Promise<End | undefined> {
  const answer = answerTo(from, text, world);
  if (answer?.type === "Leave") return leave(bot, answer.why);
  if (answer?.type === "Say") await speak(bot, target, answer.text);
  return undefined;
}

async function speak(bot: Bot, target: string, text: string): Promise<void> {
  if (target === bot.channel) bot.events.send({ type: "Said", nick: bot.nick, text });
  await write(bot, "PRIVMSG", target, text);
}

async function leave(bot: Bot, why: string): Promise<End> {
  await write(bot, "QUIT", why);
  await readUntilClosed(bot.self, bot.socket, LEAVE_WITHIN_MS);
  if (bot.isInside) bot.events.send({ type: "Left", nick: bot.nick, why });
  return ok();
}

/** Writes one line. A failure needs no answer here: the end of the stream is what the socket tells next. */
async function write(bot: Bot, command: string, ...params: string[]): Promise<void> {
  await send(bot.socket, formatLine({ command, params }));
}
