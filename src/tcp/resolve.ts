import dns from "node:dns";

/** What C reads as an address in hexadecimal and inet does not; nor should a filter for addresses be got around by it. */
const hexadecimal = /^(?=.*0x)(?:(?:0x[\da-f]*|\d+)(?:\.|$)){1,4}$/i;

/** The addresses of a host in one IP version, as the system knows them. One of the two functions is called, once. */
export function resolve(
  host: string,
  family: 4 | 6,
  found: (addresses: readonly string[]) => void,
  failed: (code: string) => void,
): void {
  if (hexadecimal.test(host)) {
    process.nextTick(failed, "ENOTFOUND");
    return;
  }
  dns.lookup(host, { family, all: true }, (error, addresses) => {
    if (error !== null)
      failed(error.code === "EINVAL" ? "ENOTFOUND" : (error.code ?? "")); // a name that is too long
    else found(addresses.map(({ address }) => address));
  });
}
