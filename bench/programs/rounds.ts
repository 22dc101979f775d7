// How a program of the suite talks with the runner: it says one line when it is ready, and one for each line that it is
// told. It ends with its standard input.
import { createInterface } from "node:readline";

/** Does something over and over for `milliseconds`. Gives how often. */
export type Round = (milliseconds: number) => number | PromiseLike<number>;

/** Measures a round for each line, which says how many milliseconds. */
export function standBy(round: Round): void {
  listen((line) => void measure(round, Number(line)));
  console.log("ready");
}

/** For a server, which says where it listens and serves until the runner ends. */
export function serveAt(address: number | string): void {
  listen(() => undefined);
  console.log(address);
}

/** Calls `batch` as often as there is time for, and adds up what it gives. */
export async function batches(milliseconds: number, batch: () => number | PromiseLike<number>): Promise<number> {
  const end = performance.now() + milliseconds;
  let operations = 0;
  do operations += await batch();
  while (performance.now() < end);
  return operations;
}

async function measure(round: Round, milliseconds: number): Promise<void> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  const operations = await round(milliseconds);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuStart);
  console.log(`${operations} ${seconds} ${(user + system) / 1e6}`);
}

function listen(onLine: (line: string) => void): void {
  createInterface({ input: process.stdin })
    .on("line", onLine)
    .on("close", () => process.exit());
}
