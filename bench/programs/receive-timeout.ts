// What the time limit of a receive costs, where it waits and is woken in time: `receive-timeout <kind>`.
import { type OwnSubject, type Self, spawn, type Subject } from "tankard";
import { batches, standBy } from "./rounds.ts";

const kinds: Record<string, (self: Self, inbox: OwnSubject<null>) => Promise<unknown>> = {
  receiveForever: (self, inbox) => self.receiveForever(inbox),
  "receive within 5 s": (self, inbox) => self.receive(inbox, 5_000),
};

const receive = kinds[process.argv[2] ?? ""];
if (receive === undefined) throw new Error(`There is no kind ${process.argv[2]}`);

const pong = spawn(async (self, inbox: OwnSubject<Subject<null>>) => {
  for (;;) (await self.receiveForever(inbox)).send(null);
});

spawn(async (self) => {
  const inbox = self.newSubject<null>();
  standBy((milliseconds) =>
    batches(milliseconds, async () => {
      for (let left = 1_000; left > 0; left--) {
        pong.subject.send(inbox);
        await receive(self, inbox);
      }
      return 1_000;
    }),
  );
  await self.sleep(Infinity);
});
