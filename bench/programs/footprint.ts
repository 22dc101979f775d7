// What is alive in this program. Run with --expose-gc.

export interface Footprint {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** What was alive a moment ago takes a few turns to be let go of. */
export async function footprint(): Promise<Footprint> {
  if (globalThis.gc === undefined) throw new Error("Run it with --expose-gc");
  for (let times = 0; times < 5; times++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, residentBytes: rss };
}

/** Prints what each of `count` costs, on the heap and resident. `make` has made some before, for the code and what there is once. */
export async function printEach(count: number, make: (count: number) => unknown): Promise<never> {
  await make(100);
  const before = await footprint();
  await make(count);
  const after = await footprint();
  console.log(
    `${(after.heapBytes - before.heapBytes) / count} ${(after.residentBytes - before.residentBytes) / count}`,
  );
  process.exit();
}
