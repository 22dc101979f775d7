/** Marks, in the types alone, what a subject accepts. */
export declare const accepts: unique symbol;
/** Marks, in the types alone, what a receive gives. */
export declare const yields: unique symbol;

/**
 * An address: whoever holds it may send, and the process that made it receives. Messages of one sender arrive in the
 * order in which they were sent. Source: `gleam/erlang/process.Subject`.
 */
export interface Subject<in M> {
  /** The type of what may be sent; no such property exists. */
  readonly [accepts]: (message: M) => void;
  /**
   * Puts `message` last in the owner's mailbox and goes on at once. A message to an owner that has ended goes to the
   * runtime's `onDeadLetter`. Source: `process.send`.
   *
   * @throws Error for a name that nobody has registered
   */
  send(message: M): void;
  /** As `send`, but says whether the mailbox took the message; false too for a name that nobody has registered. */
  trySend(message: M): boolean;
}

/** A subject in the hands of the process that made it: the only one that may receive from it. */
export interface OwnSubject<in out M> extends Subject<M> {
  /** The type of what is received; no such property exists. */
  readonly [yields]: M;
}

/** What a selector yields, or what a subject accepts. Types a machine's events from its selector. */
export type MessageFrom<S> = S extends { readonly [yields]: infer M } ? M : S extends Subject<infer M> ? M : never;
