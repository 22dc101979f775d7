import { checkDelay } from "../process/clock.ts";
import type { MailboxOptions } from "../process/mailbox-bound.ts";
import type { Name } from "../process/name.ts";
import { checkOptionNames } from "../process/option-names.ts";
import type { Host } from "../process/runtime.ts";
import { newSelector, Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject, Subject } from "../process/subject.ts";
import { isThenable } from "../process/thenable.ts";
import { orUnmatched } from "../process/unmatched.ts";
import { valueText } from "../process/value-text.ts";
import type { Result } from "../result.ts";
import { ActorLoop } from "./actor-loop.ts";
import type { Next } from "./next.ts";
import { start, type Started, type StartError } from "./start.ts";

/** What any actor may be told. */
export interface ActorOptions {
  /** Milliseconds that the initialiser may take. Default 1000. */
  readonly initTimeoutMs?: number | undefined;
  /** How large its mailbox may grow. Default: the runtime's bound. */
  readonly mailbox?: MailboxOptions | undefined;
  /** How many messages may be postponed; one more ends the actor. Default 1000. */
  readonly postponeLimit?: number | undefined;
}

/** An actor in its short form: it has one subject, which is its address. */
export interface ActorSpec<S, M> extends ActorOptions {
  /** A name that it holds from the start. */
  readonly name?: Name<M> | undefined;
  /** The first state, or its initialiser, which runs in the actor. */
  readonly state: S | ((self: Self, subject: OwnSubject<M>) => S | PromiseLike<S>);
  /** Says what a message makes of the state. What it throws ends the actor. The next message waits for its promise. */
  onMessage(
    state: NoInfer<S>,
    message: M,
    self: Self,
  ): Next<NoInfer<S>, NoInfer<M>> | PromiseLike<Next<NoInfer<S>, NoInfer<M>>>;
}

/** An actor in its long form: it says what it selects, and what its starter gets. */
export interface ActorInitSpec<S, M, D> extends ActorOptions {
  /** Runs in the actor, before any message. What it throws is the starter's `InitFailed`. */
  init(self: Self): Initialised<S, M, D> | PromiseLike<Initialised<S, M, D>>;
  onMessage(
    state: NoInfer<S>,
    message: NoInfer<M>,
    self: Self,
  ): Next<NoInfer<S>, NoInfer<M>> | PromiseLike<Next<NoInfer<S>, NoInfer<M>>>;
}

/** What an initialiser comes to. Source: `actor.Initialised`. */
export interface Initialised<out S, out M, out D> {
  readonly state: S;
  /** What is handed to `onMessage`; anything else that comes goes to `onDeadLetter` as `Unmatched`. */
  readonly selector: Selector<M>;
  /** What the starter gets. */
  readonly data: D;
}

const defaultInitTimeoutMs = 1_000;

/** The half of its selector that every actor's loop would add: what is left over. */
const leftovers = orUnmatched(newSelector());

/**
 * Starts an actor: a process with a state, which handles one message after the other. The starter gets its address.
 * On a `Self` it is linked to that process; without a host it lives in the default runtime.
 *
 * A handler that returns no promise costs none: messages come to it from the run queue, never inside `send`.
 *
 * @throws TypeError or RangeError for options that no actor can have
 * Source: `actor.new`, `actor.start`.
 */
export function startActor<S, M>(spec: ActorSpec<S, M>, host?: Host): Promise<Result<Started<Subject<M>>, StartError>> {
  const { name, state, mailbox, initTimeoutMs = defaultInitTimeoutMs } = checkSpec(spec, shortNames, "onMessage");
  return start<Subject<M>, M>(host, { initTimeoutMs, name, mailbox }, (self, subject) => {
    const run = (first: S): { data: Subject<M>; run(): unknown } => ({
      data: self.process.subject as Subject<M>,
      run: () => new ActorLoop(self, first, leftovers.select(subject), spec).loop,
    });
    const first =
      typeof state === "function" ? (state as (self: Self, subject: OwnSubject<M>) => S)(self, subject) : state;
    return isThenable(first) ? first.then((later) => run(later as S)) : run(first);
  });
}

/**
 * As `startActor`, with an initialiser that says what the actor selects and what its starter gets.
 *
 * @throws TypeError or RangeError for options that no actor can have
 * Source: `actor.new_with_initialiser`, `actor.start`.
 */
export function startActorWithInit<S, M, D>(
  spec: ActorInitSpec<S, M, D>,
  host?: Host,
): Promise<Result<Started<D>, StartError>> {
  const { mailbox, initTimeoutMs = defaultInitTimeoutMs } = checkSpec(spec, longNames, "init", "onMessage");
  return start<D, never>(host, { initTimeoutMs, mailbox }, async (self) => {
    const { state, selector, data } = await spec.init(self);
    if (!(selector instanceof Selector))
      throw new TypeError(`Cannot start an actor: init must give a selector, received ${valueText(selector)}`);
    return { data, run: () => new ActorLoop(self, state, selector, spec).loop };
  });
}

// The records let the compiler miss none.
const optionNames = { initTimeoutMs: true, mailbox: true, postponeLimit: true } satisfies Record<
  keyof ActorOptions,
  true
>;
const shortNames = Object.keys({ ...optionNames, name: true, state: true, onMessage: true } satisfies Record<
  keyof ActorSpec<never, never>,
  true
>);
const longNames = Object.keys({ ...optionNames, init: true, onMessage: true } satisfies Record<
  keyof ActorInitSpec<never, never, never>,
  true
>);

function checkSpec<T extends ActorOptions>(spec: T, names: readonly string[], ...functions: (keyof T)[]): T {
  checkOptionNames("start an actor", spec, names);
  for (const name of functions) {
    if (typeof spec[name] !== "function")
      throw new TypeError(
        `Cannot start an actor: ${String(name)} must be a function, received ${valueText(spec[name])}`,
      );
  }
  const { initTimeoutMs, postponeLimit = 0 } = spec;
  if (initTimeoutMs !== undefined) checkDelay("start an actor", "initTimeoutMs", initTimeoutMs);
  if (!(postponeLimit >= 0))
    throw new RangeError(
      `Cannot start an actor: postponeLimit must be at least 0, received ${valueText(postponeLimit)}`,
    );
  return spec;
}
