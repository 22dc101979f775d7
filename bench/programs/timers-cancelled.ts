// Timers that are set and cancelled: `timers-cancelled <kind>`.
import { spawn } from "tankard";
import { batches, standBy } from "./rounds.ts";

const [name] = process.argv.slice(2);

spawn(async (self) => {
  const inbox = self.newSubject<null>();
  const kinds: Record<string, () => void> = {
    setTimeout: () => clearTimeout(setTimeout(() => inbox.send(null), 5_000)),
    sendAfter: () => void self.cancelTimer(self.sendAfter(inbox, 5_000, null)),
    sendEvery: () => void self.cancelTimer(self.sendEvery(inbox, 5_000, null)),
  };
  const setAndCancel = kinds[name ?? ""];
  if (setAndCancel === undefined) throw new Error(`There is no kind ${name}`);
  standBy((milliseconds) =>
    batches(milliseconds, () => {
      for (let left = 1_000; left > 0; left--) setAndCancel();
      return 1_000;
    }),
  );
  await self.sleep(Infinity);
});
