/** The outcome that was hoped for. */
export interface Ok<out T> {
  readonly ok: true;
  readonly value: T;
}

/** An outcome that has to be expected: the network fails, a name is taken, time runs out. */
export interface Err<out E> {
  readonly ok: false;
  readonly error: E;
}

/** What may fail says so in its type; plain data, so it can be sent, stored and compared. Source: gleam's `Result`. */
export type Result<T, E> = Ok<T> | Err<E>;

const nothing: Ok<undefined> = { ok: true, value: undefined };

/** The good outcome, with or without a value. Source: gleam's `Ok`. */
export function ok(): Ok<undefined>;
export function ok<const T>(value: T): Ok<T>;
export function ok(value?: unknown): Ok<unknown> {
  return value === undefined ? nothing : { ok: true, value };
}

/** The bad outcome and its reason. Source: gleam's `Error`. */
export function err<const E>(error: E): Err<E> {
  return { ok: false, error };
}
