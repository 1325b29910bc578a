/** Tiers that every policy has besides its own: they limit the admin API itself. No document can name, change or assign them. */
import { compileLimits } from "./compile-limits.ts";
import type { Tier } from "./compiled.ts";
import type { LimitDocument } from "./schema.ts";

function builtInTier(limitName: string, perMinute: number, burst: number): Tier {
  const limit: LimitDocument = { name: limitName, kind: "bucket", tokens: perMinute, per: "minute", burst };
  return {
    // No document can spell this name, so no policy can change the tier and no account can have it.
    name: `_${limitName}`,
    limits: compileLimits([limit], "user", [], []),
    mode: "strict",
    durability: "reserved",
    onLimiterFailure: "local",
    billing: null,
  };
}

/** Limits attempts to log in to the admin API: 10 at once per address, then one every 6 seconds. */
export const LOGIN_TIER: Tier = builtInTier("login", 10, 10);

/** Limits attempts to sign in to the portal, counted alike. Apart from the admin API's: neither can lock the other out. */
export const SIGN_IN_TIER: Tier = builtInTier("sign-in", 10, 10);

/** Limits the expensive work that one administrator can start (src/api/work-limit.ts). */
export const WORK_TIERS = {
  /**
   * Validations of policies, a token per 16 KiB: ten per second of the usual size. One MiB takes 0.1 s of CPU, so this allows one second
   * of CPU a minute.
   */
  policy: builtInTier("policy", 600, 600),
  /** Changes of the policy, counted alike. Separate, so that no other work can delay a rollback. */
  change: builtInTier("change", 600, 600),
  /** Simulations: each occupies the hub's only simulator for about a second. */
  simulate: builtInTier("simulate", 12, 12),
  /** Reports: each takes the hub 80 ms at most. A dashboard requests one a second. */
  reports: builtInTier("reports", 600, 300),
  /** Calls of an account's customers in the portal: a page makes some ten. */
  portal: builtInTier("portal", 600, 300),
} as const;

/** Built-in tiers by name. */
export const BUILT_IN_TIERS: ReadonlyMap<string, Tier> = new Map(
  [LOGIN_TIER, SIGN_IN_TIER, ...Object.values(WORK_TIERS)].map((tier) => [tier.name, tier]),
);
