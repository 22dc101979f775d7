import type { CallError } from "../process/call.ts";
import type { ExitReason } from "../process/exit.ts";
import { valueText } from "../process/value-text.ts";
import { alerts, certificateReasons, handshakeReasons, type TlsError } from "./tls-error.ts";

/**
 * Why an operation on a socket failed. `Closed` and `Timeout` are the library's own words and `Nxdomain` the
 * resolver's; the others are POSIX names. The list is closed: what Node calls by any other name becomes one of these,
 * in the end `Eio`.
 *
 * Source: `mug.Error`, all 78 of its reasons.
 */
// In lines, or the rest of the file would hide behind 78 lines that say the keys of `descriptions` again.
// prettier-ignore
export type SocketError =
  | "Closed" | "Timeout" | "Eaddrinuse" | "Eaddrnotavail" | "Eafnosupport" | "Ealready" | "Econnaborted"
  | "Econnrefused" | "Econnreset" | "Edestaddrreq" | "Ehostdown" | "Ehostunreach" | "Einprogress" | "Eisconn"
  | "Emsgsize" | "Enetdown" | "Enetunreach" | "Enopkg" | "Enoprotoopt" | "Enotconn" | "Enotty" | "Enotsock" | "Eproto"
  | "Eprotonosupport" | "Eprototype" | "Esocktnosupport" | "Etimedout" | "Ewouldblock" | "Exbadport" | "Exbadseq"
  | "Nxdomain" | "Eacces" | "Eagain" | "Ebadf" | "Ebadmsg" | "Ebusy" | "Edeadlk" | "Edeadlock" | "Edquot" | "Eexist"
  | "Efault" | "Efbig" | "Eftype" | "Eintr" | "Einval" | "Eio" | "Eisdir" | "Eloop" | "Emfile" | "Emlink"
  | "Emultihop" | "Enametoolong" | "Enfile" | "Enobufs" | "Enodev" | "Enolck" | "Enolink" | "Enoent" | "Enomem"
  | "Enospc" | "Enosr" | "Enostr" | "Enosys" | "Enotblk" | "Enotdir" | "Enotsup" | "Enxio" | "Eopnotsupp"
  | "Eoverflow" | "Eperm" | "Epipe" | "Erange" | "Erofs" | "Espipe" | "Esrch" | "Estale" | "Etxtbsy" | "Exdev";

/** One address that `connect` tried, or the host itself where it has no address, and why it failed. */
export interface ConnectAttempt {
  readonly address: string;
  readonly family: 4 | 6;
  readonly reason: SocketError;
  /** Node's own code, where it is not the reason's name in capitals. */
  readonly code?: string | undefined;
}

/** What last went wrong with a socket: the reason, Node's code, and, where there is more to say, that in words. */
export interface LastError {
  readonly reason: SocketError;
  readonly code: string;
  readonly text?: string;
}

/**
 * Why `connect` failed: a reason for each IP version that was tried, or for the unix socket, or what called it off.
 * `attempts` are the single addresses in the order in which they were tried; a name that was not found stands for itself.
 *
 * Source: `mug.ConnectError`; `ConnectFailedUnix`, `ConnectAborted` and `attempts` are additions.
 */
export type ConnectError = { readonly attempts: readonly ConnectAttempt[] } & (
  | { readonly type: "ConnectFailedIpv4"; readonly ipv4: SocketError }
  | { readonly type: "ConnectFailedIpv6"; readonly ipv6: SocketError }
  | { readonly type: "ConnectFailedBoth"; readonly ipv4: SocketError; readonly ipv6: SocketError }
  | { readonly type: "ConnectFailedUnix"; readonly reason: SocketError }
  | { readonly type: "ConnectAborted"; readonly cause: "Signal" | "OwnerExited" }
);

/**
 * Says any error value of the library in words: a phrase in lower case without a full stop, fit for a log line or for
 * the end of a sentence. The words are for people and may change; programs compare the values.
 *
 * @throws TypeError for a value that is none of the library's errors.
 *
 * Source: `mug.describe_error`, which knows the socket's reasons only.
 */
export function describeError(error: SocketError | ConnectError | TlsError | CallError): string {
  if (typeof error === "string") return phrase(descriptions, error);
  const received: unknown = error; // JavaScript callers may hand over anything
  if (typeof received !== "object" || received === null) throw notAnError(received);
  switch (error.type) {
    case "ConnectFailedIpv4":
      return `could not connect over ${tried(error, 4, error.ipv4)}`;
    case "ConnectFailedIpv6":
      return `could not connect over ${tried(error, 6, error.ipv6)}`;
    case "ConnectFailedBoth":
      return `could not connect over ${triedBoth(error)}`;
    case "ConnectFailedUnix":
      return `could not connect over a unix socket (${phrase(descriptions, error.reason)})`;
    case "ConnectAborted":
      return `could not connect: ${phrase(abortions, error.cause)}`;
    case "TlsCertificateRejected":
      return `the peer's certificate was rejected: ${phrase(certificateReasons, error.reason)} [${error.code}]`;
    case "TlsAlert":
      return `the peer refused the TLS handshake: ${phrase(alerts, error.alert)} [${error.code}]`;
    case "TlsHandshakeFailed":
      return `TLS handshake failed: ${phrase(handshakeReasons, error.reason)}${withCode(error.code)}`;
    case "CallTimeout":
      return `no answer within ${error.withinMs} ms`;
    case "CalleeDown":
      return `no answer: the callee ${howItEnded(error.reason)}`;
    case "CallRejected":
      return "no answer: the callee's mailbox refused the request";
    default:
      throw notAnError(error satisfies never);
  }
}

/**
 * The reason for a code of Node's: an errno name, a resolver's code or one of net's own `ERR_` codes. What is not
 * known is `Eio`; nothing is thrown, whatever an error carries as its `code`.
 *
 * Source: inet's posix atoms; like inet, it calls every failure of the resolver `Nxdomain`.
 *
 * @internal
 */
export function reasonFromCode(code: string | undefined): SocketError {
  if (typeof code !== "string") return "Eio";
  const known = reasonsByCode.get(code);
  if (known !== undefined) return known;
  if (code.startsWith("EAI_")) return "Nxdomain";
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? "Eproto" : "Eio";
}

const descriptions = {
  Closed: "connection closed",
  Timeout: "timed out",
  Eaddrinuse: "address already in use",
  Eaddrnotavail: "address not available on this machine",
  Eafnosupport: "address family not supported",
  Ealready: "operation already under way",
  Econnaborted: "connection aborted",
  Econnrefused: "connection refused",
  Econnreset: "connection reset by the peer",
  Edestaddrreq: "destination address missing",
  Ehostdown: "host is down",
  Ehostunreach: "no route to the host",
  Einprogress: "operation in progress",
  Eisconn: "socket already connected",
  Emsgsize: "message too large",
  Enetdown: "network is down",
  Enetunreach: "no route to the network",
  Enopkg: "package not installed",
  Enoprotoopt: "protocol option not available",
  Enotconn: "socket not connected",
  Enotty: "control operation not known to the device",
  Enotsock: "not a socket",
  Eproto: "protocol error",
  Eprotonosupport: "protocol not supported",
  Eprototype: "protocol of the wrong type for the socket",
  Esocktnosupport: "socket type not supported",
  Etimedout: "timed out by the operating system",
  Ewouldblock: "operation would block",
  Exbadport: "socket driver in the wrong state",
  Exbadseq: "socket driver called out of order",
  Nxdomain: "host name not found",
  Eacces: "permission denied",
  Eagain: "resource not available for now",
  Ebadf: "bad file descriptor",
  Ebadmsg: "malformed message",
  Ebusy: "resource busy",
  Edeadlk: "deadlock avoided",
  Edeadlock: "deadlock over a file lock",
  Edquot: "disk quota used up",
  Eexist: "file already exists",
  Efault: "bad memory address",
  Efbig: "file too large",
  Eftype: "wrong type of file",
  Eintr: "call interrupted by a signal",
  Einval: "invalid argument",
  Eio: "input/output error",
  Eisdir: "is a directory",
  Eloop: "too many symbolic links",
  Emfile: "too many files open in this program",
  Emlink: "too many links",
  Emultihop: "path over several remote machines",
  Enametoolong: "name too long",
  Enfile: "too many files open on this machine",
  Enobufs: "no buffer space left",
  Enodev: "no such device",
  Enolck: "no locks left",
  Enolink: "link to a remote machine lost",
  Enoent: "no such file or directory",
  Enomem: "not enough memory",
  Enospc: "no space left on the device",
  Enosr: "no stream resources left",
  Enostr: "not a stream",
  Enosys: "function not implemented",
  Enotblk: "not a block device",
  Enotdir: "not a directory",
  Enotsup: "not supported",
  Enxio: "no such device or address",
  Eopnotsupp: "operation not supported by the socket",
  Eoverflow: "value too large for its type",
  Eperm: "operation not permitted",
  Epipe: "broken pipe",
  Erange: "result out of range",
  Erofs: "file system is read-only",
  Espipe: "no seeking in a pipe or socket",
  Esrch: "no such process",
  Estale: "stale file handle",
  Etxtbsy: "program file in use",
  Exdev: "link across file systems",
} satisfies Record<SocketError, string>;

const abortions = { Signal: "aborted by its signal", OwnerExited: "its owner exited" };

// The codes that are not a reason's name in capitals. A resolver's EAI_ codes are Nxdomain, all of them.
const otherCodes: readonly (readonly [SocketError, readonly string[]])[] = [
  ["Nxdomain", ["ENOTFOUND", "ENODATA", "ENONAME", "ESERVFAIL", "EREFUSED", "EFORMERR", "ENOTIMP"]],
  ["Nxdomain", ["EBADNAME", "EBADQUERY", "EBADRESP", "EBADSTR", "EBADFAMILY"]],
  ["Timeout", ["ETIMEOUT"]], // the resolver's; the kernel's is ETIMEDOUT
  ["Econnreset", ["ENETRESET"]],
  ["Enetunreach", ["ENONET"]],
  ["Closed", ["EOF", "ESHUTDOWN", "ECANCELED", "ERR_SOCKET_CLOSED", "ERR_SOCKET_CLOSED_BEFORE_CONNECTION"]],
  ["Closed", ["ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_PREMATURE_CLOSE"]],
  ["Closed", ["ERR_SERVER_NOT_RUNNING"]],
];

const reasonsByCode: ReadonlyMap<string, SocketError> = new Map([
  // A cast, since `keys` says string: the table has the reasons as its keys and no others.
  ...(Object.keys(descriptions) as SocketError[]).map((reason) => [reason.toUpperCase(), reason] as const),
  ...otherCodes.flatMap(([reason, codes]) => codes.map((code) => [code, reason] as const)),
]);

// That a host has no address in one IP version is no news where it has one in the other.
function triedBoth(error: Extract<ConnectError, { readonly type: "ConnectFailedBoth" }>): string {
  const ipv4 = tried(error, 4, error.ipv4);
  const ipv6 = tried(error, 6, error.ipv6);
  if (error.ipv4 === "Nxdomain" && error.ipv6 !== "Nxdomain") return ipv6;
  if (error.ipv6 === "Nxdomain" && error.ipv4 !== "Nxdomain") return ipv4;
  return `${ipv6} or ${ipv4}`;
}

// One IP version's part of the sentence: its own reason first, then those of single addresses, each with the addresses.
function tried(error: ConnectError, family: 4 | 6, reason: SocketError): string {
  const attempts: unknown = error.attempts; // may be missing, as above
  if (!Array.isArray(attempts)) throw notAnError(error);
  const addresses = new Map<SocketError, string[]>([[reason, []]]);
  for (const attempt of error.attempts) {
    if (attempt.family !== family) continue;
    const text = attempt.code === undefined ? attempt.address : `${attempt.address} [${attempt.code}]`;
    const sameReason = addresses.get(attempt.reason);
    if (sameReason === undefined) addresses.set(attempt.reason, [text]);
    else sameReason.push(text);
  }
  const parts = Array.from(addresses, ([each, list]) => withAddresses(phrase(descriptions, each), list));
  return `IPv${family} (${parts.join("; ")})`;
}

// A big host has dozens of addresses; three tell the tale.
function withAddresses(description: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return description;
  const more = addresses.length > 3 ? ` and ${addresses.length - 3} more` : "";
  return `${description}: ${addresses.slice(0, 3).join(", ")}${more}`;
}

function withCode(code: string | undefined): string {
  return code === undefined ? "" : ` [${code}]`;
}

function howItEnded(reason: ExitReason): string {
  switch (reason.type) {
    case "Normal":
      return "ended normally";
    case "Killed":
      return "was killed";
    case "Abnormal":
      return `ended abnormally (${inWords(reason.reason)})`;
    default:
      throw notAnError(reason satisfies never);
  }
}

function inWords(reason: unknown): string {
  if (reason instanceof Error) return String(reason); // its stack is for a crash report, not for a sentence
  return typeof reason === "string" ? reason : valueText(reason);
}

// `hasOwn`, or a JavaScript caller's "toString" would be described by Object.prototype.
function phrase<K extends string>(table: Readonly<Record<K, string>>, key: K): string {
  if (!Object.hasOwn(table, key)) throw notAnError(key);
  return table[key];
}

function notAnError(value: unknown): TypeError {
  return new TypeError(`Cannot describe a value that is no error of this library, received ${valueText(value)}`);
}
