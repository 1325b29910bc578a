/**
 * Finds what a policy orphans: tiers and limits that accounts use and its document lacks. Accounts of a missing tier get the default
 * tier's limits, and an override or grant of a missing limit has no effect, although both still appear on the account.
 *
 * Pure: the directory knows which accounts use what.
 */
import { overrideFaults } from "../../policy/adjust.ts";
import { type Policy, tierOf } from "../../policy/compile.ts";
import { type Fault, pointer } from "../../policy/fault.ts";
import { MAX_COUNTED_USERS, type PolicyUse, type Users } from "../../objects/account-directory.ts";

/** The uses without effect under `next` that had one under `current`. If `current` is null, every use had one. */
export function orphansOf(uses: readonly PolicyUse[], next: Policy, current: Policy | null): PolicyUse[] {
  return uses.filter((use) => isOrphan(next, use) && !(current && isOrphan(current, use)));
}

/** Checks only the fields of an override. Its numbers are unknown here, so it may still be too large to be counted exactly. */
function isOrphan(policy: Policy, { tier, limit, shape }: PolicyUse): boolean {
  if (limit === null) return !policy.tiers.has(tier);
  const base = tierOf(policy, tier);
  if (shape !== null) return overrideFaults(base, { [limit]: shape }).length > 0;
  return !base.limits.some(({ document }) => document.name === limit);
}

/** What some accounts use of a policy: their tier, or a limit of it for which they have their own numbers or a grant. */
export interface InUse {
  readonly kind: "tier" | "override" | "grant";
  readonly tier: string;
  /** Null if `kind` is "tier". */
  readonly limit: string | null;
  /** At most {@link MAX_COUNTED_USERS}. */
  readonly accounts: number;
  /** Some of their ids. */
  readonly examples: readonly string[];
}

export function inUse({ use: { tier, limit, shape }, count, examples }: Users): InUse {
  const kind = limit === null ? "tier" : shape === null ? "grant" : "override";
  return { kind, tier, limit, accounts: count, examples };
}

/** A fault that accounts have when the policy is in force. */
export interface OrphanFault extends Fault {
  readonly inUse: InUse;
}

/** Says what happens to the accounts with this use, with the place in the document where it is missing. */
export function orphanFault({ defaultTier }: Policy, users: Users): OrphanFault {
  const { use, count, examples } = users;
  const { tier, limit, shape } = use;
  const [accounts, have] = count === 1 ? ["account", "has"] : ["accounts", "have"];
  const many = count < MAX_COUNTED_USERS ? String(count) : `${count} or more`;
  const who = examples.length < count ? `${examples.join(", ")}, …` : examples.join(", ");
  if (limit === null) {
    const message = `${many} ${accounts} ${have} the tier "${tier}", which this policy lacks: they would be limited by the default tier "${defaultTier}" (${who})`;
    return { path: pointer(["tiers", tier]), message, inUse: inUse(users) };
  }
  const what = shape === null ? "a grant" : "an override";
  const message = `${many} ${accounts} of the tier "${tier}" ${have} ${what} for the limit "${limit}", which would have no effect: the limit is missing or of another kind (${who})`;
  return { path: pointer(["tiers", tier, "limits"]), message, inUse: inUse(users) };
}

/** Removed tiers. Tokens and calls of the decision API may name them; how many do is unknown. */
export function removedTiers(next: Policy, current: Policy): Fault[] {
  return [...current.tiers.keys()]
    .filter((tier) => !next.tiers.has(tier))
    .map((tier) => ({
      path: pointer(["tiers", tier]),
      message: `the tier "${tier}" is removed: tokens and calls of the decision API that name it would be limited by the default tier "${next.defaultTier}"; how many do is not known`,
    }));
}
