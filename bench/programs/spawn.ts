// One after the other is started, gets one message, answers and ends: `spawn <kind>`.
import { type OwnSubject, spawn, type Subject, unwrap } from "tankard";
import { startActor, stop } from "tankard/otp";
import { createActor, fromTransition } from "xstate";
import { batches, standBy } from "./rounds.ts";

/** Starts one and sends it a message, which it answers by `answered`. */
const kinds: Record<string, (answered: (value: unknown) => void) => unknown> = {
  "async process": (answered) => {
    const process = spawn(async (self, inbox: OwnSubject<Subject<null>>) => {
      (await self.receiveForever(inbox)).send(null);
    });
    process.subject.send({ send: answered } as unknown as Subject<null>);
  },

  actor: async (answered) => {
    const started = await startActor({
      state: null,
      onMessage: (_, from: (value: unknown) => void) => {
        from(undefined);
        return stop();
      },
    });
    unwrap(started).data.send(answered);
  },

  "XState transition": (answered) => {
    const actor = createActor(fromTransition((state: null) => (answered(undefined), state), null)).start();
    actor.send({ type: "ping" });
    actor.stop();
  },
};

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    for (let left = 100; left > 0; left--) await new Promise((resolve) => void kind(resolve));
    return 100;
  }),
);
