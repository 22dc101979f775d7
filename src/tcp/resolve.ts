import dns from "node:dns";

/** The addresses of a host in one IP version, as the system knows them. One of the two functions is called, once. */
export function resolve(
  host: string,
  family: 4 | 6,
  found: (addresses: readonly string[]) => void,
  failed: (code: string) => void,
): void {
  dns.lookup(host, { family, all: true }, (error, addresses) => {
    if (error !== null) failed(error.code ?? "");
    else found(addresses.map(({ address }) => address));
  });
}
