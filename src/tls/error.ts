import {
  alerts,
  type CertificateReason,
  type HandshakeReason,
  type PeerCertificate,
  type TlsAlert,
  type TlsError,
} from "../tcp/tls-error.ts";

/** That we do not accept the peer's certificate, by OpenSSL's name for why not. */
export function rejection(code: string, peercert: PeerCertificate | undefined): TlsError {
  return { type: "TlsCertificateRejected", reason: certificateReasonOf.get(code) ?? "BadCertificate", peercert, code };
}

/** That the handshake has come to nothing, for a reason of our own. */
export function handshakeFailure(reason: HandshakeReason, code?: string): TlsError {
  return { type: "TlsHandshakeFailed", reason, code };
}

/** What Node reports during a handshake. Nothing is thrown, whatever the error is. */
export function errorFromNode(error: NodeJS.ErrnoException): TlsError {
  const { code, syscall } = error;
  if (code === undefined) return handshakeFailure("ProtocolViolation");
  const alert = alertOf(code);
  if (alert !== undefined) return { type: "TlsAlert", alert, code };
  // Node's own word for a peer that ended in the middle is the system's for a reset; only the latter has a call.
  if (code === "ECONNRESET") return handshakeFailure(syscall === undefined ? "Closed" : "Econnreset", code);
  return handshakeFailure(handshakeReasonOf.get(code) ?? otherReason(code), code);
}

function otherReason(code: string): HandshakeReason {
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? "ProtocolViolation" : "Closed";
}

const certificateCodes: Readonly<Record<CertificateReason, readonly string[]>> = {
  HostnameCheckFailed: ["ERR_TLS_CERT_ALTNAME_INVALID", "ERR_TLS_CERT_ALTNAME_FORMAT", "HOSTNAME_MISMATCH"],
  CertExpired: ["CERT_HAS_EXPIRED", "ERROR_IN_CERT_NOT_AFTER_FIELD"],
  CertNotYetValid: ["CERT_NOT_YET_VALID", "ERROR_IN_CERT_NOT_BEFORE_FIELD"],
  SelfsignedPeer: ["DEPTH_ZERO_SELF_SIGNED_CERT"],
  UnknownCa: [
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "CERT_UNTRUSTED",
  ],
  InvalidSignature: [
    "CERT_SIGNATURE_FAILURE",
    "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
    "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  ],
  CertRevoked: ["CERT_REVOKED"],
  RevocationUndetermined: [
    "UNABLE_TO_GET_CRL",
    "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
    "CRL_SIGNATURE_FAILURE",
    "CRL_NOT_YET_VALID",
    "CRL_HAS_EXPIRED",
    "ERROR_IN_CRL_LAST_UPDATE_FIELD",
    "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
  ],
  InvalidCa: ["INVALID_CA", "PATH_LENGTH_EXCEEDED", "CERT_CHAIN_TOO_LONG"],
  InvalidPurpose: ["INVALID_PURPOSE", "CERT_REJECTED"],
  InsufficientSecurity: ["EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"],
  BadCertificate: [],
};

const handshakeCodes: Readonly<Partial<Record<HandshakeReason, readonly string[]>>> = {
  NotTls: [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_SSL_HTTP_REQUEST",
    "ERR_SSL_HTTPS_PROXY_REQUEST",
    "ERR_SSL_PACKET_LENGTH_TOO_LONG",
    "ERR_SSL_RECORD_TOO_SMALL",
    "ERR_SSL_UNKNOWN_PROTOCOL",
  ],
  ProtocolVersion: [
    "ERR_SSL_UNSUPPORTED_PROTOCOL",
    "ERR_SSL_VERSION_TOO_LOW",
    "ERR_SSL_VERSION_TOO_HIGH",
    "ERR_SSL_NO_PROTOCOLS_AVAILABLE",
    "ERR_SSL_UNKNOWN_SSL_VERSION",
    "ERR_SSL_WRONG_SSL_VERSION",
    "ERR_SSL_INAPPROPRIATE_FALLBACK",
  ],
  NoSharedCipher: [
    "ERR_SSL_NO_SHARED_CIPHER",
    "ERR_SSL_NO_CIPHERS_AVAILABLE",
    "ERR_SSL_NO_SUITABLE_KEY_SHARE",
    "ERR_SSL_NO_SUITABLE_GROUPS",
    "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM",
    "ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS",
  ],
  NoApplicationProtocol: ["ERR_SSL_NO_APPLICATION_PROTOCOL"],
  NoPeerCertificate: ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"],
  Timeout: ["ERR_TLS_HANDSHAKE_TIMEOUT", "ETIMEDOUT"],
  ProtocolViolation: ["EPROTO"], // what OpenSSL says of a write
  Econnreset: ["EPIPE"], // the two faces of a reset
};

/** Each code of a table with the reason that it stands for. */
function reasonsByCode<R extends string>(
  table: Readonly<Partial<Record<R, readonly string[]>>>,
): ReadonlyMap<string, R> {
  const entries = Object.entries(table) as [R, readonly string[]][]; // `entries` says string
  return new Map(entries.flatMap(([reason, codes]) => codes.map((code) => [code, reason] as const)));
}

const certificateReasonOf = reasonsByCode(certificateCodes);
const handshakeReasonOf = reasonsByCode(handshakeCodes);

// OpenSSL names an alert after the version that has brought it, ERR_SSL_TLSV1_ALERT_UNKNOWN_CA; since 3.2 those of the
// oldest are ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE.
const alertByName: ReadonlyMap<string, TlsAlert> = new Map([
  ...(Object.keys(alerts) as TlsAlert[]).map((alert) => [alert.toUpperCase(), alert] as const), // `keys` says string
  ["USERCANCELLED", "UserCanceled"],
]);

function alertOf(code: string): TlsAlert | undefined {
  const name = /^ERR_SSL_(?:SSLV3_ALERT|SSL\/TLS_ALERT|TLSV1_ALERT|TLSV13_ALERT|TLSV1)_(\w+)$/.exec(code)?.[1];
  return name === undefined ? undefined : alertByName.get(name.replaceAll("_", ""));
}
