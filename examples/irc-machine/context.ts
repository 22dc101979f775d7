// What the machine knows, and what follows from it: plain functions.

import type { TlsClientOptions } from "tankard/tls";
import { ConnectFailure } from "tankard/xstate";
import { answerTo } from "../chat/answers.ts";
import { backOffMs } from "../chat/back-off.ts";
import { formatLine, isSameName } from "../chat/irc.ts";
import { whyNot } from "../chat/why-not.ts";
import { world } from "../chat/world.ts";
import type { Stats, Told } from "./events.ts";

export interface IrcBotOptions {
  readonly host: string;
  readonly port: number;
  readonly nick: string;
  readonly rooms: readonly string[];
  readonly password?: string | undefined;
  /** Without it, in plain text. */
  readonly tls?: TlsClientOptions | undefined;
}

/** All of it can be kept as JSON, but for `rest`, which every connection begins anew. */
export interface Context extends Stats {
  readonly options: IrcBotOptions;
  /** Where the bot wants to be: not where it was not let in, or was thrown out. */
  readonly rooms: readonly string[];
  /** The beginning of a line whose end has not come yet. */
  readonly rest: Buffer;
  /** The last trouble, as a sentence. */
  readonly why: string;
  /** Connections in a row that did not last. */
  readonly failures: number;
}

const OTHER_NICKS_TO_TRY = 3;

export function initialContext(options: IrcBotOptions): Context {
  const { nick, rooms } = options;
  const counts = { failures: 0, connections: 0, heard: 0 };
  return { options, nick, rooms, inside: [], rest: Buffer.alloc(0), why: "", ...counts };
}

export function lost(context: Context): Told {
  return { type: "Lost", why: context.why, retryInMs: backOffMs(context.failures) };
}

/** What the server has done, as a sentence. */
export function sentence({ options: { host, port } }: Context, what: string): string {
  return `The server ${host}:${port} ${what}.`;
}

/** Why the socket's actor is in error, as what the server has done. */
export function whatFailed(failure: unknown): string {
  if (failure instanceof ConnectFailure) return `cannot be reached: ${whyNot(failure.error)}`;
  return `does not read: ${String(failure)}`; // what was to be sent waited for too long
}

/** Whether it has never worked, and never will: there is no such host, or another one answers. */
export function isHopeless({ connections }: Context, failure: unknown): boolean {
  if (connections > 0 || !(failure instanceof ConnectFailure)) return false;
  if (failure.error.type === "TlsCertificateRejected") return true;
  const attempts = "attempts" in failure.error ? failure.error.attempts : [];
  return attempts.length > 0 && attempts.every(({ reason }) => reason === "Nxdomain");
}

export function hasOtherNick({ nick, options }: Context): boolean {
  return nick.length < options.nick.length + OTHER_NICKS_TO_TRY;
}

/** What the bot says when somebody asks it to leave; `undefined` where nobody does. */
export function whyToLeave({ nick, text }: { readonly nick: string; readonly text: string }): string | undefined {
  const answer = answerTo(nick, text, world);
  return answer?.type === "Leave" ? answer.why : undefined;
}

/** A room of the bot's, as the bot spells it. */
export function roomOf({ rooms }: Context, room: string): string | undefined {
  return rooms.find((other) => isSameName(other, room));
}

export function isInside({ inside }: Context, room: string): boolean {
  return inside.some((other) => isSameName(other, room));
}

export function isOnlyRoom({ rooms }: Context, room: string): boolean {
  return rooms.length === 1 && rooms.every((other) => isSameName(other, room));
}

export function withoutRoom({ rooms, inside }: Context, room: string): Pick<Context, "rooms" | "inside"> {
  const isAnother = (other: string) => !isSameName(other, room);
  return { rooms: rooms.filter(isAnother), inside: inside.filter(isAnother) };
}

export function line(command: string, ...params: readonly string[]): string {
  return formatLine({ command, params });
}
