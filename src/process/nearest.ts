/**
 * The name that a misspelt `name` was most likely meant to be: the one with the fewest letters to insert, delete or
 * change, or neighbours to swap, case aside. Where several are as near, the first; `undefined` where more than a third
 * of the letters differ.
 *
 * @internal
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.floor(name.length / 3) + 1;
  for (const candidate of known) {
    // The lengths alone say so many edits: a huge name costs nothing.
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

// Levenshtein's with swaps, a row at a time: row[j] is the distance from what was read of `from` to the first j letters
// of `to`, before[j] the one from a letter less.
function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const change = at(row, j) + (from[i] === to[j] ? 0 : 1);
      const isSwap = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swap = isSwap ? at(before, j - 1) + 1 : Infinity;
      next.push(Math.min(change, swap, at(row, j + 1) + 1, at(next, j) + 1));
    }
    [before, row] = [row, next];
  }
  return at(row, to.length);
}

// Every index used lies inside its row; 0 is never read.
function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
