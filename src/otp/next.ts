import type { Selector } from "../process/selector.ts";

declare const next: unique symbol;

/** How an actor goes on after a message. Made by the functions here and by nothing else. Source: `actor.Next`. */
export interface Next<out S, out M = never> {
  /** The types of the state and of what is selected; no such property exists. */
  readonly [next]: { readonly state: S; readonly message: M };
}

/** @internal A handler that returns anything else has forgotten to say how it goes on. One object for each message. */
export class NextValue {
  readonly type: "Continue" | "Postpone" | "Stop" | "StopAbnormal";
  /** The state to continue with, or the reason to stop for. */
  readonly value: unknown;
  readonly selector: Selector<unknown> | undefined;
  /** What a connection's actor sends before it goes on. */
  readonly reply: unknown;
  /** What it goes on to speak, behind that. */
  readonly upgrade: unknown;

  constructor(
    type: NextValue["type"],
    value: unknown,
    selector: Selector<unknown> | undefined,
    reply: unknown,
    upgrade: unknown,
  ) {
    this.type = type;
    this.value = value;
    this.selector = selector;
    this.reply = reply;
    this.upgrade = upgrade;
  }
}

function nextOf<S, M>(
  type: NextValue["type"],
  value?: unknown,
  selector?: Selector<unknown>,
  reply?: unknown,
  upgrade?: unknown,
): Next<S, M> {
  return new NextValue(type, value, selector, reply, upgrade) as unknown as Next<S, M>;
}

/** @internal The value behind `next`, if it is one. */
export function nextValue(next: unknown): NextValue | undefined {
  return next instanceof NextValue ? next : undefined;
}

/** @internal The same, and `reply` is sent before. */
export function nextWithReply<S, M>(next: Next<S, M>, reply: unknown): Next<S, M> {
  const { type, value, selector, upgrade } = next as unknown as NextValue;
  return nextOf(type, value, selector, reply, upgrade);
}

/** @internal The same, and `upgrade` is spoken from then on. */
export function nextWithUpgrade<S, M>(next: Next<S, M>, upgrade: unknown): Next<S, M> {
  const { type, value, selector, reply } = next as unknown as NextValue;
  return nextOf(type, value, selector, reply, upgrade);
}

/** Waits for the next message with this state. Source: `actor.continue`, a word that JavaScript has taken. */
export function continueWith<S>(state: S): Next<S> {
  return nextOf("Continue", state);
}

/** Selects other messages from now on. Only what `continueWith` gives can go on. Source: `actor.with_selector`. */
export function withSelector<S, M>(continued: Next<S>, selector: Selector<M>): Next<S, M> {
  const { type, value, reply, upgrade } = continued as unknown as NextValue;
  return nextOf(type, value, selector, reply, upgrade);
}

/**
 * Keeps the message for later: it comes again, before any newer one, once the actor goes on with another state. A state
 * that is changed in place is not another. At most `postponeLimit` messages are kept. Source: gen_statem's `postpone`.
 */
export function postpone(): Next<never> {
  return nextOf("Postpone");
}

/** Ends the actor normally. Source: `actor.stop`. */
export function stop(): Next<never> {
  return nextOf("Stop");
}

/** Ends the actor abnormally: links, monitors and `onCrash` hear the reason. Source: `actor.stop_abnormal`. */
export function stopAbnormal(reason: unknown): Next<never> {
  return nextOf("StopAbnormal", reason);
}
