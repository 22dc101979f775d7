// The keys and their values, and what each request makes of them. It knows no network, no process and no clock.

import { type Failure, failure, type Reply, status, type Status } from "./resp.ts";

/** What a database is asked. Times are in milliseconds. */
export type Request =
  | { readonly type: "Get"; readonly key: string }
  | {
      readonly type: "Set";
      readonly key: string;
      readonly value: string;
      readonly expiresInMs: number | undefined;
      /** Only where the key is not there, or only where it is. */
      readonly only: "NX" | "XX" | undefined;
    }
  | { readonly type: "Delete"; readonly keys: readonly string[] }
  | { readonly type: "Exists"; readonly keys: readonly string[] }
  | { readonly type: "Increment"; readonly key: string }
  | { readonly type: "Expire"; readonly key: string; readonly inMs: number }
  | { readonly type: "TimeToLive"; readonly key: string };

const OK: Status = status("OK");
export const NOT_AN_INTEGER: Failure = failure("ERR value is not an integer or out of range");
const OVERFLOW = failure("ERR increment or decrement would overflow");
const LARGEST_INTEGER = 2n ** 63n - 1n;

/** The integer that the text is, of 64 bits as in Redis, written as Redis writes it. */
export function integerOf(text: string): bigint | undefined {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > LARGEST_INTEGER || value < -LARGEST_INTEGER - 1n ? undefined : value;
}

export class Database {
  readonly #values = new Map<string, string>();
  /** When the keys end that do not live for ever. */
  readonly #ends = new Map<string, number>();
  /** Where the sweep goes on. */
  #sweeping = this.#ends.entries();

  /** How many keys are here, also of those whose time is over and that nobody has asked for since. */
  get size(): number {
    return this.#values.size;
  }

  /** `now` is in milliseconds of whatever clock, and never goes back. */
  handle(request: Request, now: number): Reply {
    switch (request.type) {
      case "Get":
        return this.#get(request.key, now) ?? null;
      case "Set": {
        const { key, value, expiresInMs, only } = request;
        if (only !== undefined && this.#has(key, now) !== (only === "XX")) return null;
        this.#values.set(key, value);
        if (expiresInMs !== undefined) this.#ends.set(key, now + expiresInMs);
        else if (this.#ends.size > 0) this.#ends.delete(key);
        return OK;
      }
      case "Delete":
        return count(request.keys, (key) => this.#has(key, now) && this.#delete(key));
      case "Exists":
        return count(request.keys, (key) => this.#has(key, now));
      case "Increment":
        return this.#increment(request.key, now);
      case "Expire":
        if (!this.#has(request.key, now)) return 0;
        if (request.inMs > 0) this.#ends.set(request.key, now + request.inMs);
        else this.#delete(request.key);
        return 1;
      case "TimeToLive": {
        if (!this.#has(request.key, now)) return -2;
        const end = this.#ends.get(request.key);
        return end === undefined ? -1 : Math.round((end - now) / 1_000);
      }
    }
  }

  /** Looks at up to `atMost` keys that do not live for ever, each sweep at others, and forgets those whose time is over. */
  sweep(now: number, atMost: number): void {
    for (let looked = 0; looked < atMost; looked++) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = this.#ends.entries();
        return;
      }
      const [key, end] = next.value;
      if (end <= now) this.#delete(key);
    }
  }

  #get(key: string, now: number): string | undefined {
    if (this.#ends.size > 0 && (this.#ends.get(key) ?? Infinity) <= now) this.#delete(key);
    return this.#values.get(key);
  }

  #has(key: string, now: number): boolean {
    return this.#get(key, now) !== undefined;
  }

  #delete(key: string): boolean {
    this.#ends.delete(key);
    return this.#values.delete(key);
  }

  #increment(key: string, now: number): Reply {
    const value = integerOf(this.#get(key, now) ?? "0");
    if (value === undefined) return NOT_AN_INTEGER;
    if (value === LARGEST_INTEGER) return OVERFLOW;
    this.#values.set(key, `${value + 1n}`);
    return value + 1n;
  }
}

function count(keys: readonly string[], isCounted: (key: string) => boolean): number {
  let counted = 0;
  for (const key of keys) if (isCounted(key)) counted++;
  return counted;
}
