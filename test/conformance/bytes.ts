// Bytes as the notation writes them.

import { createHash } from "node:crypto";

/** Byte i of the pattern is i mod 251, a prime, so that no cut of it looks like another. */
const PERIOD = 251;
const onePeriod = Buffer.from(Array.from({ length: PERIOD }, (_, index) => index));
/** Below this a pattern is shown as what it is. */
const SHORTEST_PATTERN = 20;
const LONGEST_TEXT = 200;

let longPattern = onePeriod;

/** `size` bytes of the pattern, which starts with `from`. The bytes are shared: nobody may change them. */
function pattern(from: number, size: number): Buffer {
  const start = from % PERIOD;
  while (longPattern.length < start + size) longPattern = Buffer.concat([longPattern, longPattern]);
  return longPattern.subarray(start, start + size);
}

/** What a step means by text, `{"hex": ...}` or `{"pattern_from": ..., "size": ...}`; nothing for a value of another kind. */
export function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value === "string") return Buffer.from(value);
  const { hex, pattern_from: from, size } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof hex === "string") return Buffer.from(hex, "hex");
  return typeof from === "number" && typeof size === "number" ? pattern(from, size) : undefined;
}

export function showBytes(data: Uint8Array): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length >= SHORTEST_PATTERN && bytes.equals(pattern(bytes[0] ?? 0, bytes.length)))
    return `Pattern(from=${bytes[0]}, size=${bytes.length})`;
  if (bytes.length <= LONGEST_TEXT) return isText(bytes) ? JSON.stringify(bytes.toString()) : `Hex(${hexOf(bytes)})`;
  const digest = createHash("sha256").update(bytes).digest().subarray(0, 4);
  return `Bytes(size=${bytes.length}, sha256=${hexOf(digest)})`;
}

/** The same result where short bytes and texts stand in one way only: how the recorder chose to write them says nothing. */
export function inOneSpelling(result: string): string {
  return result.replace(
    /"(?:[^"\\]|\\.)*"|Pattern\(from=(\d+), size=(\d+)\)/g,
    (written, from?: string, size?: string) => {
      if (from === undefined) return `Hex(${hexOf(Buffer.from(textIn(written)))})`;
      return Number(size) <= LONGEST_TEXT ? `Hex(${hexOf(pattern(Number(from), Number(size)))})` : written;
    },
  );
}

/** Whether two results are the same but for their bytes, and the bytes of `longer` are those of `shorter` and more. */
export function beginsWith(longer: string, shorter: string): boolean {
  const [[longerBytes, ...others], [shorterBytes, ...noOthers]] = [bytesIn(longer), bytesIn(shorter)];
  if (longerBytes === undefined || shorterBytes === undefined || others.length > 0 || noOthers.length > 0) return false;
  const isAround = longer.replace(longerBytes.written, "") === shorter.replace(shorterBytes.written, "");
  const { bytes, size } = longerBytes;
  if (!isAround || size <= shorterBytes.size) return false;
  // Of what is shown by its size and digest, the size is all there is to compare.
  return (
    bytes === undefined ||
    shorterBytes.bytes === undefined ||
    bytes.subarray(0, shorterBytes.size).equals(shorterBytes.bytes)
  );
}

interface ShownBytes {
  /** As they stand in the result. */
  readonly written: string;
  readonly size: number;
  readonly bytes: Buffer | undefined;
}

/** The bytes that a result shows. */
function bytesIn(result: string): readonly ShownBytes[] {
  const shown =
    /"(?:[^"\\]|\\.)*"|Hex\(([\dA-F]*)\)|Pattern\(from=(\d+), size=(\d+)\)|Bytes\(size=(\d+), sha256=\w+\)/g;
  return Array.from(result.matchAll(shown), ([written, hex, from, length, size]) => {
    if (size !== undefined) return { written, size: Number(size), bytes: undefined };
    const bytes =
      hex !== undefined
        ? Buffer.from(hex, "hex")
        : from !== undefined
          ? pattern(Number(from), Number(length))
          : Buffer.from(textIn(written));
    return { written, size: bytes.length, bytes };
  });
}

/** What stands between the quotes; an escape that JSON does not know is kept as it is. */
function textIn(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

function isText(bytes: Buffer): boolean {
  // eslint-disable-next-line no-control-regex -- a text is what has no control characters but white space
  return bytes.equals(Buffer.from(bytes.toString())) && !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(bytes.toString());
}

function hexOf(bytes: Buffer): string {
  return bytes.toString("hex").toUpperCase();
}
