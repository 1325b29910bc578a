/** Tiers that every policy has besides its own: they limit the admin API itself. No document can name, change or assign them. */
import { compileLimits } from "./compile-limits.ts";
import type { Tier } from "./compiled.ts";
import type { LimitDocument } from "./schema.ts";

/** A tier that every policy has besides its own. No document can spell its name, so no operator can lift it, and no account has it. */
function builtInTier(limitName: string, perMinute: number, burst: number): Tier {
  const limit: LimitDocument = { name: limitName, kind: "bucket", tokens: perMinute, per: "minute", burst };
  return {
    name: `_${limitName}`,
    limits: compileLimits([limit], "user", [], []),
    mode: "strict",
    durability: "reserved",
    onLimiterFailure: "local",
  };
}

/** What attempts to log in to the admin API are limited by: 10 at once from one address, then one every 6 seconds. */
export const LOGIN_TIER: Tier = builtInTier("login", 10, 10);

/** What one administrator can have computed (src/api/work-limit.ts). */
export const WORK_TIERS = {
  /**
   * Policies to validate, a token per 16 KiB: one of usual size ten times a second. A mebibyte takes 0.1 s of CPU, so this is a second of
   * CPU a minute.
   */
  policy: builtInTier("policy", 600, 600),
  /** Policies to put into force, counted alike. A limit of its own: nothing else that an operator does may hold up a rollback. */
  change: builtInTier("change", 600, 600),
  /** Replays: each takes the hub about a second, in which nobody else can simulate. */
  simulate: builtInTier("simulate", 12, 12),
  /** Reports: each takes the hub 80 ms at most. A dashboard asks for one a second. */
  reports: builtInTier("reports", 600, 300),
} as const;

/** Built-in tiers by name. */
export const BUILT_IN_TIERS: ReadonlyMap<string, Tier> = new Map(
  [LOGIN_TIER, ...Object.values(WORK_TIERS)].map((tier) => [tier.name, tier]),
);
