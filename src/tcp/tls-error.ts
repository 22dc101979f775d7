/**
 * Why the peer's certificate was not accepted. `HostnameCheckFailed`, `CertExpired`, `SelfsignedPeer`, `UnknownCa`,
 * `InvalidSignature`, ... are the words of OTP's `public_key` and `ssl`; `BadCertificate` is what has no word of its own.
 */
// prettier-ignore
export type CertificateReason =
  | "HostnameCheckFailed" | "CertExpired" | "CertNotYetValid" | "SelfsignedPeer" | "UnknownCa" | "InvalidSignature"
  | "CertRevoked" | "RevocationUndetermined" | "InvalidCa" | "InvalidPurpose" | "InsufficientSecurity"
  | "BadCertificate";

/** Why a handshake came to nothing, where neither a certificate nor an alert of the peer's is the reason. */
// prettier-ignore
export type HandshakeReason =
  | "NotTls" | "ProtocolVersion" | "NoSharedCipher" | "NoApplicationProtocol" | "NoPeerCertificate"
  | "ProtocolViolation" | "Timeout" | "Closed" | "Econnreset";

/** What the peer has refused a handshake with: the names of RFC 8446 and, for those it no longer has, RFC 5246. */
// prettier-ignore
export type TlsAlert =
  | "CloseNotify" | "UnexpectedMessage" | "BadRecordMac" | "RecordOverflow" | "HandshakeFailure" | "BadCertificate"
  | "UnsupportedCertificate" | "CertificateRevoked" | "CertificateExpired" | "CertificateUnknown"
  | "IllegalParameter" | "UnknownCa" | "AccessDenied" | "DecodeError" | "DecryptError" | "ExportRestriction"
  | "ProtocolVersion" | "InsufficientSecurity" | "InternalError" | "InappropriateFallback" | "UserCanceled"
  | "NoRenegotiation" | "MissingExtension" | "UnsupportedExtension" | "CertificateUnobtainable" | "UnrecognizedName"
  | "BadCertificateStatusResponse" | "BadCertificateHashValue" | "UnknownPskIdentity" | "CertificateRequired"
  | "NoApplicationProtocol";

/** What a certificate says, as plain data. */
export interface PeerCertificate {
  /** One attribute on each line, as `CN=example.org`. */
  readonly subject: string;
  readonly issuer: string;
  /** The names and addresses that it is for, as `DNS:example.org, IP Address:127.0.0.1`. */
  readonly subjectAltName: string | undefined;
  readonly validFrom: string;
  readonly validTo: string;
  readonly serialNumber: string;
  /** SHA-256 of the whole, in hexadecimal digits with colons. */
  readonly fingerprint256: string;
  /** The whole, in DER. */
  readonly raw: Buffer;
}

/**
 * Why a connection could not be secured. In each, `code` is Node's or OpenSSL's own.
 *
 * - `TlsCertificateRejected`: we have refused the peer, whose certificate is `peercert`;
 * - `TlsAlert`: the peer has refused us, or cannot go on, and says why;
 * - `TlsHandshakeFailed`: the two could not come together, or one has left.
 *
 * Source: `ssl`'s `{tls_alert, {Description, Text}}`, whose descriptions mix the first two.
 */
export type TlsError =
  | {
      readonly type: "TlsCertificateRejected";
      readonly reason: CertificateReason;
      readonly peercert: PeerCertificate | undefined;
      readonly code: string;
    }
  | { readonly type: "TlsAlert"; readonly alert: TlsAlert; readonly code: string }
  | { readonly type: "TlsHandshakeFailed"; readonly reason: HandshakeReason; readonly code: string | undefined };

// The words stand here and not with TLS, since whoever describes an error of the library has to know them all.

/** @internal */
export const certificateReasons = {
  HostnameCheckFailed: "it is for another host",
  CertExpired: "it has expired",
  CertNotYetValid: "it is not valid yet",
  SelfsignedPeer: "it is signed by itself",
  UnknownCa: "nobody who is trusted has signed it",
  InvalidSignature: "its signature is wrong",
  CertRevoked: "it was revoked",
  RevocationUndetermined: "whether it was revoked cannot be said",
  InvalidCa: "it is signed by a certificate that must not sign",
  InvalidPurpose: "it is not for this purpose",
  InsufficientSecurity: "its key or its signature is too weak",
  BadCertificate: "it is not acceptable",
} satisfies Record<CertificateReason, string>;

/** @internal */
export const handshakeReasons = {
  NotTls: "the peer does not speak TLS",
  ProtocolVersion: "no version of TLS in common",
  NoSharedCipher: "no cipher suite in common",
  NoApplicationProtocol: "no application protocol in common",
  NoPeerCertificate: "the peer has no certificate",
  ProtocolViolation: "the peer does not keep to the protocol",
  Timeout: "timed out",
  Closed: "the connection was closed meanwhile",
  Econnreset: "connection reset by the peer",
} satisfies Record<HandshakeReason, string>;

/** @internal */
export const alerts = {
  CloseNotify: "it has nothing more to say",
  UnexpectedMessage: "a message out of turn",
  BadRecordMac: "a record that was tampered with",
  RecordOverflow: "a record too long",
  HandshakeFailure: "no parameters in common",
  BadCertificate: "our certificate is damaged",
  UnsupportedCertificate: "our certificate is of an unsupported kind",
  CertificateRevoked: "our certificate was revoked",
  CertificateExpired: "our certificate has expired",
  CertificateUnknown: "our certificate is not acceptable",
  IllegalParameter: "a parameter out of range",
  UnknownCa: "our certificate is signed by nobody that it trusts",
  AccessDenied: "access denied",
  DecodeError: "a message that cannot be decoded",
  DecryptError: "a signature or a key that is wrong",
  ExportRestriction: "export restrictions",
  ProtocolVersion: "our versions of TLS are not supported",
  InsufficientSecurity: "our cipher suites are too weak",
  InternalError: "an error of its own",
  InappropriateFallback: "a version of TLS below the best",
  UserCanceled: "cancelled",
  NoRenegotiation: "no renegotiation",
  MissingExtension: "an extension is missing",
  UnsupportedExtension: "an extension that it did not offer",
  CertificateUnobtainable: "our certificate cannot be fetched",
  UnrecognizedName: "a server name that it does not know",
  BadCertificateStatusResponse: "the status of our certificate is not acceptable",
  BadCertificateHashValue: "our certificate is not the one announced",
  UnknownPskIdentity: "a shared key that it does not know",
  CertificateRequired: "our certificate is missing",
  NoApplicationProtocol: "our application protocols are not supported",
} satisfies Record<TlsAlert, string>;
