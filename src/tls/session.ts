import { createHash } from "node:crypto";
import type { PeerCertificate } from "../tcp/tls-error.ts";
import { listOf, type TlsClientOptions } from "./options.ts";

/**
 * What a client needs to resume a session with fewer round trips. Who has it can read what is resumed with it: keep it
 * as you keep a key. A server does not show its certificate again then, so it says to whom the session belongs and on
 * whose word; for another server, or another word, it is not used.
 */
export interface TlsSession {
  /** OpenSSL's form of it. */
  readonly ticket: Uint8Array;
  /** The certificate that the server has proven itself with. */
  readonly peercert: PeerCertificate | undefined;
  /** The server's name, and what it was verified against. */
  readonly belongsTo: string;
}

/** Whom a client speaks to, and on whose word it believes that; the same for the same server and the same trust. */
export function belongingOf(
  serverName: string | undefined,
  { ca, crl, verify = "VerifyPeer" }: TlsClientOptions,
): string {
  const trust = createHash("sha256");
  for (const pem of [...listOf(ca), "|", ...listOf(crl)]) trust.update(pem);
  return [serverName ?? "", verify, trust.digest("base64")].join(" ");
}
