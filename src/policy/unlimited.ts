/**
 * The tier of requests that a rule lets through without limits: the caller's own, whose buckets and slots do not count and whose quotas
 * count but stop nothing.
 *
 * Quotas count, so that each still equals the ledger: otherwise a request without limits would make the next one read its quotas from
 * the ledger again. A quota with an allowance keeps its caps: they protect the customer's money, not the operator's capacity.
 */
import { UNCAPPED_MILLI } from "../core/calendar-quota.ts";
import type { ScopedLimit, Tier } from "./compiled.ts";

/** No document can spell it, so no tier has such a name. An object of an older version takes it for unknown, and limits the request. */
const PREFIX = "_unlimited:";

const made = new WeakMap<Tier, Tier>();

/** The name by which to ask for the tier without limits. */
export function withoutLimits(tier: string): string {
  return tier.startsWith(PREFIX) ? tier : `${PREFIX}${tier}`;
}

/** The name of the tier itself. */
export function ownTier(asked: string): string {
  return asked.startsWith(PREFIX) ? asked.slice(PREFIX.length) : asked;
}

/** The same request for another tier: without limits if it was. */
export function askedFor(tier: string, asked: string): string {
  return asked.startsWith(PREFIX) ? withoutLimits(tier) : tier;
}

/** The caller's tier as it applies to a request that asked for it by this name. */
export function tierAsked(tier: Tier, asked: string): Tier {
  return asked.startsWith(PREFIX) ? unlimited(tier) : tier;
}

function unlimited(tier: Tier): Tier {
  const known = made.get(tier);
  if (known) return known;
  const limits = tier.limits.flatMap((scoped) => countedOnly(scoped) ?? []);
  const without: Tier = { ...tier, limits, isUnlimited: true };
  made.set(tier, without);
  return without;
}

/** The limit if it must count although it stops nothing. */
export function countedOnly(scoped: ScopedLimit): ScopedLimit | null {
  const { limit } = scoped;
  if (limit.kind !== "quota") return null;
  return limit.includedMilli === null
    ? { ...scoped, limit: { ...limit, amountMilli: UNCAPPED_MILLI, stopsOthersMilli: limit.amountMilli } }
    : scoped;
}
