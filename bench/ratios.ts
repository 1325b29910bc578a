/** Figures out of rounds. Pure. A ratio is taken within a round, where both sides had the same machine, and then the median of them. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError where there is nothing to take it of. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new RangeError("no rounds");
  }
  return { median: (low + high) / 2, min, max };
}

/** The ratios of one side to the other, round by round. @throws RangeError where the rounds are not as many. */
export function ratiosOf(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length) throw new RangeError("the rounds do not pair");
  return spreadOf(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
