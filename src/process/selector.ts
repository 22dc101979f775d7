import type { Mailbox, Source } from "./mailbox.ts";
import type { OwnSubject, Subject, yields } from "./subject.ts";

/**
 * What kind of thing a message came from. The messages of all sockets, of all monitors and of exits are a class; so is
 * what sockets say to those alone that ask for it: that they are passive again, and, to an XState actor, what became of
 * what it sent.
 */
export type Lane = "subject" | "socket" | "passive" | "sent" | "monitor" | "exit" | "raw";

/** A subject, as its mailbox sees it. */
export interface SubjectKey {
  readonly mailbox: Mailbox;
  readonly source: Source;
}

/** What every subject says of itself. */
export interface Keyed {
  readonly key: SubjectKey | undefined;
}

/** Asks for arrays of `fields` values behind `tag`. */
export interface RecordKey {
  readonly tag: unknown;
  readonly fields: number;
}

/** One thing that a selector waits for. All have the same shape, which keeps the search through them fast. */
export type Entry =
  | { readonly kind: "subject"; readonly key: SubjectKey; readonly mapper: Mapper }
  | { readonly kind: "source"; readonly key: object; readonly mapper: Mapper }
  | { readonly kind: "record"; readonly key: RecordKey; readonly mapper: Mapper }
  | { readonly kind: "lane"; readonly key: Lane; readonly mapper: Mapper }
  | { readonly kind: "other"; readonly key: undefined; readonly mapper: Mapper };

type Mapper = (message: unknown) => unknown;

/** @internal One function for all that need no other. */
export const unchanged = <M>(message: M): M => message;

let make: <M>(entries: readonly Entry[]) => Selector<M>;
/** @internal What `selector` waits for, from the special to the general. */
export let entriesOf: (selector: Selector<unknown>) => readonly Entry[];
let socketMapperOf: (selector: Selector<unknown>) => Mapper | undefined;

/**
 * Says which messages a process waits for, and what each becomes when it is taken. Immutable: every method gives a
 * new selector, so one can be built once and used for ever.
 *
 * A receive takes the oldest message that any entry asks for, whatever the order of the entries; what nobody asks
 * for stays in the mailbox. A mapper runs when its message is taken; if it throws, the message is gone and the
 * receive throws. Source: `gleam/erlang/process.Selector`.
 */
export class Selector<out M> {
  /** The type of what a receive gives; no such property exists. */
  declare readonly [yields]: M;
  readonly #entries: readonly Entry[];
  /** What becomes of a socket's message, where it is the same for every socket: packets need no search. */
  readonly #socketMapper: Mapper | undefined;

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    if (!entries.some(({ kind }) => kind === "source")) this.#socketMapper = search(entries, "socket", undefined);
  }

  static {
    make = (entries) => new Selector(entries);
    entriesOf = (selector) => selector.#entries;
    socketMapperOf = (selector) => selector.#socketMapper;
  }

  /** Waits for the messages of `subject` too, as they are. Source: `process.select`. */
  select<N>(subject: OwnSubject<N>): Selector<M | N> {
    return this.selectMap(subject, unchanged);
  }

  /**
   * Waits for the messages of `subject` too, each turned into an `N` by `mapper`. A later entry for the same subject
   * replaces the earlier.
   *
   * @throws TypeError for something that is no subject
   * Source: `process.select_map`.
   */
  selectMap<S, const N>(subject: OwnSubject<S>, mapper: (message: S) => N): Selector<M | N> {
    const key = keyOf(subject);
    if (key === undefined) throw new TypeError("Cannot select: expected a subject that a process receives from");
    return withEntry(this, "subject", key, mapper as Mapper);
  }

  /**
   * Takes every message that has no entry of its own, of any kind: from other subjects, sockets, monitors, exits and
   * `tell`. Source: `process.select_other`.
   */
  selectOther<const N>(mapper: (message: unknown) => N): Selector<M | N> {
    return withEntry(this, "other", undefined, mapper);
  }

  /** Changes what every entry so far gives; entries added later are not touched. Source: `process.map_selector`. */
  map<const N>(mapper: (message: M) => N): Selector<N> {
    return make(
      this.#entries.map((entry): Entry => ({ ...entry, mapper: (message) => mapper(entry.mapper(message) as M) })),
    );
  }

  /** The entries of both; where both wait for the same thing, that of `other` wins. Source: `process.merge_selector`. */
  merge<N>(other: Selector<N>): Selector<M | N> {
    return other.#entries.reduce(
      (merged: Selector<M | N>, entry) => withEntry(merged, entry.kind, entry.key, entry.mapper),
      this,
    );
  }

  /** No longer waits for `subject`. Source: `process.deselect`. */
  deselect(subject: Subject<never>): Selector<M> {
    const key = keyOf(subject);
    return key === undefined ? this : withoutEntry(this, "subject", key);
  }
}

/** A selector that waits for nothing yet. Source: `process.new_selector`. */
export function newSelector(): Selector<never> {
  return empty;
}

const empty = make<never>([]);

/**
 * Waits for untyped messages (`Process.tell`) that are arrays: `tag` first, then as many values as `fields` says.
 * Such an entry beats `selectOther`. Source: `process.select_record`.
 */
export function selectRecord<M, const N>(
  selector: Selector<M>,
  tag: unknown,
  fields: number,
  mapper: (record: readonly unknown[]) => N,
): Selector<M | N> {
  return withEntry(selector, "record", { tag, fields }, mapper as Mapper);
}

const generality = { subject: 0, source: 0, record: 0, lane: 1, other: 2 } as const satisfies Record<
  Entry["kind"],
  number
>;

/** @internal `selector` with one more entry, or with another mapper for what it waits for already. */
export function withEntry<M, N, K extends Entry["kind"]>(
  selector: Selector<M>,
  kind: K,
  key: Extract<Entry, { readonly kind: K }>["key"],
  mapper: Mapper,
): Selector<M | N> {
  const added = { kind, key, mapper } as Entry;
  const before = entriesOf(selector);
  return make(insert(asksFor(before, added) ? without(before, added) : before, added));
}

/** Behind all that are as special as it is. By hand, as an actor that starts and stops does little else. */
function insert(entries: readonly Entry[], added: Entry): readonly Entry[] {
  const result = new Array<Entry>(entries.length + 1); // one that grows would keep room for 17
  let place = 0;
  for (const entry of entries) {
    if (generality[entry.kind] > generality[added.kind]) break;
    result[place++] = entry;
  }
  result[place] = added;
  for (; place < entries.length; place++) result[place + 1] = entries[place] as Entry;
  return result;
}

function asksFor(entries: readonly Entry[], added: Entry): boolean {
  for (const entry of entries) if (asksForTheSame(entry, added)) return true;
  return false;
}

function without(entries: readonly Entry[], unwanted: Entry): readonly Entry[] {
  return entries.filter((entry) => !asksForTheSame(entry, unwanted));
}

/** @internal `selector` without the entry that waits for this. */
export function withoutEntry<M, K extends Entry["kind"]>(
  selector: Selector<M>,
  kind: K,
  key: Extract<Entry, { readonly kind: K }>["key"],
): Selector<M> {
  return make(without(entriesOf(selector), { kind, key, mapper: unchanged } as Entry));
}

/** What a receive may ask for: what a selector says, or one subject, which needs none. */
export type Wanted = Selector<unknown> | SubjectKey;

/** @internal What a message that has just come becomes, or nothing where it is not `wanted`. */
export function mapperFor(wanted: Wanted, lane: Lane, key: unknown, message: unknown): Mapper | undefined {
  if (!(wanted instanceof Selector)) return wanted === key ? unchanged : undefined;
  const known = lane === "socket" ? socketMapperOf(wanted) : undefined;
  return known ?? search(entriesOf(wanted), lane, key, message);
}

function search(entries: readonly Entry[], lane: Lane, key: unknown, message?: unknown): Mapper | undefined {
  for (const entry of entries) {
    if (takes(entry, lane, key, message)) return entry.mapper;
  }
  return undefined;
}

function takes(entry: Entry, lane: Lane, key: unknown, message: unknown): boolean {
  switch (entry.kind) {
    case "subject":
      return entry.key === key;
    case "source":
      return entry.key === key && lane !== "passive";
    case "record":
      return lane === "raw" && Array.isArray(message) && isRecord(message, entry.key);
    case "lane":
      return entry.key === lane;
    case "other":
      return true;
  }
}

function isRecord(message: readonly unknown[], key: RecordKey): boolean {
  return message.length === key.fields + 1 && isSameTag(message[0], key.tag);
}

function asksForTheSame(one: Entry, other: Entry): boolean {
  if (one.kind === "record" && other.kind === "record") {
    return one.key.fields === other.key.fields && isSameTag(one.key.tag, other.key.tag);
  }
  return one.kind === other.kind && one.key === other.key;
}

/** As the keys of a Map, in which records stand in a mailbox: NaN is itself. */
function isSameTag(one: unknown, other: unknown): boolean {
  return one === other || (one !== one && other !== other);
}

/** The messages that `subject` stands for at this moment; none for a name that nobody holds. */
function keyOf(subject: Subject<never>): SubjectKey | undefined {
  return (subject as Partial<Keyed>).key;
}
