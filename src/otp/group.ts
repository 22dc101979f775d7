import { inspect } from "node:util";
import { subjectName, subjectOwner } from "../process/name.ts";
import { watch } from "../process/owner.ts";
import type { Subject } from "../process/subject.ts";

/** Subjects that are sent to together: the people in a room of a chat, the listeners to a price. */
export interface Group<M> {
  /**
   * Makes `subject` the last member, until it leaves or the process behind it ends. Who is a member already stays one,
   * once, in its place: where pg counts how often somebody joined, here one leave is enough. A name is a member for as
   * long as the process lives that holds it now.
   *
   * @returns whether it is a member now: not where the process has ended, nobody holds the name, or the subject is the
   * address of one answer
   * Source: `pg:join`.
   */
  join(subject: Subject<M>): boolean;
  /** Says whether it was a member. Source: `pg:leave`. */
  leave(subject: Subject<M>): boolean;
  /** Those that are members now, in the order in which they joined. Source: `pg:get_members`. */
  members(): readonly Subject<M>[];
  /** How many `members` there are. */
  readonly size: number;
  /**
   * Sends `message` to everybody who is a member at the moment of the call, in the order in which they joined. The
   * message is one value that all of them see: send nothing that one of them changes.
   *
   * @returns to how many it was sent: a bounded mailbox may refuse it
   */
  broadcast(message: M): number;
}

/**
 * Makes a group without members. It belongs to nobody and needs no end: whoever has it may send to it, and it keeps
 * nobody alive. A member's crash is not heard by its group.
 *
 * Source: Erlang's `pg`, without its scopes and nodes; a group is a value that is passed on, not a name.
 */
export function newGroup<M>(): Group<M> {
  return new GroupEngine<M>();
}

interface Member<M> {
  readonly subject: Subject<M>;
  /** Stops watching the process. */
  forget(): void;
}

class GroupEngine<M> implements Group<M> {
  /** By what tells them apart: two addresses of one name are one member. */
  readonly #members = new Map<object, Member<M>>();
  /** What `members` gave last, as long as it is true: a room that many talk in is not copied for each word. */
  #listed: readonly Subject<M>[] | undefined;

  get size(): number {
    return this.#members.size;
  }

  join(subject: Subject<M>): boolean {
    const key = keyOf(subject);
    if (this.#members.has(key)) return true;
    const owner = subjectOwner(subject);
    if (!owner.ok) return false;
    const forget = watch(owner.value, "resource", () => {
      this.#remove(key);
    });
    if (forget === undefined) return false; // it has ended
    this.#members.set(key, { subject, forget });
    this.#listed = undefined;
    return true;
  }

  leave(subject: Subject<M>): boolean {
    const key = keyOf(subject);
    this.#members.get(key)?.forget();
    return this.#remove(key);
  }

  members(): readonly Subject<M>[] {
    this.#listed ??= Object.freeze(Array.from(this.#members.values(), ({ subject }) => subject));
    return this.#listed;
  }

  broadcast(message: M): number {
    let sent = 0;
    for (const subject of this.members()) if (subject.trySend(message)) sent++;
    return sent;
  }

  #remove(key: object): boolean {
    this.#listed = undefined;
    return this.#members.delete(key);
  }

  toJSON(): object {
    return { type: "Group", size: this.size };
  }

  [inspect.custom](): string {
    return `Group { size: ${this.size} }`;
  }
}

function keyOf(subject: Subject<never>): object {
  const name = subjectName(subject);
  return name.ok ? name.value : subject;
}
