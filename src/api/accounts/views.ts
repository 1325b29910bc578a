/** Control plane answers in the shape of the wire: dates instead of milliseconds, wire names instead of our own. */
import type { Account, ApiKey, AuditEntry } from "../../objects/account.ts";
import type { RevisionInfo } from "../../objects/policy-registry.ts";
import { parseJson } from "../../json.ts";
import { effectsOn, type Grant } from "../../policy/adjust.ts";
import { type Policy, tierOf } from "../../policy/compile.ts";
import { iso } from "../ask.ts";

/** `orphaned` is what has no effect since `policy` lacks it. */
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

export function keyView({ keyId, name, scopes, createdMs, expiresMs, revokedMs, lastUsedMs }: ApiKey) {
  return {
    keyId,
    name,
    scopes,
    createdAt: iso(createdMs),
    expiresAt: isoOrNull(expiresMs),
    revokedAt: isoOrNull(revokedMs),
    /** To the hour. */
    lastUsedAt: isoOrNull(lastUsedMs),
  };
}

export function auditView({ seq, atMs, actor, reason, action, before, after }: AuditEntry) {
  const change = { before: before && parseJson(before), after: after && parseJson(after) };
  return { seq, at: iso(atMs), actor, reason, action, ...change };
}

export function revisionView({ revision, createdMs, actor, reason, restores }: RevisionInfo) {
  return { revision, createdAt: iso(createdMs), actor, reason, restores };
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
