import { Abnormal, Normal } from "../process/exit.ts";
import { type MessageHandler, MessageLoop } from "../process/message-loop.ts";
import { type Process, ProcessEngine, processEngine } from "../process/process.ts";
import { newSelector, type Selector } from "../process/selector.ts";
import type { Self } from "../process/self.ts";
import type { OwnSubject, Subject } from "../process/subject.ts";
import { isThenable } from "../process/thenable.ts";
import { orUnmatched, Unmatched } from "../process/unmatched.ts";
import { valueText } from "../process/value-text.ts";
import { NextValue } from "./next.ts";

/** What an actor does with a message, and how many it may put off. */
export interface Handler {
  onMessage(state: unknown, message: unknown, self: Self): unknown;
  /** Default 1000. */
  readonly postponeLimit?: number | undefined;
}

/** Put off until the state is another. */
interface Postponed {
  readonly message: unknown;
}

const defaultPostponeLimit = 1_000;

/** What `system` asks an actor, between two of its own messages. */
export type SystemMessage =
  | { readonly type: "GetState"; readonly reply: Subject<unknown> }
  | { readonly type: "Suspend"; readonly reply: Subject<undefined> }
  | { readonly type: "Resume"; readonly reply: Subject<undefined> }
  | { readonly type: "Stop"; readonly reply: Subject<undefined> };

/** A message from `system`. */
class FromSystem {
  readonly request: SystemMessage;

  constructor(request: SystemMessage) {
    this.request = request;
  }
}

/** The life of one actor: its state, and what each message makes of it. */
export class ActorLoop implements MessageHandler {
  readonly #self: Self;
  readonly #handler: Handler;
  /** What hands it its messages, as long as it lives. */
  readonly loop: MessageLoop;
  #state: unknown;
  /** What the actor selects. */
  #selector: Selector<unknown>;
  #isSuspended = false;
  #system: OwnSubject<SystemMessage> | undefined;
  /** Waiting for another state, oldest first. Few actors ever have any. */
  #postponed: Postponed[] | undefined;
  /** Postponed messages whose time has come; they go before the mailbox. */
  #again: Postponed[] | undefined;

  constructor(self: Self, state: unknown, selector: Selector<unknown>, handler: Handler) {
    this.#self = self;
    this.#state = state;
    this.#selector = selector;
    this.#handler = handler;
    this.loop = new MessageLoop(processEngine(self.process), orUnmatched(selector), this);
  }

  static of(process: Process): ActorLoop | undefined {
    const handler = process instanceof ProcessEngine ? process.loop?.handler : undefined;
    return handler instanceof ActorLoop ? handler : undefined;
  }

  /** Where `system` asks: made when it first does, so that others pay nothing. */
  get system(): Subject<SystemMessage> {
    if (this.#system === undefined) {
      this.#system = this.#self.newSubject<SystemMessage>();
      this.#select();
    }
    return this.#system;
  }

  #select(): void {
    const system = this.#system;
    const own = this.#isSuspended ? newSelector() : orUnmatched(this.#selector);
    this.loop.selector = system === undefined ? own : own.selectMap(system, (request) => new FromSystem(request));
  }

  handle(message: unknown): void | PromiseLike<void> {
    if (message instanceof FromSystem) {
      this.#answer(message.request);
      return;
    }
    if (message instanceof Unmatched) {
      message.discard(processEngine(this.#self.process));
      return;
    }
    const pending = this.#take(message);
    if (pending !== undefined || this.#again !== undefined) return this.#takeAgain(pending);
  }

  /** Postponed messages whose time has come, one after the other. */
  #takeAgain(first: PromiseLike<void> | undefined): void | PromiseLike<void> {
    for (let pending = first; ;) {
      if (pending !== undefined) return pending.then(() => this.#takeAgain(undefined));
      const next = this.#again?.shift();
      if (next === undefined) this.#again = undefined;
      if (next === undefined || !this.#self.process.isAlive) return;
      pending = this.#take(next.message);
    }
  }

  #take(message: unknown): PromiseLike<void> | undefined {
    const next = this.#handler.onMessage(this.#state, message, this.#self);
    if (!isThenable(next)) {
      this.#goOn(next, message);
      return undefined;
    }
    return next.then((later) => {
      this.#goOn(later, message);
    });
  }

  #goOn(next: unknown, message: unknown): void {
    if (!this.#self.process.isAlive) return; // it was ended by its own handler, or during it
    if (!(next instanceof NextValue))
      throw new TypeError(
        `Cannot go on: onMessage must return continueWith(state), postpone(), stop() or stopAbnormal(reason), received ${valueText(next)}`,
      );
    switch (next.type) {
      case "Continue":
        if (next.selector !== undefined) {
          this.#selector = next.selector;
          this.#select();
        }
        if (!Object.is(next.value, this.#state)) this.#change(next.value);
        break;
      case "Postpone":
        this.#postpone(message);
        break;
      case "Stop":
        this.#self.exit(Normal);
        break;
      case "StopAbnormal":
        this.#self.exit(Abnormal(next.value));
    }
  }

  #change(state: unknown): void {
    this.#state = state;
    if (this.#postponed === undefined) return;
    this.#again = [...this.#postponed, ...(this.#again ?? [])]; // those that were postponed anew are older than the rest
    this.#postponed = undefined;
  }

  #postpone(message: unknown): void {
    const { postponeLimit = defaultPostponeLimit } = this.#handler;
    const postponed = (this.#postponed ??= []);
    if (postponed.length >= postponeLimit) throw new Error(`Cannot postpone more than ${postponeLimit} messages`);
    postponed.push({ message });
  }

  #answer(request: SystemMessage): void {
    switch (request.type) {
      case "GetState":
        request.reply.send(this.#state);
        break;
      case "Suspend":
      case "Resume":
        this.#isSuspended = request.type === "Suspend";
        this.#select();
        request.reply.send(undefined);
        break;
      case "Stop":
        request.reply.send(undefined);
        this.#self.exit(Normal);
    }
  }
}
