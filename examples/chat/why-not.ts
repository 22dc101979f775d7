// Why there is no connection, in words.

import { describeError, type ConnectError } from "tankard";
import type { TlsError } from "tankard/tls";

/** That a name has no address of one kind is no news where an address of the other kind was tried. */
export function whyNot(error: ConnectError | TlsError): string {
  const reasons = "attempts" in error ? error.attempts.map(({ reason }) => reason) : [];
  return describeError(reasons.find((reason) => reason !== "Nxdomain") ?? reasons[0] ?? error);
}
