/** Accounts and grants as the API shows them: dates instead of milliseconds, wire names instead of internal ones. */
import type { Account } from "../../objects/account.ts";
import { effectsOn, type Grant } from "../../policy/adjust.ts";
import { type Policy, tierOf } from "../../policy/compile.ts";
import { iso } from "../rfc3339.ts";

/** `orphaned` lists what has no effect because `policy` lacks it. */
export function accountView(account: Account, grants: readonly Grant[], policy: Policy) {
  const { orphaned } = effectsOn(tierOf(policy, account.tier), account.overrides, grants);
  const { user, name, tier, status, overrides, version, createdMs, updatedMs } = account;
  return {
    id: user,
    name,
    tier,
    status,
    limits: overrides,
    grants: grants.map(grantView),
    orphaned: { tier: !policy.tiers.has(tier), ...orphaned },
    version,
    createdAt: iso(createdMs),
    updatedAt: iso(updatedMs),
  };
}

export function grantView({ grantId, limit, amount, untilMs, createdMs }: Grant) {
  return { grantId, limit, amount, until: iso(untilMs), createdAt: iso(createdMs) };
}
