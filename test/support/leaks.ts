// Fails a test that leaves a socket, a server or a child process behind, by its name.
//
// Timers are not counted (they give false alarms), nor what is unref'ed, which Node does not report.
// This hook runs before an `afterEach` at the top level of a test file: what only that would close counts as leaked.
// Close inside the test, best by `await using`, or in the `afterEach` of a `describe`.
import { afterEach, beforeEach } from "@jest/globals";

const graceMilliseconds = 1_000;
const pollMilliseconds = 10;
const { setTimeout } = globalThis; // the real one, whatever a test does with fake timers

let before = openHandles();

beforeEach(() => {
  before = openHandles();
});

afterEach(async () => {
  const deadline = performance.now() + graceMilliseconds;
  let leaked = leakedSince(before);
  while (leaked.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
    leaked = leakedSince(before);
  }
  if (leaked.length > 0) throw new Error(`The test leaves open handles behind: ${leaked.join(", ")}`);
});

/** How many handles of each kind are open in this Node process. */
function openHandles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TCP|UDP|TLS|Process|Pipe)/i.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function leakedSince(before: ReadonlyMap<string, number>): string[] {
  return [...openHandles()]
    .map(([kind, count]) => ({ kind, extra: count - (before.get(kind) ?? 0) }))
    .filter(({ extra }) => extra > 0)
    .map(({ kind, extra }) => `${extra} ${kind}`);
}
