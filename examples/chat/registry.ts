// The registry: one actor that knows who has which nick. Two who want the same nick ask it one after the other.

import type { Host, Result, Subject } from "tankard";
import { continueWith, startActor, stop, type Started, type StartError } from "tankard/otp";
import { foldName } from "./irc.ts";
import type { ToClient } from "./rooms.ts";

export type RegistryMessage =
  /** Whether the nick is the person's now, instead of the one it had. */
  | {
      readonly type: "Take";
      readonly nick: string;
      readonly person: Subject<ToClient>;
      readonly reply: Subject<boolean>;
    }
  | { readonly type: "Free"; readonly person: Subject<ToClient> }
  /** Whether somebody has the nick, who is told then. */
  | {
      readonly type: "PassOn";
      readonly nick: string;
      readonly message: ToClient;
      readonly reply: Subject<boolean>;
    }
  | {
      readonly type: "NicksOf";
      readonly people: readonly Subject<ToClient>[];
      readonly reply: Subject<readonly string[]>;
    }
  | { readonly type: "End" };

interface Nicks {
  /** By folded nick. */
  readonly holders: Map<string, Subject<ToClient>>;
  readonly ofPerson: Map<Subject<ToClient>, string>;
}

export function startRegistry(host: Host): Promise<Result<Started<Subject<RegistryMessage>>, StartError>> {
  return startActor(
    {
      state: (): Nicks => ({ holders: new Map(), ofPerson: new Map() }),
      onMessage(nicks, message: RegistryMessage) {
        switch (message.type) {
          case "Take":
            message.reply.send(take(nicks, message.nick, message.person));
            break;
          case "Free":
            free(nicks, message.person);
            break;
          case "PassOn": {
            const holder = nicks.holders.get(foldName(message.nick));
            holder?.send(message.message);
            message.reply.send(holder !== undefined);
            break;
          }
          case "NicksOf":
            message.reply.send(message.people.flatMap((person) => nicks.ofPerson.get(person) ?? []));
            break;
          case "End":
            return stop();
          default:
            message satisfies never;
        }
        return continueWith(nicks);
      },
    },
    host,
  );
}

function take(nicks: Nicks, nick: string, person: Subject<ToClient>): boolean {
  const holder = nicks.holders.get(foldName(nick));
  if (holder !== undefined && holder !== person) return false;
  free(nicks, person);
  nicks.holders.set(foldName(nick), person);
  nicks.ofPerson.set(person, nick);
  return true;
}

function free({ holders, ofPerson }: Nicks, person: Subject<ToClient>): void {
  const nick = ofPerson.get(person);
  if (nick === undefined) return;
  holders.delete(foldName(nick));
  ofPerson.delete(person);
}
