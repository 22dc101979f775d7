import { constants, X509Certificate } from "node:crypto";
import tls, { type SecureContext } from "node:tls";
import { listOf, type Pem, type TlsClientOptions, type TlsCredentials, type TlsServerOptions } from "./options.ts";
import { digestOf } from "./session.ts";

/**
 * OpenSSL's form of certificates and rules. `credentials` are shown, where they are others than those of `options`.
 *
 * @throws TypeError for what OpenSSL cannot read, with its own error as the cause
 */
export function secureContext(
  action: string,
  options: TlsClientOptions | TlsServerOptions,
  credentials: TlsCredentials = options,
): SecureContext {
  const { ca, crl, ciphers, minVersion = "TLSv1.2", maxVersion = "TLSv1.3" } = options;
  const { cert, key, pfx, passphrase } = credentials;
  const authorities = listOf(ca).map(textOf);
  try {
    checkAuthorities(authorities);
    return tls.createSecureContext({
      ...(ca === undefined ? {} : { ca: authorities }),
      ...(crl === undefined ? {} : { crl: listOf(crl).map(textOf) }),
      ...(cert === undefined ? {} : { cert: textOf(cert) }),
      ...(key === undefined ? {} : { key: textOf(key) }),
      ...(pfx === undefined ? {} : { pfx: Buffer.from(pfx) }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(ciphers === undefined ? {} : { ciphers }),
      minVersion,
      maxVersion,
      honorCipherOrder: true, // a server's: a client has no other
      sessionIdContext: "tankard", // OpenSSL wants one before it resumes sessions of clients that have proven who they are
      // In TLS 1.2 each side could ask for another handshake in mid-stream, which has only ever served attacks.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot ${action}: OpenSSL cannot use these certificates, keys or ciphers (${text})`, {
      cause,
    });
  }
}

/** What a client shakes hands with. */
export interface ClientContext {
  readonly context: SecureContext;
  /** Stands for all by whom the certificates of peers are judged. */
  readonly trust: Buffer;
}

interface KeptContext extends ClientContext {
  readonly madeOf: string;
}

/** Whoever connects again mostly trusts the same, and to make a context takes a quarter of a connection's time. */
const kept: KeptContext[] = [];
const mostKept = 8;

/**
 * As `secureContext`, for a client. One is kept for the next who trusts the same, unless a certificate of one's own is in it,
 * whose key is nobody's to keep, or it trusts whom Node trusts, which may change.
 */
export function clientContext(action: string, options: TlsClientOptions): ClientContext {
  const { ca, crl, ciphers = tls.DEFAULT_CIPHERS, minVersion, maxVersion, cert, pfx } = options;
  const trusted = JSON.stringify([ca, crl].map((pem) => (pem === undefined ? undefined : listOf(pem).map(textOf))));
  const make = (): ClientContext => ({ context: secureContext(action, options), trust: digestOf(trusted) });
  if (ca === undefined || cert !== undefined || pfx !== undefined) return make();
  const madeOf = JSON.stringify([trusted, ciphers, minVersion, maxVersion]);
  const known = kept.find((other) => other.madeOf === madeOf);
  if (known !== undefined) return known;
  const made = { ...make(), madeOf };
  kept.push(made);
  if (kept.length > mostKept) kept.shift();
  return made;
}

/** Where a certificate stands in PEM: before it. */
const beginning = /(?=-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----)/;

/** Those that were found right last: who connects again mostly trusts the same, and reading them takes long. */
let checked: readonly string[] = [];

function checkAuthorities(pems: readonly string[]): void {
  if (pems.every((pem, place) => pem === checked[place])) return;
  for (const pem of pems) checkAuthority(pem);
  checked = pems;
}

/** OpenSSL passes over what it cannot read here, and others would be trusted than was meant. */
function checkAuthority(pem: string): void {
  const blocks = pem.split(beginning).filter((text) => beginning.test(text));
  const certificates = blocks.map((block) => new X509Certificate(block));
  if (certificates.length === 0) throw new Error("no certificate in ca");
}

function textOf(pem: Pem): string {
  return typeof pem === "string" ? pem : Buffer.from(pem).toString("latin1");
}
