// The rooms: each is a group of the people in it. Whoever ends, however it ends, has left every group.

import type { Subject } from "tankard";
import { newGroup, type Group } from "tankard/otp";
import { foldName } from "./irc.ts";

/** What the actor of a connection is told by others. */
export interface ToClient {
  readonly type: "Tell";
  readonly line: string;
  /** Who said it, and does not want to hear it back. */
  readonly notTo?: Subject<ToClient> | undefined;
}

export interface Room {
  /** As the first who came wrote it. */
  readonly name: string;
  readonly people: Group<ToClient>;
}

/** By folded name. The connections share it; each changes it in one go, so nobody sees it half changed. */
export type Rooms = Map<string, Room>;

/** Comes into the room, which is made where it is not there. */
export function enterRoom(rooms: Rooms, name: string, person: Subject<ToClient>): Room {
  const room = rooms.get(foldName(name)) ?? { name, people: newGroup<ToClient>() };
  rooms.set(foldName(name), room);
  room.people.join(person);
  return room;
}

/** A room that nobody is in is no more. */
export function leaveRoom(rooms: Rooms, room: Room, person: Subject<ToClient>): void {
  room.people.leave(person);
  if (room.people.size === 0) rooms.delete(foldName(room.name));
}
