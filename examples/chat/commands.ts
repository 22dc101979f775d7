// What a client may say.

import { unwrap } from "tankard";
import { isRegistered, leave, lineFrom, SERVER_NAME, tell, tellFellows, tellNumeric, type Client } from "./client.ts";
import { foldName, isChannel, isNick, parseLine } from "./irc.ts";
import { enterRoom, leaveRoom, type Room } from "./rooms.ts";

interface Command {
  /** How many params it needs. */
  readonly params: number;
  /** Whether it may come from a client that has not said who it is. */
  readonly isOpen: boolean;
  readonly obey: (client: Client, params: readonly string[]) => void | Promise<void>;
}

const MAX_NICK_LENGTH = 16;
const MAX_CHANNEL_LENGTH = 50;
const MAX_ROOMS_OF_A_CLIENT = 10;
const NICKS_IN_A_LINE = 16;
const REGISTRY_WITHIN_MS = 5_000;

const commands = new Map<string, Command>([
  ["NICK", { params: 1, isOpen: true, obey: takeNick }],
  ["USER", { params: 4, isOpen: true, obey: takeUser }],
  ["PING", { params: 1, isOpen: true, obey: pong }],
  ["PONG", { params: 0, isOpen: true, obey: () => undefined }],
  ["QUIT", { params: 0, isOpen: true, obey: quit }],
  ["JOIN", { params: 1, isOpen: false, obey: forEachChannel(join) }],
  ["PART", { params: 1, isOpen: false, obey: forEachChannel(part) }],
  ["NAMES", { params: 0, isOpen: false, obey: names }],
  ["PRIVMSG", { params: 2, isOpen: false, obey: say }],
]);

/** Does what one line asks for. */
export function obey(client: Client, line: string): void | Promise<void> {
  const message = parseLine(line);
  if (message === undefined) return undefined;
  const { command: word, params } = message;
  const command = commands.get(word);
  if (command === undefined) return tellNumeric(client, "421", word, "Unknown command");
  if (!command.isOpen && !isRegistered(client)) return tellNumeric(client, "451", "You have not registered");
  if (params.length < command.params) return tellNumeric(client, "461", word, "Not enough parameters");
  return command.obey(client, params);
}

async function takeNick(client: Client, [nick = ""]: readonly string[]): Promise<void> {
  if (!isNick(nick) || nick.length > MAX_NICK_LENGTH) {
    tellNumeric(client, "432", nick, "Erroneous nickname");
    return;
  }
  const { self, house, outbox } = client;
  const isTaken = await self.call(house.registry, REGISTRY_WITHIN_MS, (reply) => ({
    type: "Take",
    nick,
    person: outbox,
    reply,
  }));
  if (!unwrap(isTaken)) {
    tellNumeric(client, "433", nick, "Nickname is already in use");
    return;
  }
  const isFirst = client.nick === undefined;
  if (!isFirst) tellFellows(client, lineFrom(client, "NICK", nick));
  client.nick = nick;
  if (isFirst) welcome(client);
}

function takeUser(client: Client): void {
  if (client.hasUser) {
    tellNumeric(client, "462", "You have said who you are already");
    return;
  }
  client.hasUser = true;
  welcome(client);
}

function welcome(client: Client): void {
  if (!isRegistered(client)) return;
  tellNumeric(client, "001", `Welcome to the Tankard, ${client.nick ?? ""}`);
  tellNumeric(client, "422", "There is no message of the day");
}

function pong(client: Client, [token = ""]: readonly string[]): void {
  tell(client, "PONG", SERVER_NAME, token);
}

function quit(client: Client, [why = "Goodbye"]: readonly string[]): void {
  leave(client, why);
  client.outbox.send({ type: "Dismiss", why }); // behind the answers to what it said before
}

/** Makes a command for one channel one for a list: `JOIN #tavern,#cellar`. */
function forEachChannel(obeyOne: (client: Client, channel: string) => void | Promise<void>): Command["obey"] {
  return async (client, [channels = ""]) => {
    for (const channel of channels.split(",")) await obeyOne(client, channel);
  };
}

async function join(client: Client, channel: string): Promise<void> {
  const { house, outbox, rooms } = client;
  if (!isChannel(channel) || channel.length > MAX_CHANNEL_LENGTH) {
    tellNumeric(client, "403", channel, "No such channel");
    return;
  }
  if (roomOf(client, channel) !== undefined) return;
  if (rooms.size === MAX_ROOMS_OF_A_CLIENT) {
    tellNumeric(client, "405", channel, "You are in too many channels");
    return;
  }
  const room = enterRoom(house.rooms, channel, outbox);
  rooms.add(room);
  room.people.broadcast({ type: "Tell", line: lineFrom(client, "JOIN", room.name) });
  await tellNames(client, room.name);
}

function part(client: Client, channel: string): void {
  const { house, outbox, rooms } = client;
  const room = roomOf(client, channel);
  if (room !== undefined) {
    room.people.broadcast({ type: "Tell", line: lineFrom(client, "PART", room.name) });
    rooms.delete(room);
    leaveRoom(house.rooms, room, outbox);
  } else if (house.rooms.has(foldName(channel))) {
    tellNumeric(client, "442", channel, "You are not in that channel");
  } else tellNumeric(client, "403", channel, "No such channel");
}

/** Of the channels that it names, otherwise of those that the client is in. */
async function names(client: Client, [channels]: readonly string[]): Promise<void> {
  const wanted = channels?.split(",") ?? Array.from(client.rooms, ({ name }) => name);
  for (const channel of wanted) await tellNames(client, channel);
}

async function tellNames(client: Client, channel: string): Promise<void> {
  const { self, house } = client;
  const { name, people } = house.rooms.get(foldName(channel)) ?? { name: channel, people: undefined };
  const persons = people?.members() ?? [];
  const asked = await self.call(house.registry, REGISTRY_WITHIN_MS, (reply) => ({
    type: "NicksOf",
    people: persons,
    reply,
  }));
  const nicks = unwrap(asked);
  for (let from = 0; from < nicks.length; from += NICKS_IN_A_LINE) {
    tellNumeric(client, "353", "=", name, nicks.slice(from, from + NICKS_IN_A_LINE).join(" "));
  }
  tellNumeric(client, "366", name, "End of the list of names");
}

/** To a channel that the client is in, or to one nick. */
async function say(client: Client, [target = "", text = ""]: readonly string[]): Promise<void> {
  const { self, house, outbox } = client;
  const line = lineFrom(client, "PRIVMSG", target, text);
  if (isChannel(target)) {
    const room = roomOf(client, target);
    if (room !== undefined) room.people.broadcast({ type: "Tell", line, notTo: outbox });
    else if (house.rooms.has(foldName(target))) tellNumeric(client, "404", target, "Cannot send to channel");
    else tellNumeric(client, "403", target, "No such channel");
    return;
  }
  const isHeard = await self.call(house.registry, REGISTRY_WITHIN_MS, (reply) => ({
    type: "PassOn",
    nick: target,
    message: { type: "Tell", line },
    reply,
  }));
  if (!unwrap(isHeard)) tellNumeric(client, "401", target, "No such nick");
}

/** The room of that name, if the client is in it. */
function roomOf({ house, rooms }: Client, channel: string): Room | undefined {
  const room = house.rooms.get(foldName(channel));
  return room !== undefined && rooms.has(room) ? room : undefined;
}
