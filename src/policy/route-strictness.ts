/** Compares what routes demand of a request: a credential, a cost and limits. Pure. */
import { milliOf, REQUESTS } from "../core/unit-costs.ts";
import type { Route, RouteRules, ScopedLimit } from "./compiled.ts";
import { isAsMetered } from "./route-usage.ts";
import type { LimitDocument } from "./schema.ts";

/** Whether a request that passes `route` would pass `other` as well: the same or more in each respect. */
export function isAsStrict(route: Route, other: Route): boolean {
  return (
    (route.requiresCredential || !other.requiresCredential) &&
    route.ignoresCredential === other.ignoresCredential &&
    isAsRuled(route.rules, other.rules) &&
    route.costMilli >= other.costMilli &&
    (other.units ?? []).every(([unit, milli]) => milliOf(unit, 0, route.units) >= milli) &&
    isAsMetered(route.usage, other.usage) &&
    enforced(other).every((theirs) =>
      enforced(route).some((own) => own.scope === theirs.scope && isAsTight(own.document, theirs.document)),
    )
  );
}

/** A limit in shadow rejects nothing, so it makes no route stricter. */
function enforced({ limits }: Route): readonly ScopedLimit[] {
  return limits.filter(({ isShadow }) => !isShadow);
}

/**
 * Whether no rule treats the other route more strictly, whatever else a rule asks of a request. If another rule is the first to match on
 * one route than on the other, it is one that names only one of them: the stricter route may lack rules that allow, and have more that deny.
 */
function isAsRuled(rules: RouteRules | null, others: RouteRules | null): boolean {
  if (rules === others) return true;
  for (const [i, action] of rules ?? []) if (action !== "deny" && !others?.has(i)) return false;
  for (const [i, action] of others ?? []) if (action !== "allow" && !rules?.has(i)) return false;
  return true;
}

/** Limits of different kinds, units or periods are not compared. */
function isAsTight(limit: LimitDocument, other: LimitDocument): boolean {
  if (unitOf(limit) !== unitOf(other)) return false;
  if (limit.kind === "bucket" && other.kind === "bucket") {
    const capacity = (bucket: typeof limit) => bucket.burst ?? bucket.tokens;
    return limit.per === other.per && limit.tokens <= other.tokens && capacity(limit) <= capacity(other);
  }
  if (limit.kind === "quota" && other.kind === "quota") {
    const isSamePeriod = limit.per === other.per && (limit.anchorDay ?? 1) === (other.anchorDay ?? 1);
    return isSamePeriod && limit.amount <= other.amount;
  }
  if (limit.kind === "concurrency" && other.kind === "concurrency") {
    return limit.max <= other.max && limit.ttlMs >= other.ttlMs;
  }
  return false;
}

function unitOf(limit: LimitDocument): string {
  return limit.kind === "concurrency" ? REQUESTS : (limit.unit ?? REQUESTS);
}
