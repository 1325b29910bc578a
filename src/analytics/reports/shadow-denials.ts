/** Parts of the report of what limits in shadow would have denied: sums by the lists of limits become sums by limit. Pure. */
import { shadowedNames } from "../shadowed.ts";
import type { Group } from "./facts.ts";
import type { ReportBodies, ShadowDenials } from "./report-answer.ts";
import { totalsOf } from "./report-parts.ts";
import { compareUtf8 } from "./utf8-order.ts";

/** Groups whose first key is a limit, from groups whose first key is a list of limits. One limit may have several. */
export function byLimit(groups: readonly Group[]): Group[] {
  const byName: Group[] = [];
  for (const group of groups) {
    const [list = "", ...others] = group.keys;
    for (const limit of shadowedNames(list)) byName.push({ ...group, keys: [limit, ...others] });
  }
  return byName;
}

/** @param all the total, of which each share is one of the decided requests. */
export function shadowDenialsOf(groups: readonly Group[], all: readonly Group[]): ShadowDenials[] {
  const { decided } = totalsOf(all);
  return summed(groups).map(({ keys: [limit = ""], requests }) => ({
    limit,
    requests,
    share: decided > 0 ? requests / decided : 0,
  }));
}

/** At most `limit` pairs of a limit and an account. */
export function topShadowed(groups: readonly Group[], limit: number): ReportBodies["shadow-denials"]["top"] {
  return summed(groups)
    .slice(0, limit)
    .map(({ keys: [name = "", account = ""], requests }) => ({ limit: name, account, requests }));
}

/** The requests of groups with equal keys, the most first. */
function summed(groups: readonly Group[]): { keys: readonly string[]; requests: number }[] {
  const sums = new Map<string, { keys: readonly string[]; requests: number }>();
  for (const { keys, requests } of groups) {
    const name = keys.join("\n");
    const sum = sums.get(name);
    if (sum) sum.requests += requests;
    else sums.set(name, { keys, requests });
  }
  return [...sums]
    .toSorted(([a, x], [b, y]) => y.requests - x.requests || compareUtf8(a, b))
    .map(([, sum]) => sum);
}
