/**
 * What a policy orphans: tiers and limits that accounts use and a document lacks. Accounts of a missing tier are limited by the
 * default tier, and an override or a grant of a missing limit has no effect, though both look as if they were in force.
 *
 * Pure: the directory knows which accounts use what.
 */
import { overrideFaults } from "../../policy/adjust.ts";
import { type Policy, tierOf } from "../../policy/compile.ts";
import { type Fault, pointer } from "../../policy/fault.ts";
import { MAX_COUNTED_USERS, type PolicyUse, type Users } from "../../objects/account-directory.ts";

/** The uses that have no effect under `next` and had one under `current`; null: every use had one. */
export function orphansOf(uses: readonly PolicyUse[], next: Policy, current: Policy | null): PolicyUse[] {
  return uses.filter((use) => isOrphan(next, use) && !(current && isOrphan(current, use)));
}

/** Only the fields of an override are known here, not its numbers: whether those can be counted exactly is not checked. */
function isOrphan(policy: Policy, { tier, limit, shape }: PolicyUse): boolean {
  if (limit === null) return !policy.tiers.has(tier);
  const base = tierOf(policy, tier);
  if (shape !== null) return overrideFaults(base, { [limit]: shape }).length > 0;
  return !base.limits.some(({ document }) => document.name === limit);
}

/** What happens to the accounts that use it, at its place in the document that lacks it. */
export function orphanFault({ defaultTier }: Policy, { use, count, examples }: Users): Fault {
  const { tier, limit, shape } = use;
  const [accounts, have] = count === 1 ? ["account", "has"] : ["accounts", "have"];
  const many = count < MAX_COUNTED_USERS ? String(count) : `${count} or more`;
  const who = examples.length < count ? `${examples.join(", ")}, …` : examples.join(", ");
  if (limit === null) {
    const message = `${many} ${accounts} ${have} the tier "${tier}", which this policy lacks: they would be limited by the default tier "${defaultTier}" (${who})`;
    return { path: pointer(["tiers", tier]), message };
  }
  const what = shape === null ? "a grant" : "numbers of their own";
  const message = `${many} ${accounts} of the tier "${tier}" ${have} ${what} for the limit "${limit}", which would have no effect: the limit is missing or of another kind (${who})`;
  return { path: pointer(["tiers", tier, "limits"]), message };
}

/** Removed tiers. It is unknown how many tokens, or calls of the decision API, name them. */
export function removedTiers(next: Policy, current: Policy): Fault[] {
  return [...current.tiers.keys()]
    .filter((tier) => !next.tiers.has(tier))
    .map((tier) => ({
      path: pointer(["tiers", tier]),
      message: `the tier "${tier}" is removed: tokens and calls of the decision API that name it would be limited by the default tier "${next.defaultTier}"; how many do is not known`,
    }));
}
