import { checkDelay } from "../process/clock.ts";
import { valueText } from "../process/value-text.ts";

// Each check throws for a value that breaks the contract and says nothing otherwise. `action` begins the text of the
// error ("connect": "Cannot connect: ..."), `name` is the option's.

/** A byte count above this is a slip of the unit; it also keeps a packet below the largest Buffer of every Node. */
const mostBytes = 2 ** 30;

/**
 * Lets a time of 0 to 2^32 - 1 milliseconds or `Infinity` through.
 *
 * @throws RangeError for any other number, TypeError for what is no number
 *
 * @internal
 */
export function checkMilliseconds(action: string, name: string, value: unknown): void {
  if (typeof value !== "number") throw new TypeError(refusal(action, name, "a number of milliseconds", value));
  checkDelay(action, name, value);
}

/**
 * Lets a whole number of bytes through, from `least` to 1 GiB.
 *
 * @throws RangeError for any other number, TypeError for what is no number
 *
 * @internal
 */
export function checkByteSize(action: string, name: string, value: unknown, least: 0 | 1): void {
  if (typeof value !== "number") throw new TypeError(refusal(action, name, "a number of bytes", value));
  if (Number.isInteger(value) && value >= least && value <= mostBytes) return;
  throw new RangeError(refusal(action, name, `a whole number of bytes from ${least} to ${mostBytes}`, value));
}

/** @internal Lets `true` and `false` through; throws TypeError for anything else. */
export function checkBoolean(action: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") throw new TypeError(refusal(action, name, "true or false", value));
}

/** @internal Lets one of the texts through; throws TypeError for anything else. */
export function checkOneOf(action: string, name: string, value: unknown, texts: readonly string[]): void {
  if (typeof value === "string" && texts.includes(value)) return;
  const list = texts.map((text) => valueText(text)).join(", ");
  throw new TypeError(refusal(action, name, `one of ${list}`, value));
}

/**
 * Lets a host through that a resolver can be asked for, found or not.
 *
 * @throws TypeError for text that is empty or has characters other than the visible ones of ASCII
 *
 * Source: `inet_parse:visible_string`, where gen_tcp exits with badarg. A name is never punycoded.
 *
 * @internal
 */
export function checkHost(action: string, name: string, value: unknown): void {
  if (typeof value === "string" && /^[!-~]+$/.test(value)) return;
  throw new TypeError(refusal(action, name, "a non-empty string of ASCII characters without spaces", value));
}

/** @internal Lets a whole number from 0 to 65535 through; throws RangeError for anything else, as node:net does. */
export function checkPort(action: string, name: string, value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_535) return;
  throw new RangeError(refusal(action, name, "a whole number from 0 to 65535", value));
}

/** @internal Lets the path of a unix socket through; throws TypeError for empty text, a NUL or what is no text. */
export function checkPath(action: string, name: string, value: unknown): void {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return;
  throw new TypeError(refusal(action, name, "a non-empty string without NUL characters", value));
}

/**
 * Lets text through that looks like an address and not like a host name; the system has the last word on it.
 *
 * @throws TypeError for anything else
 *
 * @internal
 */
export function checkAddress(action: string, name: string, value: unknown): void {
  if (typeof value === "string" && /^[\da-f]*[.:][\da-f.:]*(%[\w.-]+)?$/i.test(value)) return;
  throw new TypeError(refusal(action, name, "an IPv4 or IPv6 address", value));
}

/** @internal Lets an object through that has all the methods; throws TypeError for anything else. */
export function checkMethods(action: string, name: string, value: unknown, methods: readonly string[]): void {
  if (typeof value === "object" && value !== null) {
    const object = value as Readonly<Record<string, unknown>>; // any object may be asked for any property
    if (methods.every((method) => typeof object[method] === "function")) return;
  }
  throw new TypeError(refusal(action, name, `an object with the methods ${methods.join(" and ")}`, value));
}

/** @internal Lets the name of a packet type or a framing through; throws TypeError for anything else. */
export function checkPacket(action: string, name: string, value: unknown): void {
  if (["raw", "line", 1, 2, 4].includes(value as string)) return; // whatever it is, it may be compared
  if (typeof value === "object" && value !== null && "start" in value) {
    const { read, encode } = value as Readonly<Record<string, unknown>>;
    if (typeof read === "function" && (encode === undefined || typeof encode === "function")) return;
  }
  throw new TypeError(refusal(action, name, '"raw", "line", 1, 2, 4 or a framing', value));
}

function refusal(action: string, name: string, wanted: string, value: unknown): string {
  return `Cannot ${action}: ${name} must be ${wanted}, received ${valueText(value)}`;
}
