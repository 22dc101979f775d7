import { Alarm, type Alarms } from "../process/alarm.ts";

/** An IP version. */
export type Family = 4 | 6;

/** What the race is run with. Each calls one of its two functions, once and later, and gives what keeps it from that. */
export interface Course<T> {
  /** Finds the addresses of one IP version: one at least, or why there are none. */
  lookUp(family: Family, found: (addresses: readonly string[]) => void, failed: (code: string) => void): () => void;
  dial(address: string, family: Family, connected: (connection: T) => void, failed: (code: string) => void): () => void;
}

/** How the race ended: with a connection, or with nothing more to try. */
export interface Finish<T> {
  won(connection: T): void;
  /** One lookup or attempt has failed. */
  failed(family: Family, address: string | undefined, code: string): void;
  /** All have. */
  lost(): void;
}

/** How long an answer of IPv4 waits for that of IPv6, which it has overtaken. Source: RFC 8305, Resolution Delay. */
const resolutionDelayMs = 50;
/** How long an attempt is alone before the next begins beside it. Source: RFC 8305, Connection Attempt Delay. */
const attemptDelayMs = 250;

/**
 * Connects to the first address that answers: both IP versions are looked up at once, and their addresses are tried in
 * turns, IPv6 first, each a while after the one before, or as soon as that has failed. The first connection ends the race.
 *
 * Source: RFC 8305, "Happy Eyeballs Version 2". Addresses of one version keep the resolver's order.
 */
export class HappyEyeballs<T> {
  readonly #course: Course<T>;
  readonly #finish: Finish<T>;
  readonly #alarms: Alarms;
  /** Lookups that are under way. */
  readonly #lookups = new Map<Family, () => void>();
  /** Attempts that are under way. */
  readonly #attempts = new Set<Attempt>();
  /** Addresses that were found and not tried. */
  readonly #addresses: Readonly<Record<Family, string[]>> = { 4: [], 6: [] };
  /** Whose turn it is, where there is a choice. */
  #turn: Family = 6;
  #state: "resolving" | "connecting" | "over" = "resolving";
  /** Whether the last attempt has been alone for long enough. */
  #isNextDue = true;
  readonly #resolutionDelay = new Alarm(() => {
    this.#begin();
  });
  readonly #attemptDelay = new Alarm(() => {
    this.#isNextDue = true;
    this.#tryNext();
  });

  constructor(course: Course<T>, finish: Finish<T>, alarms: Alarms) {
    this.#course = course;
    this.#finish = finish;
    this.#alarms = alarms;
  }

  start(): void {
    // No answer comes inside this: both are under way before there is one.
    for (const family of [6, 4] as const) this.#lookUp(family);
  }

  /** Stops everything; nobody is called any more. */
  cancel(): void {
    this.#state = "over";
    for (const stop of this.#lookups.values()) stop();
    for (const { stop } of this.#attempts) stop();
    this.#lookups.clear();
    this.#attempts.clear();
    this.#alarms.clear(this.#resolutionDelay);
    this.#alarms.clear(this.#attemptDelay);
  }

  /** Its time is over: what is under way has failed with `code`, and the race is lost. */
  expire(code: string): void {
    if (this.#isOver) return;
    const attempts = [...this.#attempts];
    const lookups = [...this.#lookups.keys()];
    this.cancel();
    for (const { address, family } of attempts) this.#finish.failed(family, address, code);
    for (const family of lookups) this.#finish.failed(family, undefined, code);
    this.#finish.lost();
  }

  #lookUp(family: Family): void {
    const stop = this.#course.lookUp(
      family,
      (addresses) => {
        this.#lookups.delete(family);
        this.#addresses[family].push(...addresses);
        this.#hearOf(family);
      },
      (code) => {
        this.#lookups.delete(family);
        this.#finish.failed(family, undefined, code);
        this.#hearOf(family);
      },
    );
    this.#lookups.set(family, stop);
  }

  /** A lookup is done. */
  #hearOf(family: Family): void {
    if (this.#state === "connecting") this.#tryNext();
    else if (this.#addresses[6].length > 0 || this.#lookups.size === 0) this.#begin();
    else if (family === 4 && this.#addresses[4].length > 0)
      this.#alarms.set(this.#resolutionDelay, this.#alarms.clock.now() + resolutionDelayMs);
  }

  #begin(): void {
    if (this.#state !== "resolving") return;
    this.#alarms.clear(this.#resolutionDelay);
    this.#state = "connecting";
    this.#tryNext();
  }

  #tryNext(): void {
    if (this.#isOver) return;
    const isIdle = this.#attempts.size === 0;
    if (!this.#isNextDue && !isIdle) return;
    const family = this.#addresses[this.#turn].length > 0 ? this.#turn : otherThan(this.#turn);
    const address = this.#addresses[family].shift();
    if (address !== undefined) this.#attempt(address, family);
    else if (isIdle && this.#lookups.size === 0) {
      this.cancel();
      this.#finish.lost();
    }
  }

  #attempt(address: string, family: Family): void {
    this.#turn = otherThan(family);
    this.#isNextDue = false;
    this.#alarms.set(this.#attemptDelay, this.#alarms.clock.now() + attemptDelayMs);
    const attempt: Attempt = { address, family, stop: nothing };
    this.#attempts.add(attempt);
    attempt.stop = this.#course.dial(
      address,
      family,
      (connection) => {
        this.#attempts.delete(attempt);
        this.cancel();
        this.#finish.won(connection);
      },
      (code) => {
        this.#attempts.delete(attempt);
        this.#finish.failed(family, address, code);
        this.#isNextDue = true; // nobody waits for one that has failed
        this.#tryNext();
      },
    );
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }
}

interface Attempt {
  readonly address: string;
  readonly family: Family;
  stop: () => void;
}

const nothing = (): void => undefined;

function otherThan(family: Family): Family {
  return family === 4 ? 6 : 4;
}
