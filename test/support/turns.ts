// Waiting that is counted in turns of Node's loop, not in time.

/** Lets Node's loop go round: whatever stands in a run queue has its turn. */
export async function turns(count = 3): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether `promise` settles within some turns. Simulated time stands still meanwhile. */
export async function isSettledWithin(promise: PromiseLike<unknown>, count = 10): Promise<boolean> {
  const seen = { isSettled: false };
  const settle = (): void => {
    seen.isSettled = true;
  };
  promise.then(settle, settle);
  for (let left = count; left > 0 && !seen.isSettled; left--) await turns(1);
  return seen.isSettled;
}
