// A hundred that send to one: `fan-in <kind>`. An operation is one message.
import { type OwnSubject, spawn, type Subject, unwrap } from "tankard";
import { continueWith, startActor } from "tankard/otp";
import { batches, standBy } from "./rounds.ts";

const senderCount = 100;
const perSender = 100;
const batch = senderCount * perSender;

let left = 0;
let done: (value: unknown) => void = () => undefined;
const taken = (): void => {
  if (--left === 0) done(undefined);
};

/** Makes the one that takes them. */
const kinds: Record<string, () => Promise<Subject<number>>> = {
  "async process": async () =>
    spawn(async (self, inbox: OwnSubject<number>) => {
      for (;;) {
        await self.receiveForever(inbox);
        taken();
      }
    }).subject,

  actor: async () =>
    unwrap(
      await startActor({
        state: null,
        onMessage: (state, _: number) => {
          taken();
          return continueWith(state);
        },
      }),
    ).data,
};

const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`There is no kind ${process.argv[2]}`);
const sink = await kind();
const senders = Array.from(
  { length: senderCount },
  () =>
    spawn(async (self, inbox: OwnSubject<null>) => {
      for (;;) {
        await self.receiveForever(inbox);
        for (let i = 0; i < perSender; i++) sink.send(i);
      }
    }).subject,
);

standBy((milliseconds) =>
  batches(milliseconds, async () => {
    left = batch;
    const finished = new Promise((resolve) => (done = resolve));
    for (const sender of senders) sender.send(null);
    await finished;
    return batch;
  }),
);
