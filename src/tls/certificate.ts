import type { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../tcp/tls-error.ts";

/** The certificate as plain data, which can be logged, compared and kept. */
export function plainCertificate(certificate: X509Certificate): PeerCertificate {
  const { subject, issuer, subjectAltName, validFrom, validTo, serialNumber, fingerprint256, raw } = certificate;
  return {
    subject: named(subject),
    issuer: named(issuer),
    subjectAltName,
    validFrom,
    validTo,
    serialNumber,
    fingerprint256,
    raw,
  };
}

/** Of an empty name Node says undefined, whatever its types say. */
function named(name: string | undefined): string {
  return name ?? "";
}
