// What the clients among the examples share: whom they trust, as the command line says.

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { err, ok, type Result } from "tankard";
import type { TlsClientOptions } from "tankard/tls";

/** Trusts the authorities whose certificates the file has, in PEM, or else those that Node brings along; or why not. */
export function trust(caFile: string | undefined): Result<TlsClientOptions, string> {
  if (caFile === undefined) return ok({});
  let ca: string;
  try {
    ca = readFileSync(caFile, "utf8");
  } catch (error) {
    return err(`Cannot read ${caFile}: ${(error as NodeJS.ErrnoException).code ?? "an error"}.`);
  }
  try {
    new X509Certificate(ca);
  } catch {
    return err(`Cannot use ${caFile}: it holds no certificate in PEM.`);
  }
  return ok({ ca });
}
