import { call } from "../process/call.ts";
import { type ExitReason, noproc } from "../process/exit.ts";
import type { Subject } from "../process/subject.ts";
import type { Result } from "../result.ts";

/** Somebody who holds the handle of a supervisor wants something done: it is done in the supervisor's turn. */
export interface Operation {
  readonly type: "Operation";
  run(): Promise<void>;
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
      reply.send(await run());
    },
  }));
  if (answer.ok) return answer.value;
  // Nothing else happens to a call without end of a mailbox without bound.
  return { ok: false, error: ended(answer.error.type === "CalleeDown" ? answer.error.reason : noproc) };
}
