// The actor that holds the data. There is one, so requests are dealt with one after the other, whoever they come from.

import { type Host, type Name, newName, type Result, type Subject } from "tankard";
import { continueWith, startActor, type Started, type StartError } from "tankard/otp";
import { type Task } from "./commands.ts";
import { Database } from "./database.ts";
import type { Reply } from "./resp.ts";

const SWEEP_EVERY_MS = 100;
/** A sweep of so many keys takes about a millisecond. */
const KEYS_PER_SWEEP = 10_000;

export type StoreMessage =
  /** All that a client has sent at once, to be answered at once. */
  | { readonly type: "Batch"; readonly tasks: readonly Task[]; readonly reply: Subject<readonly Reply[]> }
  | { readonly type: "Sweep" };

/** Its address outlives it: who starts again has the same name, and no data. */
export type StoreName = Name<StoreMessage>;

export function newStoreName(): StoreName {
  return newName("store");
}

export function startStore(name: StoreName, host: Host): Promise<Result<Started<Subject<StoreMessage>>, StartError>> {
  return startActor<Database, StoreMessage>(
    {
      name,
      state: (self, subject) => {
        self.sendEvery(subject, SWEEP_EVERY_MS, { type: "Sweep" });
        return new Database();
      },
      onMessage: (database, message) => {
        const now = performance.now();
        if (message.type === "Sweep") database.sweep(now, KEYS_PER_SWEEP);
        else
          message.reply.send(
            message.tasks.map((task) => (task.type === "Answer" ? task.reply : database.handle(task, now))),
          );
        return continueWith(database);
      },
    },
    host,
  );
}
