// The room: one process that knows who is connected and who is in which channel. Nobody else holds that state.

import {
  newSelector,
  selectMonitors,
  type OwnSubject,
  type Owner,
  type Process,
  type Self,
  type Subject,
} from "tankard";
import { foldName, formatLine } from "./irc.ts";

export const SERVER_NAME = "tankard.example";

/** What a connection is told. */
export type ToClient =
  | { readonly type: "Tell"; readonly line: string }
  /** Say goodbye and close. */
  | { readonly type: "Dismiss"; readonly why: string };

/** Every request but the first and the last is answered, so that no connection can be faster than the room. */
export type RoomMessage =
  | { readonly type: "Arrive"; readonly client: Process; readonly outbox: Subject<ToClient> }
  | { readonly type: "TakeNick"; readonly client: Process; readonly nick: string; readonly reply: Subject<boolean> }
  | { readonly type: "Join"; readonly client: Process; readonly channel: string; readonly reply: Subject<JoinAnswer> }
  | { readonly type: "Part"; readonly client: Process; readonly channel: string; readonly reply: Subject<boolean> }
  | {
      readonly type: "Say";
      readonly client: Process;
      readonly target: string;
      readonly text: string;
      readonly reply: Subject<boolean>;
    }
  | { readonly type: "Leave"; readonly client: Process; readonly why: string; readonly reply: Subject<undefined> }
  | { readonly type: "Close" };

export type JoinAnswer =
  | { readonly type: "Joined"; readonly name: string; readonly nicks: readonly string[] }
  | { readonly type: "WasThere" }
  | { readonly type: "TooManyChannels" };

const MAX_CLIENTS = 100;
const MAX_CHANNELS_OF_A_CLIENT = 10;
const CLOSE_WITHIN_MS = 2_000;

interface Member {
  readonly client: Process;
  readonly outbox: Subject<ToClient>;
  /** Empty until it has one. */
  nick: string;
  readonly channels: Set<Channel>;
}

interface Channel {
  /** As its first member wrote it. */
  readonly name: string;
  readonly members: Set<Member>;
}

interface Room {
  readonly members: Map<Owner, Member>;
  readonly channels: Map<string, Channel>;
  isClosing: boolean;
}

/** The body of the room's process: it ends when it was closed and everybody has gone. */
export async function chatRoom(self: Self, messages: OwnSubject<RoomMessage>): Promise<void> {
  const room: Room = { members: new Map(), channels: new Map(), isClosing: false };
  const timeIsUp = self.newSubject<{ readonly type: "TimeIsUp" }>();
  const inbox = selectMonitors(newSelector().select(messages).select(timeIsUp), (down) => down);
  while (!room.isClosing || room.members.size > 0) {
    const message = await self.receiveForever(inbox);
    switch (message.type) {
      case "Arrive":
        // A monitor, no link: however a connection ends, the room hears of it and lives on.
        self.monitor(message.client);
        arrive(room, { client: message.client, outbox: message.outbox, nick: "", channels: new Set() });
        break;
      case "ProcessDown":
        leave(room, message.owner, message.reason.type === "Normal" ? "Connection closed" : "Connection lost");
        room.members.delete(message.owner);
        break;
      case "Close":
        room.isClosing = true;
        for (const member of room.members.values()) dismiss(member, "the server is closing");
        self.sendAfter(timeIsUp, CLOSE_WITHIN_MS, { type: "TimeIsUp" });
        break;
      case "TimeIsUp":
        for (const member of room.members.values()) member.client.kill();
        break;
      default:
        answer(room, message);
    }
  }
}

type Question = Extract<RoomMessage, { readonly reply: unknown }>;

function answer(room: Room, message: Question): void {
  const member = room.members.get(message.client);
  if (member === undefined) return; // it has gone since it asked
  switch (message.type) {
    case "TakeNick":
      message.reply.send(takeNick(room, member, message.nick));
      break;
    case "Join":
      message.reply.send(join(room, member, message.channel));
      break;
    case "Part":
      message.reply.send(part(room, member, message.channel));
      break;
    case "Say":
      message.reply.send(say(room, member, message.target, message.text));
      break;
    case "Leave":
      leave(room, message.client, message.why);
      message.reply.send(undefined);
      break;
    default:
      message satisfies never;
  }
}

function arrive(room: Room, member: Member): void {
  room.members.set(member.client, member);
  if (room.isClosing) dismiss(member, "the server is closing");
  else if (room.members.size > MAX_CLIENTS) dismiss(member, "the server is full");
}

function takeNick(room: Room, member: Member, nick: string): boolean {
  const holder = findNick(room, nick);
  if (holder !== undefined && holder !== member) return false;
  const line = lineFrom(member, "NICK", nick);
  if (member.nick !== "") tellAll([member, ...fellowsOf(member)], line);
  member.nick = nick;
  return true;
}

function join(room: Room, member: Member, name: string): JoinAnswer {
  const key = foldName(name);
  const channel = room.channels.get(key) ?? { name, members: new Set() };
  if (member.channels.has(channel)) return { type: "WasThere" };
  if (member.channels.size === MAX_CHANNELS_OF_A_CLIENT) return { type: "TooManyChannels" };
  room.channels.set(key, channel);
  channel.members.add(member);
  member.channels.add(channel);
  tellAll(channel.members, lineFrom(member, "JOIN", channel.name));
  return { type: "Joined", name: channel.name, nicks: Array.from(channel.members, ({ nick }) => nick) };
}

function part(room: Room, member: Member, name: string): boolean {
  const channel = room.channels.get(foldName(name));
  if (channel === undefined || !member.channels.has(channel)) return false;
  tellAll(channel.members, lineFrom(member, "PART", channel.name));
  remove(room, member, channel);
  return true;
}

/** To a channel that the member is in, or to one nick; whether there is such a target. */
function say(room: Room, member: Member, target: string, text: string): boolean {
  const line = lineFrom(member, "PRIVMSG", target, text);
  const channel = room.channels.get(foldName(target));
  if (channel !== undefined && member.channels.has(channel)) {
    tellAll(
      [...channel.members].filter((other) => other !== member),
      line,
    );
    return true;
  }
  const other = findNick(room, target);
  if (other !== undefined) tellAll([other], line);
  return other !== undefined;
}

/** Tells those who shared a channel with it; a client leaves once, however often it is said. */
function leave(room: Room, client: Owner, why: string): void {
  const member = room.members.get(client);
  if (member === undefined) return;
  tellAll(fellowsOf(member), lineFrom(member, "QUIT", why));
  for (const channel of member.channels) remove(room, member, channel);
  member.nick = "";
}

function remove(room: Room, member: Member, channel: Channel): void {
  channel.members.delete(member);
  member.channels.delete(channel);
  if (channel.members.size === 0) room.channels.delete(foldName(channel.name));
}

function findNick(room: Room, nick: string): Member | undefined {
  const key = foldName(nick);
  for (const member of room.members.values()) if (foldName(member.nick) === key) return member;
  return undefined;
}

/** Those who see what the member does: each once, and not itself. */
function fellowsOf(member: Member): Set<Member> {
  const fellows = new Set<Member>();
  for (const channel of member.channels) for (const other of channel.members) fellows.add(other);
  fellows.delete(member);
  return fellows;
}

function lineFrom(member: Member, command: string, ...params: string[]): string {
  return formatLine({ prefix: `${member.nick}!${member.nick}@${SERVER_NAME}`, command, params });
}

function tellAll(members: Iterable<Member>, line: string): void {
  for (const member of members) member.outbox.send({ type: "Tell", line });
}

function dismiss(member: Member, why: string): void {
  member.outbox.send({ type: "Dismiss", why });
}
