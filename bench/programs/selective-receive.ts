// Receives from one subject while so many messages of others wait: `selective-receive <others>`.
import { spawn } from "tankard";
import { batches, standBy } from "./rounds.ts";

const others = Number(process.argv[2]);

spawn(async (self) => {
  const unwanted = self.newSubject<number>();
  const wanted = self.newSubject<number>();
  for (let i = 0; i < others; i++) unwanted.send(i);
  standBy((milliseconds) =>
    batches(milliseconds, async () => {
      for (let left = 1_000; left > 0; left--) {
        wanted.send(left);
        await self.receiveForever(wanted);
      }
      return 1_000;
    }),
  );
  await self.sleep(Infinity);
});
