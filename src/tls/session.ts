import { createHash, X509Certificate } from "node:crypto";

/** A session of an earlier connection, and what it rests on: OpenSSL itself looks at no certificate when it resumes one. */
export interface KeptSession {
  /** OpenSSL's own form of it. */
  readonly bytes: Buffer;
  /** Whom the server has proven to be, or has only said, with `VerifyNone`. */
  readonly certificate: X509Certificate | undefined;
}

const digestSize = 32;
const headSize = 2 * digestSize + 4;

/** One that may be kept anywhere. `trust` says by whose word the certificate was judged. */
export function packSession({ bytes, certificate }: KeptSession, trust: Buffer): Buffer {
  const raw = certificate?.raw ?? Buffer.alloc(0);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(raw.length);
  const rest = Buffer.concat([trust, size, raw, bytes]);
  return Buffer.concat([digestOf(rest), rest]);
}

/**
 * @returns nothing where it is damaged, or where others are trusted now than then: OpenSSL would resume what they have
 * never seen
 */
export function unpackSession(packed: Uint8Array, trust: Buffer): KeptSession | undefined {
  const all = Buffer.from(packed);
  const rest = all.subarray(digestSize);
  if (all.length < headSize || !digestOf(rest).equals(all.subarray(0, digestSize))) return undefined;
  if (!rest.subarray(0, digestSize).equals(trust)) return undefined;
  const end = headSize + all.readUInt32BE(headSize - 4);
  const certificate = end === headSize ? undefined : new X509Certificate(all.subarray(headSize, end));
  return { bytes: all.subarray(end), certificate };
}

/** Of whatever is to be compared. */
export function digestOf(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}
