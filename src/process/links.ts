import type { Owner } from "./owner.ts";

/** Stops watching an owner that is no process; nothing where it is one. */
type Leave = (() => void) | undefined;

/** Whom a process is linked to, in the order in which that came. Most have one, which needs no Map. */
export class Links {
  #first: Owner | undefined;
  #leaveFirst: Leave;
  #others: Map<Owner, Leave> | undefined;

  has(owner: Owner): boolean {
    return this.#first === owner || this.#others?.has(owner) === true;
  }

  leaveOf(owner: Owner): Leave {
    return this.#first === owner ? this.#leaveFirst : this.#others?.get(owner);
  }

  add(owner: Owner, leave?: Leave): void {
    if (this.#first === undefined && this.#others === undefined) {
      this.#first = owner;
      this.#leaveFirst = leave;
    } else (this.#others ??= new Map<Owner, Leave>()).set(owner, leave);
  }

  delete(owner: Owner): void {
    if (this.#first === owner) {
      this.#first = undefined;
      this.#leaveFirst = undefined;
    } else if (this.#others?.delete(owner) === true && this.#others.size === 0) this.#others = undefined;
  }

  /** Takes out the one that came first. */
  shift(): readonly [owner: Owner, leave: Leave] | undefined {
    const first =
      this.#first === undefined ? this.#others?.entries().next().value : ([this.#first, this.#leaveFirst] as const);
    if (first !== undefined) this.delete(first[0]);
    return first;
  }
}
