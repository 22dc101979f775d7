import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Those that `certificates/make.sh` makes: each says by its name what is right or wrong with it. */
export type CertificateName =
  | "localhost"
  | "nameless"
  | "example-org"
  | "behind-intermediate"
  | "client"
  | "expired"
  | "not-yet-valid"
  | "revoked"
  | "selfsigned"
  | "unknown-ca";

/** The authority that has signed all but two of them. */
export const ca = pem("ca.pem");

/** Where that stands, for programs. */
export const caFile = pathOf("ca.pem");

/** Where a certificate and its key stand. */
export function credentialFiles(name: CertificateName): { readonly cert: string; readonly key: string } {
  return { cert: pathOf(`${name}.pem`), key: pathOf(`${name}.key`) };
}

/** The certificates that it has revoked. */
export const crl = pem("ca.crl");

export function credentials(name: CertificateName): { readonly cert: string; readonly key: string } {
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
}

function pem(file: string): string {
  return readFileSync(pathOf(file), "utf8");
}

function pathOf(file: string): string {
  return join(import.meta.dirname, "certificates", file);
}
