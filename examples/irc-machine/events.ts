// What the machine hears: packets of its socket, the lines in them as words of its own, and what people ask of it.

import { newSelector, selectTcpMessages, type MessageFrom, type Subject } from "tankard";
import type { Connected } from "tankard/xstate";
import type { BotEvent } from "../chat/bot.ts";
import { nickOf, parseLine, reasonIn, takeLines, type IrcMessage } from "../chat/irc.ts";

export const packets = selectTcpMessages(newSelector(), (message) => {
  switch (message.type) {
    case "Packet":
      return { type: "tcp.packet", data: message.data };
    case "TcpError":
      return { type: "tcp.error", error: message.error };
    case "SocketClosed":
      return { type: "tcp.closed" };
  }
});

/** A line, as far as it concerns the bot. */
export type IrcEvent =
  | { readonly type: "irc.welcome"; readonly nick: string }
  | { readonly type: "irc.nickInUse" }
  | { readonly type: "irc.refused"; readonly why: string }
  | { readonly type: "irc.noEntry"; readonly room: string; readonly why: string }
  | { readonly type: "irc.error"; readonly why: string }
  | { readonly type: "irc.ping"; readonly params: readonly string[] }
  | { readonly type: "irc.join"; readonly nick: string; readonly room: string }
  | { readonly type: "irc.said"; readonly nick: string; readonly target: string; readonly text: string }
  | { readonly type: "irc.renamed"; readonly nick: string; readonly newNick: string }
  | { readonly type: "irc.part"; readonly nick: string; readonly room: string; readonly why: string }
  | { readonly type: "irc.quit"; readonly nick: string; readonly why: string }
  | { readonly type: "irc.kick"; readonly nick: string; readonly room: string; readonly by: string };

/** What reading a packet leads to besides: its lines are dealt with, or are no lines of IRC. */
export type ReadEvent = { readonly type: "read.done" } | { readonly type: "read.tooLong" };

export interface Stats {
  readonly nick: string;
  /** Where the bot is. */
  readonly inside: readonly string[];
  readonly connections: number;
  /** Messages of people. */
  readonly heard: number;
}

export type Request =
  | { readonly type: "say"; readonly room: string; readonly text: string }
  | { readonly type: "stats"; readonly reply: Subject<Stats> }
  | { readonly type: "quit"; readonly why: string };

export type Event = MessageFrom<typeof packets> | Connected | IrcEvent | ReadEvent | Request;

/** What the bot emits: what happens in its rooms, and to its connection, in order; what it could not say. */
export type Told =
  | (BotEvent & { readonly room?: string }) // who leaves the server leaves every room
  | { readonly type: "Unsaid"; readonly room: string; readonly text: string };

/** The events in the `data` that came after `rest`, with what they end with, and the beginning of a line that is left. */
export function eventsIn(
  rest: Buffer,
  data: Buffer,
): { readonly events: readonly (IrcEvent | ReadEvent)[]; rest: Buffer } {
  const taken = takeLines(rest, data);
  const events: (IrcEvent | ReadEvent)[] = [];
  for (const line of taken.lines) {
    const message = parseLine(line);
    const event = message === undefined ? undefined : eventOf(message);
    if (event !== undefined) events.push(event);
  }
  events.push({ type: taken.isTooLong ? "read.tooLong" : "read.done" });
  return { events, rest: taken.rest };
}

function eventOf({ prefix, command, params }: IrcMessage): IrcEvent | undefined {
  const nick = nickOf(prefix);
  const [first = "", second = ""] = params;
  switch (command) {
    case "001":
      return { type: "irc.welcome", nick: first };
    case "433":
      return { type: "irc.nickInUse" };
    case "432": // no nick for this server
    case "464": // password needed
    case "465": // banned
      return { type: "irc.refused", why: reasonIn(params) };
    case "403": // no such channel
    case "405": // too many channels
    case "471": // full
    case "473": // by invitation only
    case "474": // banned from it
    case "475": // key needed
    case "476": // no name for a channel
      return { type: "irc.noEntry", room: second, why: reasonIn(params) };
    case "ERROR": // the last words before it closes
      return { type: "irc.error", why: reasonIn(params) };
    case "PING":
      return { type: "irc.ping", params };
    case "JOIN":
      return { type: "irc.join", nick, room: first };
    case "PRIVMSG":
      return { type: "irc.said", nick, target: first, text: second };
    case "NICK":
      return { type: "irc.renamed", nick, newNick: first };
    case "PART":
      return { type: "irc.part", nick, room: first, why: second };
    case "QUIT":
      return { type: "irc.quit", nick, why: first };
    case "KICK":
      return { type: "irc.kick", nick: second, room: first, by: nick };
    default:
      return undefined;
  }
}
