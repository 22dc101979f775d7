import { call, type CallError } from "../process/call.ts";
import { type ExitReason, noproc } from "../process/exit.ts";
import type { Subject } from "../process/subject.ts";
import type { Result } from "../result.ts";
import type { StartError } from "./start.ts";

/** Somebody who holds the handle of a supervisor wants something done: it is done in the supervisor's turn. */
export interface Operation {
  readonly type: "Operation";
  /** Does it, and gives what tells the answer: to be called unless the supervisor has ended meanwhile. */
  run(): Promise<() => void>;
}

/** Has `run` called by the process behind `subject`; where that ends first, or has, what `ended` makes of it. */
export async function operate<T, E>(
  subject: Subject<Operation>,
  run: () => Result<T, E> | Promise<Result<T, E>>,
  ended: (reason: ExitReason) => E,
): Promise<Result<T, E>> {
  const answer = await call(subject, Infinity, (reply: Subject<Result<T, E>>) => ({
    type: "Operation",
    run: async () => {
      const result = await run();
      return () => reply.send(result);
    },
  }));
  return answerOrEnd(answer, ended);
}

/** The answer of a supervisor to a call without end, or what `ended` makes of the reason with which it ended first. */
export function answerOrEnd<T, E>(
  answer: Result<Result<T, E>, CallError>,
  ended: (reason: ExitReason) => E,
): Result<T, E> {
  if (answer.ok) return answer.value;
  // Nothing else happens to a call without end of a mailbox without bound.
  return { ok: false, error: ended(answer.error.type === "CalleeDown" ? answer.error.reason : noproc) };
}

/** A supervisor that has ended starts nothing. */
export function initExited(reason: ExitReason): StartError {
  return { type: "InitExited", reason };
}
