import type { ExitReason } from "./exit.ts";

/** Whoever hears of an end, and its place among the others that do. It is in one list at a time. */
export abstract class ExitListener {
  // Only declared, and set below: V8 is twice as slow with fields that a class inherits.
  declare previous: ExitListener | undefined;
  declare next: ExitListener | undefined;
  /** Where it is in. */
  declare list: { remove(listener: ExitListener): void } | undefined;

  constructor() {
    this.previous = undefined;
    this.next = undefined;
    this.list = undefined;
  }

  abstract hear(reason: ExitReason): void;

  /** Does nothing for one that has heard, or has left. */
  leave(): void {
    const { list } = this;
    this.list = undefined;
    list?.remove(this);
  }
}

/** A function that hears. */
export class FunctionListener extends ExitListener {
  declare readonly hear: (reason: ExitReason) => void;

  constructor(hear: (reason: ExitReason) => void) {
    super();
    this.hear = hear;
  }
}
