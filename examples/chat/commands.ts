// What a client may say: each command asks the room where it must, and is answered with what to tell the client.

import { unwrap, type Self, type Subject } from "tankard";
import { formatLine, isChannel, isNick, parseLine } from "./irc.ts";
import { SERVER_NAME, type RoomMessage, type ToClient } from "./room.ts";

/** Who a client has said it is. */
export interface Session {
  readonly self: Self;
  readonly room: Subject<RoomMessage>;
  nick: string | undefined;
  hasUser: boolean;
}

type Answer = readonly ToClient[];

interface Command {
  /** How many params it needs. */
  readonly params: number;
  /** Whether it may come from a client that has not said who it is. */
  readonly isOpen: boolean;
  readonly obey: (session: Session, params: readonly string[]) => Answer | Promise<Answer>;
}

const MAX_NICK_LENGTH = 16;
const MAX_CHANNEL_LENGTH = 50;
const NICKS_IN_A_LINE = 16;
const ROOM_WITHIN_MS = 5_000;

const commands = new Map<string, Command>([
  ["NICK", { params: 1, isOpen: true, obey: takeNick }],
  ["USER", { params: 4, isOpen: true, obey: takeUser }],
  ["PING", { params: 1, isOpen: true, obey: pong }],
  ["PONG", { params: 0, isOpen: true, obey: () => [] }],
  ["QUIT", { params: 0, isOpen: true, obey: quit }],
  ["JOIN", { params: 1, isOpen: false, obey: forEachChannel(join) }],
  ["PART", { params: 1, isOpen: false, obey: forEachChannel(part) }],
  ["PRIVMSG", { params: 2, isOpen: false, obey: say }],
]);

export function newSession(self: Self, room: Subject<RoomMessage>): Session {
  return { self, room, nick: undefined, hasUser: false };
}

export function isRegistered({ nick, hasUser }: Session): boolean {
  return nick !== undefined && hasUser;
}

/** Does what one line asks for. */
export function obey(session: Session, line: string): Answer | Promise<Answer> {
  const message = parseLine(line);
  if (message === undefined) return [];
  const { command: word, params } = message;
  const command = commands.get(word);
  if (command === undefined) return numeric(session, "421", word, "Unknown command");
  if (!command.isOpen && !isRegistered(session)) return numeric(session, "451", "You have not registered");
  if (params.length < command.params) return numeric(session, "461", word, "Not enough parameters");
  return command.obey(session, params);
}

async function takeNick(session: Session, [nick = ""]: readonly string[]): Promise<Answer> {
  if (!isNick(nick) || nick.length > MAX_NICK_LENGTH) return numeric(session, "432", nick, "Erroneous nickname");
  const { self, room } = session;
  const client = self.process;
  const isTaken = await self.call(room, ROOM_WITHIN_MS, (reply) => ({ type: "TakeNick", client, nick, reply }));
  if (!unwrap(isTaken)) return numeric(session, "433", nick, "Nickname is already in use");
  const isFirst = session.nick === undefined;
  session.nick = nick;
  return isFirst ? welcome(session) : [];
}

function takeUser(session: Session): Answer {
  if (session.hasUser) return numeric(session, "462", "You have said who you are already");
  session.hasUser = true;
  return welcome(session);
}

function welcome(session: Session): Answer {
  if (!isRegistered(session)) return [];
  return [
    ...numeric(session, "001", `Welcome to the Tankard, ${session.nick ?? ""}`),
    ...numeric(session, "422", "There is no message of the day"),
  ];
}

function pong(_session: Session, [token = ""]: readonly string[]): Answer {
  return [tell("PONG", SERVER_NAME, token)];
}

async function quit({ self, room }: Session, [why = "Goodbye"]: readonly string[]): Promise<Answer> {
  const client = self.process;
  unwrap(await self.call(room, ROOM_WITHIN_MS, (reply) => ({ type: "Leave", client, why, reply })));
  return [{ type: "Dismiss", why }];
}

/** Makes a command for one channel one for a list: `JOIN #tavern,#cellar`. */
function forEachChannel(obeyOne: (session: Session, channel: string) => Promise<Answer>): Command["obey"] {
  return async (session, [channels = ""]) => {
    const answers: ToClient[] = [];
    for (const channel of channels.split(",")) answers.push(...(await obeyOne(session, channel)));
    return answers;
  };
}

async function join(session: Session, channel: string): Promise<Answer> {
  if (!isChannel(channel) || channel.length > MAX_CHANNEL_LENGTH) {
    return numeric(session, "403", channel, "No such channel");
  }
  const { self, room } = session;
  const client = self.process;
  const answer = unwrap(await self.call(room, ROOM_WITHIN_MS, (reply) => ({ type: "Join", client, channel, reply })));
  switch (answer.type) {
    case "WasThere":
      return [];
    case "TooManyChannels":
      return numeric(session, "405", channel, "You are in too many channels");
    case "Joined":
      return [
        ...namesOf(session, answer.name, answer.nicks),
        ...numeric(session, "366", answer.name, "End of the list of names"),
      ];
  }
}

function namesOf(session: Session, channel: string, nicks: readonly string[]): Answer {
  const names: ToClient[] = [];
  for (let from = 0; from < nicks.length; from += NICKS_IN_A_LINE) {
    names.push(...numeric(session, "353", "=", channel, nicks.slice(from, from + NICKS_IN_A_LINE).join(" ")));
  }
  return names;
}

async function part(session: Session, channel: string): Promise<Answer> {
  const { self, room } = session;
  const client = self.process;
  const hasLeft = await self.call(room, ROOM_WITHIN_MS, (reply) => ({ type: "Part", client, channel, reply }));
  return unwrap(hasLeft) ? [] : numeric(session, "442", channel, "You are not in that channel");
}

async function say(session: Session, [target = "", text = ""]: readonly string[]): Promise<Answer> {
  const { self, room } = session;
  const client = self.process;
  const isHeard = await self.call(room, ROOM_WITHIN_MS, (reply) => ({ type: "Say", client, target, text, reply }));
  return unwrap(isHeard) ? [] : numeric(session, "401", target, "No such nick, or no channel that you are in");
}

/** A numeric reply, which says first whom it is for. */
function numeric(session: Session, code: string, ...params: string[]): Answer {
  return [tell(code, session.nick ?? "*", ...params)];
}

function tell(command: string, ...params: string[]): ToClient {
  return { type: "Tell", line: formatLine({ prefix: SERVER_NAME, command, params }) };
}
