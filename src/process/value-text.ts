import { inspect } from "node:util";

const longestString = 100;

/**
 * A received value as the text of a thrown error shows it: on one line, strings in double quotes, what is long cut.
 *
 * @internal
 */
export function valueText(value: unknown): string {
  if (typeof value !== "string") {
    return inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: longestString, maxArrayLength: 10 });
  }
  const rest = value.length - longestString;
  return rest > 0
    ? `${JSON.stringify(value.slice(0, longestString))} and ${rest} more characters`
    : JSON.stringify(value);
}
