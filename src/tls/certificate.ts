import type { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../tcp/tls-error.ts";

/** The certificate as plain data, which can be logged, compared and kept. */
export function plainCertificate(certificate: X509Certificate): PeerCertificate {
  const { subject, issuer, subjectAltName, validFrom, validTo, serialNumber, fingerprint256, raw } = certificate;
  return { subject, issuer, subjectAltName, validFrom, validTo, serialNumber, fingerprint256, raw };
}
