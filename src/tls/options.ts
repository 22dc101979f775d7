import type { SecureVersion } from "node:tls";
import { checkOptionNames } from "../process/option-names.ts";
import { valueText } from "../process/value-text.ts";
import { checkBoolean, checkHost, checkMilliseconds, checkOneOf } from "../tcp/option-checks.ts";

/** A certificate, a key or a list of revoked certificates: PEM as text or bytes. */
export type Pem = string | Uint8Array;

/** Who one is, and how that is proven. */
export interface TlsCredentials {
  /** The certificate, and behind it those that lead to the authority, without the authority's own. */
  readonly cert?: Pem | undefined;
  /** The certificate's private key. */
  readonly key?: Pem | undefined;
  /** Certificate and key in one, as PKCS#12, instead of `cert` and `key`. */
  readonly pfx?: Uint8Array | undefined;
  /** What `key` or `pfx` is encrypted with. */
  readonly passphrase?: string | undefined;
}

/** What both sides may say. */
interface CommonOptions extends TlsCredentials {
  /** The authorities that are trusted, and no others. Default: those that Node brings along. Source: ssl's `cacerts`. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The certificates that were revoked, by each authority; then every certificate of the chain needs a list. */
  readonly crl?: Pem | readonly Pem[] | undefined;
  /** Cipher suites by OpenSSL's names, with `:` between them. Default: Node's. */
  readonly ciphers?: string | undefined;
  /** Default `TLSv1.2`, and nothing below it. */
  readonly minVersion?: TlsVersion | undefined;
  /** Default `TLSv1.3`. */
  readonly maxVersion?: TlsVersion | undefined;
  /** Milliseconds for the handshake, after which the connection is closed. Default 10000, where ssl has no limit. */
  readonly handshakeTimeout?: number | undefined;
}

/** The versions of TLS. Source: ssl's `tlsv1.2` and `tlsv1.3`, by Node's names. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How a client speaks TLS: plain data, so that it can be a machine's input. */
export interface TlsClientOptions extends CommonOptions {
  /**
   * Whether the server has to prove, by a certificate that an authority of `ca` stands for, that it is
   * `serverNameIndication`. Default `VerifyPeer`. With `VerifyNone` whoever is between the two can read and change
   * everything. Source: ssl's `verify`; the environment variable that makes Node trust everybody is not listened to.
   */
  readonly verify?: "VerifyPeer" | "VerifyNone" | undefined;
  /**
   * The name that the server is asked for and that its certificate must be for; an address is compared and not sent.
   * Default: the `host` of `connect`; `upgrade`, which knows none, needs it to verify. Source: ssl's
   * `server_name_indication`.
   */
  readonly serverNameIndication?: string | undefined;
  /** The application protocols to offer by ALPN, the best first: `negotiatedProtocol` says which the server took. Default: none. */
  readonly alpnAdvertisedProtocols?: readonly string[] | undefined;
  /**
   * The session of an earlier connection to this server, by `session`, to resume with fewer round trips. One that is
   * damaged, or was made with another `ca` or `crl`, is as one that the server has forgotten: the handshake is a whole one.
   * Resumed, the server counts as who it was then, and has to be `serverNameIndication` as before.
   */
  readonly session?: Uint8Array | undefined;
  /**
   * What becomes of bytes that were received in plain text and not taken when `upgrade` begins. Never are they received
   * as if they had come encrypted: that would let whoever is in between put words into the server's mouth. By default,
   * `HandOver`, they are the beginning of the handshake, which anything but that makes fail; `Discard` drops them.
   */
  readonly unread?: "HandOver" | "Discard" | undefined;
}

/** How a server speaks TLS. */
export interface TlsServerOptions extends CommonOptions {
  /**
   * Whether clients have to prove who they are (mutual TLS), by a certificate that an authority of `ca` stands for.
   * Default `VerifyNone`. Source: ssl's `verify`.
   */
  readonly verify?: "VerifyPeer" | "VerifyNone" | undefined;
  /** With `VerifyPeer`, whether one without a certificate is refused. Default true, where ssl has false. */
  readonly failIfNoPeerCert?: boolean | undefined;
  /** The application protocols, the best first; a client that offers others only is refused. Default: ALPN is not answered. */
  readonly alpnPreferredProtocols?: readonly string[] | undefined;
  /**
   * Other certificates by the name that the client asks for; `*.example.org` is for the names one label below. For
   * names that are not here, `cert` is shown. Source: ssl's `sni_hosts`.
   */
  readonly sniHosts?: Readonly<Record<string, TlsCredentials>> | undefined;
  /** As for a client. A server that talks plain text first should not need `Discard`. */
  readonly unread?: "HandOver" | "Discard" | undefined;
}

/** What the compiler would say of options, for JavaScript and for data from elsewhere; PEM is OpenSSL's to check. */
export function checkClientOptions(action: string, options: TlsClientOptions): void {
  checkNames(action, "the options", options, clientOptionNames);
  checkCommonOptions(action, options);
  const { serverNameIndication, alpnAdvertisedProtocols, session } = options;
  if (serverNameIndication !== undefined) checkHost(action, "serverNameIndication", serverNameIndication);
  checkProtocols(action, "alpnAdvertisedProtocols", alpnAdvertisedProtocols);
  if (session !== undefined) checkSecretBytes(action, "session", session);
}

/** As `checkClientOptions`. */
export function checkServerOptions(action: string, options: TlsServerOptions): void {
  checkNames(action, "the options", options, serverOptionNames);
  checkCommonOptions(action, options);
  const { cert, pfx, failIfNoPeerCert, alpnPreferredProtocols, sniHosts = {} } = options;
  if (cert === undefined && pfx === undefined) {
    throw new TypeError(`Cannot ${action}: a server needs a certificate, as cert and key or as pfx`);
  }
  if (failIfNoPeerCert !== undefined) checkBoolean(action, "failIfNoPeerCert", failIfNoPeerCert);
  checkProtocols(action, "alpnPreferredProtocols", alpnPreferredProtocols);
  checkObject(action, "sniHosts", sniHosts);
  for (const [name, credentials] of Object.entries(sniHosts)) {
    checkHost(action, "a name in sniHosts", name);
    checkNames(action, "what sniHosts has for a name", credentials, credentialNames);
    checkCredentials(action, credentials);
    if (credentials.cert === undefined && credentials.pfx === undefined) {
      throw new TypeError(`Cannot ${action}: ${name} in sniHosts needs a certificate, as cert and key or as pfx`);
    }
  }
}

function checkCommonOptions(action: string, options: TlsClientOptions | TlsServerOptions): void {
  const { ca, crl, ciphers, minVersion, maxVersion, handshakeTimeout, verify, unread } = options;
  checkCredentials(action, options);
  for (const pem of listOf(ca)) checkPem(action, "ca", pem);
  for (const pem of listOf(crl)) checkPem(action, "crl", pem);
  if (ciphers !== undefined && typeof ciphers !== "string") throw wrong(action, "ciphers", "text", ciphers);
  if (minVersion !== undefined) checkOneOf(action, "minVersion", minVersion, versions);
  if (maxVersion !== undefined) checkOneOf(action, "maxVersion", maxVersion, versions);
  if (minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    throw new RangeError(`Cannot ${action}: minVersion must not be above maxVersion`);
  }
  if (handshakeTimeout !== undefined) checkMilliseconds(action, "handshakeTimeout", handshakeTimeout);
  if (verify !== undefined) checkOneOf(action, "verify", verify, ["VerifyPeer", "VerifyNone"]);
  if (unread !== undefined) checkOneOf(action, "unread", unread, ["HandOver", "Discard"]);
}

function checkCredentials(action: string, { cert, key, pfx, passphrase }: TlsCredentials): void {
  if (cert !== undefined) checkPem(action, "cert", cert);
  if (key !== undefined) checkPem(action, "key", key);
  if (pfx !== undefined) checkSecretBytes(action, "pfx", pfx);
  if (passphrase !== undefined && typeof passphrase !== "string") {
    throw new TypeError(`Cannot ${action}: passphrase must be text`); // and is not shown
  }
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError(`Cannot ${action}: cert and key need each other`);
}

// None of these is shown, as it may be a key.

function checkNames(action: string, what: string, value: unknown, known: readonly string[]): void {
  checkObject(action, what, value);
  checkOptionNames(action, value, known);
}

function checkObject(action: string, what: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  const kind = value === null ? "null" : typeof value;
  throw new TypeError(`Cannot ${action}: ${what} must be an object, received ${kind}`);
}

function checkSecretBytes(action: string, name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`Cannot ${action}: ${name} must be bytes`);
}

function checkPem(action: string, name: string, value: unknown): void {
  if ((typeof value === "string" && value !== "") || (value instanceof Uint8Array && value.length > 0)) return;
  throw new TypeError(`Cannot ${action}: ${name} must be PEM, as text or bytes that are not empty`);
}

function checkProtocols(action: string, name: string, protocols: unknown): void {
  if (protocols === undefined) return;
  const isProtocol = (value: unknown): boolean =>
    typeof value === "string" && value !== "" && Buffer.byteLength(value) <= 255;
  if (Array.isArray(protocols) && protocols.length > 0 && protocols.every(isProtocol)) return;
  throw wrong(action, name, "names of 1 to 255 bytes", protocols);
}

function wrong(action: string, name: string, expected: string, received: unknown): TypeError {
  return new TypeError(`Cannot ${action}: ${name} must be ${expected}, received ${valueText(received)}`);
}

/** One or several, as a list. */
export function listOf<T>(values: T | readonly T[] | undefined): readonly T[] {
  if (values === undefined) return [];
  return Array.isArray(values) ? (values as readonly T[]) : [values as T];
}

const versions: readonly SecureVersion[] = ["TLSv1.2", "TLSv1.3"];

const credentialRecord = { cert: true, key: true, pfx: true, passphrase: true } satisfies Record<
  keyof TlsCredentials,
  true
>;
const commonRecord = {
  ...credentialRecord,
  ca: true,
  crl: true,
  ciphers: true,
  minVersion: true,
  maxVersion: true,
  handshakeTimeout: true,
  verify: true,
  unread: true,
} as const;
const credentialNames = Object.keys(credentialRecord);
const clientOptionNames = Object.keys({
  ...commonRecord,
  serverNameIndication: true,
  alpnAdvertisedProtocols: true,
  session: true,
} satisfies Record<keyof TlsClientOptions, true>);
const serverOptionNames = Object.keys({
  ...commonRecord,
  failIfNoPeerCert: true,
  alpnPreferredProtocols: true,
  sniHosts: true,
} satisfies Record<keyof TlsServerOptions, true>);
