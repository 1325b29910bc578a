/** The first few of many in order, without sorting all of them. */

/** The first `limit` of the numbers below `count`, in the order that `compare` gives. */
export function topOf(count: number, limit: number, compare: (a: number, b: number) => number): number[] {
  if (count <= limit) return Array.from({ length: count }, (_, i) => i).toSorted(compare);
  let top: number[] = [];
  let worst: number | null = null;
  for (let i = 0; i < count; i++) {
    if (worst !== null && compare(i, worst) >= 0) continue;
    top.push(i);
    // Sorting now and then is cheaper than keeping order at each step.
    if (top.length < 2 * limit + 16) continue;
    top = top.toSorted(compare).slice(0, limit);
    worst = top.at(-1) ?? null;
  }
  return top.toSorted(compare).slice(0, limit);
}
