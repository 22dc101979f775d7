// Names for the tests: what the system's resolver, not ours, would have found in a file of hosts.

import dns from "node:dns";
import { jest } from "@jest/globals";

type Found = (error: NodeJS.ErrnoException | null, addresses: readonly dns.LookupAddress[]) => void;

type Answer = readonly string[] | "silence";

/** The addresses of some names, in both IP versions. What is not there is not found; "silence" is never answered. */
export type Names = Readonly<Record<string, { readonly 4?: Answer; readonly 6?: Answer }>>;

/**
 * Lets the system know these names and no others, until the end of the block. Servers that listen on an address ask the
 * resolver too: let them listen before.
 */
export function hosts(names: Names): Disposable {
  const lookup = (host: string, options: dns.LookupOptions, found: Found): void => {
    const family = options.family === 6 ? 6 : 4;
    const answer = names[host]?.[family] ?? [];
    if (answer === "silence") return;
    setImmediate(() => {
      if (answer.length > 0)
        found(
          null,
          answer.map((address) => ({ address, family })),
        );
      else found(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" }), []);
    });
  };
  const spy = jest.spyOn(dns, "lookup").mockImplementation(lookup as unknown as typeof dns.lookup);
  return {
    [Symbol.dispose]: () => {
      spy.mockRestore();
    },
  };
}
