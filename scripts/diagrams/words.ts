// XState's events, guards, actions and states in the words of who wrote the machine.

import type { AnyStateNode } from "xstate";

/** What of XState's definition of a transition is drawn. `delay` is that of an `after`. */
export interface Transition {
  readonly eventType: string;
  readonly guard?: unknown;
  readonly target: readonly AnyStateNode[] | undefined;
  readonly actions: readonly unknown[];
  readonly delay?: string | number;
}

export function stateName({ key, type, history }: AnyStateNode): string {
  if (type !== "history") return key;
  return history === "deep" ? `${key} (deep history)` : `${key} (history)`;
}

/** When a transition is taken: its event, and its guard in brackets. */
export function whenText({ eventType, guard, delay }: Transition, isFirst: boolean): string {
  const event = eventText(eventType, delay);
  if (guard !== undefined) return `${event} [${guardText(guard)}]`.trim();
  if (!isFirst) return `${event} [else]`.trim();
  return event === "" ? "always" : event;
}

/** The named actions of a transition. What stands in the machine itself has no name. */
export function actionsText({ actions }: Transition): string {
  return actions
    .map(nameOf)
    .filter((name) => name !== "")
    .join(", ");
}

export function invokeText({ id, src }: { readonly id: string; readonly src: unknown }): string {
  const isNamed = typeof src === "string" && !src.startsWith("xstate.invoke."); // XState's name for logic that stands there
  if (isMadeUp(id)) return `invokes ${isNamed ? src : "a child"}`;
  return isNamed && src !== id ? `invokes ${src} as ${id}` : `invokes ${id}`;
}

function eventText(type: string, delay: string | number | undefined): string {
  if (delay !== undefined) return `after ${typeof delay === "number" ? `${delay} ms` : delay}`;
  if (type === "*") return "any other event";
  const [, what, of = ""] = /^xstate\.(done\.actor|error\.actor|snapshot|done\.state)\.(.*)$/.exec(type) ?? [];
  const child = isMadeUp(of) ? "a child" : of;
  switch (what) {
    case "done.actor":
      return `${child} is done`;
    case "error.actor":
      return `${child} is in error`;
    case "snapshot":
      return `${child} has changed`;
    case "done.state":
      return "done";
    default:
      return type;
  }
}

/** The id that XState gives to a child that has none begins with a number. */
function isMadeUp(id: string): boolean {
  return /^\d+\./.test(id);
}

interface CombinedGuard {
  readonly name: string;
  readonly guards?: readonly unknown[];
  readonly stateValue?: unknown;
}

/** A guard by its name; `and`, `or`, `not` and `stateIn` by what they are made of. */
function guardText(guard: unknown): string {
  if (typeof guard !== "function") return nameOf(guard);
  const { name, guards, stateValue } = guard as CombinedGuard;
  if (stateValue !== undefined) return `in ${typeof stateValue === "string" ? stateValue : JSON.stringify(stateValue)}`;
  if (guards === undefined) return name === "" || name === "guard" ? "..." : name;
  const parts = guards.map(guardText);
  return parts.length === 1 ? `not ${parts.join("")}` : parts.join(` ${name} `);
}

function nameOf(it: unknown): string {
  if (typeof it === "string") return it;
  const isNamed = typeof it === "object" && it !== null && "type" in it && typeof it.type === "string";
  return isNamed ? (it.type as string) : "";
}
