/**
 * Tiers as their accounts' requests are decided under billing, for replays: usage continues beyond the included amount, up to the
 * policy's spend cap.
 *
 * A record knows no account's billing: each account is taken for one in the middle of a tier's whole period, without a budget, and with
 * credits for whatever it uses. Pure: no I/O and no clock.
 */
import { allowanceOf, NO_CAPS } from "../billing/allowance.ts";
import { exponentOf } from "../billing/currency.ts";
import { compileTerms, termsOf } from "../billing/terms.ts";
import { toTokens } from "../core/units.ts";
import type { Tier } from "../policy/compiled.ts";
import { withOwnAllowance } from "../policy/own-allowance.ts";

/** Whole periods have the whole amount, however long they are. */
const PERIOD_MS = 1;

/** The tier with its overage quota as it stops an account that pays for more; the tier itself if none does. */
export function withOverage(tier: Tier): Tier {
  const { plan, overage, billing } = tier.billing ?? {};
  const scoped = tier.limits.find(({ limit }) => limit.name === overage?.limit);
  const exponent = billing ? exponentOf(billing.currency) : null;
  if (!plan || !overage || exponent === null || scoped?.limit.kind !== "quota") return tier;
  const { amountMilli, anchorDay } = scoped.limit;
  const { fields } = overage;
  const quota = { name: overage.limit, amount: toTokens(amountMilli), overage: fields };
  const terms = compileTerms(termsOf(plan, quota));
  const isPaid = terms.quota?.mode === "prepaid" ? { ...terms.quota, mode: "payg" as const } : terms.quota;
  const allowance = allowanceOf({
    segment: {
      startMs: 0,
      endMs: PERIOD_MS,
      terms: { ...terms, quota: isPaid },
      grantedMilli: 0,
      usageAtStart: [],
    },
    earlier: [],
    caps: { ...NO_CAPS, spendCap: fields.spendCap ?? null },
    rates: [],
    fullMs: PERIOD_MS,
    exponent,
  });
  if (allowance === null) return tier;
  const { limit, includedMilli, amountMilli: stopMilli, stop } = allowance;
  const cap = stop === "included" ? null : stop;
  return withOwnAllowance(tier, { limit, anchorDay, includedMilli, amountMilli: stopMilli, cap });
}
