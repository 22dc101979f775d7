// What many figures come to.

/** The middle one, and a quarter of all below and above. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  return { low: quantile(figures, 0.25), median: quantile(figures, 0.5), high: quantile(figures, 0.75) };
}

function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}
