import type { MailboxBound } from "./mailbox-bound.ts";
import {
  type Entry,
  entriesOf,
  type Lane,
  type RecordKey,
  Selector,
  type SubjectKey,
  unchanged,
  type Wanted,
} from "./selector.ts";

/** A message in a mailbox. It stands in the arrival list of the mailbox, in that of its lane, and behind its source. */
export class Envelope {
  readonly message: unknown;
  readonly lane: Lane;
  readonly source: Source | undefined;
  /** Its number in the order of arrival. */
  readonly arrival: number;
  /** Whether it counts against the bound of the mailbox. */
  readonly isBounded: boolean;
  older: Envelope | undefined;
  newer: Envelope | undefined;
  olderInLane: Envelope | undefined;
  newerInLane: Envelope | undefined;
  nextOfSource: Envelope | undefined;

  constructor(message: unknown, lane: Lane, source: Source | undefined, arrival: number, isBounded: boolean) {
    this.message = message;
    this.lane = lane;
    this.source = source;
    this.arrival = arrival;
    this.isBounded = isBounded;
  }
}

/** The messages of one subject, socket, monitor or kind of record, oldest first. */
export interface Source {
  readonly key: unknown;
  oldest: Envelope | undefined;
  newest: Envelope | undefined;
}

/** A source that is no subject, which is its own. */
export class KeyedSource implements Source {
  readonly key: unknown;
  oldest: Envelope | undefined;
  newest: Envelope | undefined;

  constructor(key: unknown) {
    this.key = key;
  }
}

/** The oldest and newest of a lane, or of those that are bounded. */
interface LaneEnds {
  oldest: Envelope | undefined;
  newest: Envelope | undefined;
}

/** Where messages stand that are found by more than their subject. */
class Index {
  bounded: (LaneEnds & { count: number }) | undefined;
  lanes: Partial<Record<Lane, LaneEnds>> | undefined;
  /** Sockets and monitors that have a message here. */
  sources: Map<unknown, Source> | undefined;
  /** Sockets that say here that they are passive again. */
  passives: Map<unknown, Source> | undefined;
  /** Arrays, by their tag and then by the number of fields behind it. */
  records: Map<unknown, Map<number, Source>> | undefined;
}

/** A message that was found and taken out, with what its selector makes of it. */
export interface Taken {
  readonly message: unknown;
  readonly mapper: (message: unknown) => unknown;
}

/**
 * The messages that a process has not taken yet. Whatever is asked for, the oldest is found without passing over
 * the messages that are not: the oldest of a source, of a lane and of all stand at the head of a list.
 */
export class Mailbox {
  /** Where it is absent, there is always room. */
  readonly bound: MailboxBound | undefined;
  #oldest: Envelope | undefined;
  #newest: Envelope | undefined;
  #arrivals = 0;
  #count = 0;
  /** Made by the first message that needs it: most mailboxes only ever have messages of subjects. */
  #index: Index | undefined;

  constructor(bound?: MailboxBound) {
    this.bound = bound;
  }

  get count(): number {
    return this.#count;
  }

  /** How many of its messages count against its bound. */
  get boundedCount(): number {
    return this.#index?.bounded?.count ?? 0;
  }

  /** Puts a message last. `key` says which subject, socket or monitor it came from. */
  append(lane: Lane, key: unknown, message: unknown, isBounded = false): void {
    const source = this.#sourceFor(lane, key, message);
    const envelope = new Envelope(message, lane, source, this.#arrivals++, isBounded);
    this.#count++;
    envelope.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = envelope;
    else this.#newest.newer = envelope;
    this.#newest = envelope;
    if (lane !== "subject" && lane !== "raw") appendToLane(this.#lane(lane), envelope);
    else if (isBounded) {
      const bounded = (this.#made.bounded ??= { oldest: undefined, newest: undefined, count: 0 });
      bounded.count++;
      appendToLane(bounded, envelope);
    }
    if (source !== undefined) {
      if (source.newest === undefined) source.oldest = envelope;
      else source.newest.nextOfSource = envelope;
      source.newest = envelope;
    }
  }

  /** Takes the oldest message that is `wanted`. */
  take(wanted: Wanted): Taken | undefined {
    if (this.#count === 0) return undefined;
    return wanted instanceof Selector ? this.#takeSelected(wanted) : this.#takeOf(wanted);
  }

  #takeOf({ mailbox, source }: SubjectKey): Taken | undefined {
    const { oldest } = source;
    if (oldest === undefined || mailbox !== this) return undefined;
    this.#remove(oldest);
    return { message: oldest.message, mapper: unchanged };
  }

  #takeSelected(selector: Selector<unknown>): Taken | undefined {
    let found: Envelope | undefined;
    let mapper: Taken["mapper"] | undefined;
    // Entries stand from the special to the general, so the more special one keeps a message that two ask for.
    for (const entry of entriesOf(selector)) {
      const oldest = this.#oldestFor(entry);
      if (oldest === undefined || (found !== undefined && found.arrival <= oldest.arrival)) continue;
      found = oldest;
      mapper = entry.mapper;
    }
    if (found === undefined || mapper === undefined) return undefined;
    this.#remove(found);
    return { message: found.message, mapper };
  }

  /** Takes all messages of one socket or monitor, oldest first. */
  takeAll(key: unknown): unknown[] {
    const messages: unknown[] = [];
    const source = this.#index?.sources?.get(key);
    const passive = this.#index?.passives?.get(key);
    for (;;) {
      const envelope = older(source?.oldest, passive?.oldest);
      if (envelope === undefined) return messages;
      this.#remove(envelope);
      messages.push(envelope.message);
    }
  }

  /** Takes the newest message of one socket or monitor out, where it `isUnwanted`. */
  dropNewest(key: unknown, isUnwanted: (message: unknown) => boolean): void {
    const newest = this.#index?.sources?.get(key)?.newest;
    if (newest !== undefined && isUnwanted(newest.message)) this.#removeFromAmong(newest);
  }

  /** Takes the oldest message out that counts against the bound. */
  takeOldestBounded(): unknown {
    const oldest = this.#index?.bounded?.oldest;
    if (oldest !== undefined) this.#removeFromAmong(oldest);
    return oldest?.message;
  }

  /** Throws all messages away and says how many they were. */
  clear(): number {
    const count = this.#count;
    while (this.#oldest !== undefined) this.#remove(this.#oldest);
    return count;
  }

  get #made(): Index {
    return (this.#index ??= new Index());
  }

  #oldestFor(entry: Entry): Envelope | undefined {
    switch (entry.kind) {
      case "subject":
        return entry.key.mailbox === this ? entry.key.source.oldest : undefined;
      case "source":
        return this.#index?.sources?.get(entry.key)?.oldest;
      case "record":
        return this.#index?.records?.get(entry.key.tag)?.get(entry.key.fields)?.oldest;
      case "lane":
        return this.#index?.lanes?.[entry.key]?.oldest;
      case "other":
        return this.#oldest;
    }
  }

  /** Removes one that need not be the oldest of its source. */
  #removeFromAmong(envelope: Envelope): void {
    const { source } = envelope;
    if (source === undefined || source.oldest === envelope) {
      this.#remove(envelope);
      return;
    }
    let before = source.oldest;
    while (before !== undefined && before.nextOfSource !== envelope) before = before.nextOfSource;
    if (before !== undefined) before.nextOfSource = envelope.nextOfSource;
    if (source.newest === envelope) source.newest = before;
    this.#unlink(envelope);
  }

  #remove(envelope: Envelope): void {
    this.#unlink(envelope);
    if (envelope.source !== undefined) this.#removeFromSource(envelope.source, envelope);
  }

  /** Out of the arrival lists of the mailbox and of its lane. */
  #unlink(envelope: Envelope): void {
    this.#count--;
    if (envelope.older === undefined) this.#oldest = envelope.newer;
    else envelope.older.newer = envelope.newer;
    if (envelope.newer === undefined) this.#newest = envelope.older;
    else envelope.newer.older = envelope.older;
    if (envelope.lane !== "subject" && envelope.lane !== "raw") removeFromLane(this.#lane(envelope.lane), envelope);
    else if (envelope.isBounded && this.#index?.bounded !== undefined) {
      this.#index.bounded.count--;
      removeFromLane(this.#index.bounded, envelope);
    }
  }

  #removeFromSource(source: Source, envelope: Envelope): void {
    // Whichever list it was found in, the oldest there is also the oldest of its source.
    source.oldest = envelope.nextOfSource;
    if (source.oldest !== undefined) return;
    source.newest = undefined;
    if (envelope.lane === "raw") {
      const { tag, fields } = source.key as RecordKey;
      const byFields = this.#index?.records?.get(tag);
      byFields?.delete(fields);
      if (byFields?.size === 0) this.#index?.records?.delete(tag);
    } else if (envelope.lane === "passive") this.#index?.passives?.delete(source.key);
    else if (envelope.lane !== "subject") this.#index?.sources?.delete(source.key);
  }

  #sourceFor(lane: Lane, key: unknown, message: unknown): Source | undefined {
    switch (lane) {
      case "subject":
        return (key as SubjectKey).source;
      case "exit":
      case "sent":
        return undefined;
      case "raw":
        return Array.isArray(message) && message.length > 0 ? this.#recordSource(message) : undefined;
      case "socket":
      case "monitor":
        return sourceIn((this.#made.sources ??= new Map<unknown, Source>()), key, key);
      case "passive":
        return sourceIn((this.#made.passives ??= new Map<unknown, Source>()), key, key);
    }
  }

  #recordSource(record: readonly unknown[]): Source {
    const key: RecordKey = { tag: record[0], fields: record.length - 1 };
    const records = (this.#made.records ??= new Map<unknown, Map<number, Source>>());
    let byFields = records.get(key.tag);
    if (byFields === undefined) records.set(key.tag, (byFields = new Map<number, Source>()));
    return sourceIn(byFields, key.fields, key);
  }

  #lane(lane: Lane): LaneEnds {
    const lanes = (this.#made.lanes ??= {});
    return (lanes[lane] ??= { oldest: undefined, newest: undefined });
  }
}

function sourceIn<K>(sources: Map<K, Source>, index: K, key: unknown): Source {
  let source = sources.get(index);
  if (source === undefined) sources.set(index, (source = new KeyedSource(key)));
  return source;
}

function older(one: Envelope | undefined, other: Envelope | undefined): Envelope | undefined {
  return one === undefined || (other !== undefined && other.arrival < one.arrival) ? other : one;
}

function appendToLane(ends: LaneEnds, envelope: Envelope): void {
  envelope.olderInLane = ends.newest;
  if (ends.newest === undefined) ends.oldest = envelope;
  else ends.newest.newerInLane = envelope;
  ends.newest = envelope;
}

function removeFromLane(ends: LaneEnds, envelope: Envelope): void {
  if (envelope.olderInLane === undefined) ends.oldest = envelope.newerInLane;
  else envelope.olderInLane.newerInLane = envelope.newerInLane;
  if (envelope.newerInLane === undefined) ends.newest = envelope.olderInLane;
  else envelope.newerInLane.olderInLane = envelope.olderInLane;
}
