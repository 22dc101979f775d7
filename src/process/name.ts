import { err, ok, type Result } from "../result.ts";
import type { Address, MailboxSubject } from "./mailbox-subject.ts";
import type { Process, ProcessEngine } from "./process.ts";
import type { accepts, Subject, yields } from "./subject.ts";
import { valueText } from "./value-text.ts";

/** A name that one process at a time can hold. Two names with the same text are two names. Source: `process.Name`. */
export interface Name<in out M> {
  readonly [yields]: M;
  readonly [accepts]: (message: M) => void;
  /** For people to read; it decides nothing. */
  readonly text: string;
}

/** A name and the subject that its holder receives from. */
export class NameEngine {
  readonly text: string;
  #inbox: MailboxSubject | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get inbox(): MailboxSubject | undefined {
    return this.#inbox;
  }

  /** Says false where another process holds it. */
  claim(inbox: MailboxSubject): boolean {
    if (this.#inbox !== undefined) return false;
    this.#inbox = inbox;
    return true;
  }

  release(): void {
    this.#inbox = undefined;
  }

  toJSON(): object {
    return { type: "Name", text: this.text };
  }
}

/** Makes a name. Give it to `spawn`, `self.register` and `namedSubject`. Source: `process.new_name`. */
export function newName<M = never>(text: string): Name<M> {
  return new NameEngine(text) as unknown as Name<M>;
}

/** @internal The engine of `name`. */
export function nameEngine<M>(name: Name<M>): NameEngine {
  const engine: unknown = name;
  if (engine instanceof NameEngine) return engine;
  throw new TypeError(`Expected a name that newName made, received ${valueText(name)}`);
}

/**
 * The address of whoever holds `name` at the moment of sending: it outlives the process, which makes it the address
 * of something that is restarted. Source: `process.named_subject`.
 */
export function namedSubject<M>(name: Name<M>): Subject<M> {
  return new NamedSubject(nameEngine(name)) as unknown as Subject<M>;
}

/** The process that holds `name` now. Source: `process.named`. */
export function named<M>(name: Name<M>): Result<Process, "NotRegistered"> {
  const holder = nameEngine(name).inbox?.holder;
  return holder === undefined ? err("NotRegistered") : ok(holder);
}

/**
 * The process that a message to `subject` would reach now; also one that has ended. Source: `process.subject_owner`.
 *
 * @returns `NotRegistered` for a name that nobody holds, and for the address of an answer, which is nobody's
 */
export function subjectOwner(subject: Subject<never>): Result<Process, "NotRegistered"> {
  const { holder } = subject as Partial<Address>;
  return holder === undefined ? err("NotRegistered") : ok(holder);
}

/** The name that `subject` is the address of, whoever holds it. Source: `process.subject_name`. */
export function subjectName<M>(subject: Subject<M>): Result<Name<M>, "NotNamed"> {
  const address: unknown = subject;
  return address instanceof NamedSubject ? ok(address.name as unknown as Name<M>) : err("NotNamed");
}

class NamedSubject implements Address {
  readonly isName = true;
  readonly name: NameEngine;

  constructor(name: NameEngine) {
    this.name = name;
  }

  get key(): MailboxSubject | undefined {
    return this.name.inbox;
  }

  get text(): string {
    return this.name.text;
  }

  get holder(): ProcessEngine | undefined {
    return this.name.inbox?.holder;
  }

  send(message: unknown): void {
    const inbox = this.name.inbox;
    if (inbox === undefined) throw new Error(`Cannot send to a name that nobody has registered: "${this.name.text}"`);
    inbox.send(message);
  }

  trySend(message: unknown): boolean {
    return this.name.inbox?.trySend(message) ?? false;
  }

  put(message: unknown): boolean {
    return this.name.inbox?.put(message) ?? false;
  }

  toJSON(): object {
    return { type: "Subject", name: this.name.text };
  }
}
