/**
 * The name that a misspelt `name` was most likely meant to be: the one with the fewest letters to insert, delete or
 * change, case aside. Where several are as near, the first; `undefined` where more than a third of the letters differ.
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

// Levenshtein's, a row at a time: row[j] is the distance from what was read of `from` to the first j letters of `to`.
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const change = at(row, j) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(change, at(row, j + 1) + 1, at(next, j) + 1));
    }
    row = next;
  }
  return at(row, to.length);
}

// Every index used lies inside its row; 0 is never read.
function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
