/** Which of a decision's limits counts for callers that know only one. */
import type { LimitView } from "./types.ts";

/** The `limit` of a quota that nothing caps: its usage is billed, whatever it is. */
const UNCAPPED = 2 ** 50 / 1_000;

export function isUncapped({ limit, included }: LimitView): boolean {
  return included !== undefined && limit >= UNCAPPED;
}

/** The limit with the smallest remaining share; undefined: nothing limits. Slots are left out: they return as requests end. */
export function tightestOf(limits: readonly LimitView[]): LimitView | undefined {
  let tightest: LimitView | undefined;
  for (const view of limits) {
    if (view.kind === "concurrency" || isUncapped(view)) continue;
    if (!tightest || view.remaining / view.limit < tightest.remaining / tightest.limit) tightest = view;
  }
  return tightest;
}
