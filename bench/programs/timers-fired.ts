// A thousand timers of 1 ms at a time, each of which rings: `timers-fired <kind>`. An operation is one of them.
import { spawn } from "tankard";
import { batches, standBy } from "./rounds.ts";

const batch = 1_000;
const [name] = process.argv.slice(2);

spawn(async (self) => {
  const inbox = self.newSubject<null>();
  const kinds: Record<string, () => void> = {
    setTimeout: () => setTimeout(() => inbox.send(null), 1),
    sendAfter: () => void self.sendAfter(inbox, 1, null),
  };
  const set = kinds[name ?? ""];
  if (set === undefined) throw new Error(`There is no kind ${name}`);
  standBy((milliseconds) =>
    batches(milliseconds, async () => {
      for (let left = batch; left > 0; left--) set();
      for (let left = batch; left > 0; left--) await self.receiveForever(inbox);
      return batch;
    }),
  );
  await self.sleep(Infinity);
});
