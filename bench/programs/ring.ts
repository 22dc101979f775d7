// A message that goes round a thousand: `ring <kind>`. An operation is one message.
import { type OwnSubject, spawn, type Subject, unwrap } from "tankard";
import { continueWith, startActor } from "tankard/otp";
import { batches, standBy } from "./rounds.ts";

const size = 1_000;
const turns = 10;

/** Makes one that hands on what it gets. */
const kinds: Record<string, (next: Subject<null>) => Promise<Subject<null>>> = {
  "async process": async (next) =>
    spawn(async (self, inbox: OwnSubject<null>) => {
      for (;;) next.send(await self.receiveForever(inbox));
    }).subject,

  actor: async (next) =>
    unwrap(
      await startActor({
        state: null,
        onMessage: (state, token: null) => {
          next.send(token);
          return continueWith(state);
        },
      }),
    ).data,
};

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);

spawn(async (self, inbox: OwnSubject<null>) => {
  let first: Subject<null> = self.process.subject as Subject<null>;
  for (let others = size - 1; others > 0; others--) first = await kind(first);
  standBy((milliseconds) =>
    batches(milliseconds, async () => {
      for (let left = turns; left > 0; left--) {
        first.send(null);
        await self.receiveForever(inbox);
      }
      return turns * size;
    }),
  );
  await self.sleep(Infinity);
});
