import dns from "node:dns";
import { familyOf } from "./address.ts";

/**
 * Finds the addresses of a host in one IP version and calls back, once. Node's `dns.lookup` is one, and so is what caches
 * it; what is not of that version, or no address, is left out.
 */
export type Lookup = (
  host: string,
  options: { readonly family: 4 | 6; readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly { readonly address: string }[]) => void,
) => unknown;

/** What C reads as an address in hexadecimal and inet does not; nor should a filter for addresses be got around by it. */
const hexadecimal = /^(?=.*0x)(?:(?:0x[\da-f]*|\d+)(?:\.|$)){1,4}$/i;

/**
 * The addresses of a host in one IP version, one at least, as `lookup` knows them, or without it. One of the two
 * functions is called, once, and never inside this call.
 *
 * @returns what keeps both from being called; the lookup itself cannot be stopped
 */
export function resolve(
  host: string,
  family: 4 | 6,
  lookup: Lookup,
  found: (addresses: readonly string[]) => void,
  failed: (code: string) => void,
): () => void {
  let isOver = false;
  const finish = (tell: () => void): void => {
    process.nextTick(() => {
      if (isOver) return;
      isOver = true;
      tell();
    });
  };
  const answer = (addresses: readonly string[]): void => {
    finish(() => {
      if (addresses.length > 0) found(addresses);
      else failed("ENOTFOUND");
    });
  };
  const known = addressesWithoutLookup(host, family);
  if (known !== undefined) answer(known);
  else {
    const fail = (error: unknown): void => {
      finish(() => {
        failed(codeOf(error));
      });
    };
    ask(lookup, host, family, answer, fail);
  }
  return () => {
    isOver = true;
  };
}

/** An address is its own answer, in its own version; nothing where `host` has to be looked up. */
export function addressesWithoutLookup(host: string, family: 4 | 6): readonly string[] | undefined {
  const literal = familyOf(host);
  if (literal !== undefined) return literal === family ? [host] : [];
  return hexadecimal.test(host) ? [] : undefined;
}

/** Whatever a lookup of somebody else's does, it is an answer or an error, and no exception. */
function ask(
  lookup: Lookup,
  host: string,
  family: 4 | 6,
  answer: (addresses: readonly string[]) => void,
  fail: (error: unknown) => void,
): void {
  const hear = (error: unknown, found: unknown): void => {
    if (error !== null && error !== undefined) fail(error);
    else answer(addressesIn(found).filter((address) => familyOf(address) === family));
  };
  try {
    const returned = lookup(host, { family, all: true }, hear);
    if (returned instanceof Promise) returned.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** As `getaddrinfo` says of a name that is too long, it is not found. */
function codeOf(error: unknown): string {
  const code = (error as Partial<NodeJS.ErrnoException> | undefined)?.code ?? "";
  return code === "EINVAL" ? "ENOTFOUND" : code;
}

/** Some lookups give one address as it is, though they were asked for all. */
function addressesIn(found: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(found) ? found : [found];
  return all
    .map((one) => (typeof one === "string" ? one : (one as { readonly address?: unknown } | undefined)?.address))
    .filter((address) => typeof address === "string");
}

/** As the system knows them. */
export const systemLookup: Lookup = (host, options, callback) => {
  dns.lookup(host, options, callback);
};
