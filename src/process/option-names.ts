import { nearest } from "./nearest.ts";
import { valueText } from "./value-text.ts";

/**
 * Lets an object through that has no options but the known ones: a misspelt option must not go unheard.
 *
 * @throws TypeError with the nearest known name, if one is near
 *
 * @internal
 */
export function checkOptionNames(action: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: the options must be an object, received ${valueText(options)}`);
  }
  for (const name in options) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const question = meant === undefined ? "" : `, did you mean ${valueText(meant)}?`;
    throw new TypeError(`Cannot ${action}: unknown option ${valueText(name)}${question}`);
  }
}
