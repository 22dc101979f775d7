import type { EventObject } from "xstate";
import { nearest } from "../process/nearest.ts";
import { valueText } from "../process/value-text.ts";

/**
 * Lets through what an actor can be told: XState does not check what is sent to an actor by its id.
 *
 * @throws TypeError with the nearest known command, if one is near
 */
export function checkCommand(what: string, { type }: EventObject, known: readonly string[]): void {
  if (known.includes(type)) return;
  const meant = nearest(type, known);
  const question = meant === undefined ? "" : `, did you mean ${valueText(meant)}?`;
  throw new TypeError(`Cannot command ${what}: unknown command ${valueText(type)}${question}`);
}
