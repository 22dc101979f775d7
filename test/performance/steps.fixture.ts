// Counts the steps of a hundred selective receives while so many other messages wait: `steps <how> <others>`. A step is a
// block of src that V8 has entered, so a loop counts as often as it goes round. Prints steps, and calls of mappers.

import { Session } from "node:inspector/promises";
import { newSelector, type OwnSubject, type Selector, type Self, spawn, tcpMessages } from "tankard";

const [how = "", othersText] = process.argv.slice(2);
const others = Number(othersText);
const receives = 100;

let mapped = 0;
const map = (message: number): number => {
  mapped++;
  return message;
};

/** What the receives ask for. */
const hows: Record<string, (wanted: OwnSubject<number>) => OwnSubject<number> | Selector<unknown>> = {
  subject: (wanted) => wanted,
  selector: (wanted) => newSelector().selectMap(wanted, map).merge(tcpMessages),
};

const session = new Session();
session.connect();
console.log(JSON.stringify(await spawn(count).result));
session.disconnect();

async function count(self: Self): Promise<{ steps: number; mapped: number }> {
  const unwanted = self.newSubject<number>();
  const wanted = self.newSubject<number>();
  const from = hows[how]?.(wanted);
  if (from === undefined) throw new Error(`There is no way ${how}`);
  for (let i = 0; i < others; i++) unwanted.send(i);
  await self.sleep(1); // a new slice of the run queue, so that each count begins with the same

  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  for (let i = 0; i < receives; i++) {
    wanted.send(i);
    await self.receiveForever(from as OwnSubject<number>);
  }
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const ours = result.filter(({ url }) => url.includes("/src/process/"));
  const blocks = ours.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges));
  return { steps: blocks.reduce((sum, block) => sum + block.count, 0), mapped };
}
