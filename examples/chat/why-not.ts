// Why there is no connection, in words.

import { describeError, type ConnectError } from "tankard";

/** That a name has no address of one kind is no news where an address of the other kind was tried. */
export function whyNot(error: ConnectError): string {
  const reasons = error.attempts.map(({ reason }) => reason);
  return describeError(reasons.find((reason) => reason !== "Nxdomain") ?? reasons[0] ?? error);
}
