// Who has subscribed to what: a server forgets it with the connection, so the client has to know.

import type { Subject } from "tankard";
import { subscribeCommand, unsubscribeCommand } from "./commands.ts";
import type { NatsMessage } from "./messages.ts";

interface Entry {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly to: Subject<NatsMessage>;
  /** Messages that have come. */
  received: number;
  /** It is over after so many. */
  most: number;
}

/** By their sids, of which none is used twice. */
export class Subscriptions {
  readonly #entries = new Map<string, Entry>();
  #isDrained = false;

  /** Gives the command for it. */
  add(sid: string, subject: string, queue: string | undefined, to: Subject<NatsMessage>): string {
    this.#entries.set(sid, { subject, queue, to, received: 0, most: Infinity });
    return subscribeCommand(sid, subject, queue);
  }

  /** Ends it, or lets it end when so many messages have come since its beginning. Gives the command for it. */
  limit(sid: string, most: number): string {
    const entry = this.#entries.get(sid);
    if (entry !== undefined && entry.received < most) {
      entry.most = most;
      return unsubscribeCommand(sid, most);
    }
    this.#entries.delete(sid);
    return unsubscribeCommand(sid);
  }

  /** Whom a message is for that has come now; nobody where the subscription is over. */
  receiverOf(sid: string): Subject<NatsMessage> | undefined {
    const entry = this.#entries.get(sid);
    if (entry === undefined) return undefined;
    entry.received++;
    if (entry.received >= entry.most) this.#entries.delete(sid);
    return entry.to;
  }

  /** The commands for a server that knows none of them. */
  commands(): readonly string[] {
    if (this.#isDrained) return [];
    return [...this.#entries].map(([sid, { subject, queue, received, most }]) => {
      const subscribe = subscribeCommand(sid, subject, queue);
      return most === Infinity ? subscribe : subscribe + unsubscribeCommand(sid, most - received);
    });
  }

  /** No server is told of them again, but what is on its way still comes. Gives the commands for that. */
  drain(): readonly string[] {
    this.#isDrained = true;
    return [...this.#entries.keys()].map((sid) => unsubscribeCommand(sid));
  }
}
