import { valueText } from "./process/value-text.ts";
import type { Result } from "./result.ts";
import { describeError } from "./tcp/error.ts";

/** Thrown by `unwrap`. Its message is the reason in words, its `error` the reason itself. */
export class UnwrapError extends Error {
  readonly error: unknown;

  /** @internal */
  constructor(error: unknown) {
    super(textOf(error));
    this.name = "UnwrapError";
    this.error = error;
  }
}

/**
 * The value of a good outcome; for scripts, and for processes that had better crash than go on without it.
 *
 * @throws UnwrapError for a bad outcome
 */
export function unwrap<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new UnwrapError(result.error);
}

/** What is an error of this library is said in words; anything else is the user's own. */
function textOf(error: unknown): string {
  try {
    return describeError(error as Parameters<typeof describeError>[0]);
  } catch {
    return typeof error === "string" ? error : `the result was an error: ${valueText(error)}`;
  }
}
