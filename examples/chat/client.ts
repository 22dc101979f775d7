// One client, as the actor of its connection keeps it, and what others see of it.

import type { OwnSubject, Self, Subject } from "tankard";
import { formatLine } from "./irc.ts";
import type { Unended } from "./input.ts";
import type { RegistryMessage } from "./registry.ts";
import { leaveRoom, type Room, type Rooms, type ToClient } from "./rooms.ts";

export const SERVER_NAME = "tankard.example";

/** What comes to a connection's actor beside the bytes of its client. */
export type ClientMessage =
  | ToClient
  /** Say goodbye. */
  | { readonly type: "Dismiss"; readonly why: string }
  /** The time to say who it is, and the time to hear the goodbye, are over. */
  | { readonly type: "RegisterTimeout" }
  | { readonly type: "FarewellTimeout" };

/** What all connections of a server share. */
export interface House {
  readonly registry: Subject<RegistryMessage>;
  readonly rooms: Rooms;
}

export interface Client {
  readonly self: Self;
  readonly house: House;
  /** Its address. Every line that goes out passes through it, and so goes out in the order in which it happened. */
  readonly outbox: OwnSubject<ClientMessage>;
  readonly rooms: Set<Room>;
  nick: string | undefined;
  hasUser: boolean;
  /** Leaving: nobody sees it any more, and what it says is not obeyed. Gone: the goodbye is said. */
  phase: "Here" | "Leaving" | "Gone";
  unended: Unended;
}

export function isRegistered({ nick, hasUser }: Client): boolean {
  return nick !== undefined && hasUser;
}

/** Whether it still takes part: what it says is obeyed, and others see it. */
export function isHere({ phase }: Client): boolean {
  return phase === "Here";
}

export function tell({ outbox }: Client, command: string, ...params: string[]): void {
  outbox.send({ type: "Tell", line: formatLine({ prefix: SERVER_NAME, command, params }) });
}

/** A numeric reply, which says first whom it is for. */
export function tellNumeric(client: Client, code: string, ...params: string[]): void {
  tell(client, code, client.nick ?? "*", ...params);
}

/** A line that says what the client does. */
export function lineFrom({ nick = "*" }: Client, command: string, ...params: string[]): string {
  return formatLine({ prefix: `${nick}!${nick}@${SERVER_NAME}`, command, params });
}

/** Tells the client itself and who is in a room with it: each once, in however many rooms they meet. */
export function tellFellows(client: Client, line: string): void {
  for (const fellow of fellowsOf(client).add(client.outbox)) fellow.send({ type: "Tell", line });
}

/** Nobody sees the client any more, and its nick is free. A client leaves once, however often it is said. */
export function leave(client: Client, why: string): void {
  if (!isHere(client)) return;
  client.phase = "Leaving";
  const { house, outbox, rooms } = client;
  const line = lineFrom(client, "QUIT", why);
  for (const fellow of fellowsOf(client)) fellow.send({ type: "Tell", line });
  for (const room of rooms) leaveRoom(house.rooms, room, outbox);
  rooms.clear();
  house.registry.send({ type: "Free", person: outbox });
}

/** Who is in a room with the client, without itself. */
function fellowsOf({ outbox, rooms }: Client): Set<Subject<ToClient>> {
  const fellows = new Set<Subject<ToClient>>(Array.from(rooms, ({ people }) => people.members()).flat());
  fellows.delete(outbox);
  return fellows;
}
