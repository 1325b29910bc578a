/** Finds the first few of many, in order, without sorting them all. */

/** The first `limit` of the integers from 0 to `count` - 1, in the order of `compare`. */
export function topOf(count: number, limit: number, compare: (a: number, b: number) => number): number[] {
  if (count <= limit) return Array.from({ length: count }, (_, i) => i).toSorted(compare);
  let top: number[] = [];
  let worst: number | null = null;
  for (let i = 0; i < count; i++) {
    if (worst !== null && compare(i, worst) >= 0) continue;
    top.push(i);
    // Sorting from time to time is cheaper than inserting each in order.
    if (top.length < 2 * limit + 16) continue;
    top = top.toSorted(compare).slice(0, limit);
    worst = top.at(-1) ?? null;
  }
  return top.toSorted(compare).slice(0, limit);
}
