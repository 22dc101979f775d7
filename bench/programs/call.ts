// Calls, with what they cost: an address of their own, a monitor, a time limit. `call <kind>`.
import { type OwnSubject, type ReplySubject, spawn, type Subject, unwrap } from "tankard";
import { continueWith, startActor } from "tankard/otp";
import { batches, standBy } from "./rounds.ts";

interface Request {
  readonly reply: ReplySubject & Subject<number>;
}

/** Makes the callee. */
const kinds: Record<string, () => Promise<Subject<Request>>> = {
  "async process": async () =>
    spawn(async (self, inbox: OwnSubject<Request>) => {
      for (;;) (await self.receiveForever(inbox)).reply.send(1);
    }).subject,

  actor: async () =>
    unwrap(
      await startActor({
        state: null,
        onMessage: (state, { reply }: Request) => {
          reply.send(1);
          return continueWith(state);
        },
      }),
    ).data,
};

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);
const callee = await kind();

spawn(async (self) => {
  standBy((milliseconds) =>
    batches(milliseconds, async () => {
      for (let left = 1_000; left > 0; left--)
        unwrap(await self.call(callee, 5_000, (reply: Request["reply"]) => ({ reply })));
      return 1_000;
    }),
  );
  await self.sleep(Infinity);
});
