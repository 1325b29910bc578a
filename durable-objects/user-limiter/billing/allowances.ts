/**
 * The allowance of an account's open period: by the ledger, as bills and people see it, and by the quota's counter, as decisions see it.
 *
 * Pure: no I/O and no clock.
 */
import { type Allowance, type AllowanceBasis, allowanceOf } from "../../../src/billing/allowance.ts";
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import { includedMilli as includedIn } from "../../../src/billing/included.ts";
import { allowanceBasis, ratableSegments } from "../../../src/billing/standing.ts";
import { quantityMilli, type UsageRow } from "../../../src/billing/usage.ts";
import { periodAt, type Span } from "../../../src/core/calendar.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import { MAX_EXACT, toTokens } from "../../../src/core/units.ts";
import { counterOf } from "../../../src/policy/charges.ts";
import type { CounterAllowance } from "../../../src/policy/own-allowance.ts";
import { decimalsOf } from "./offers.ts";
import { type BillContext, standingOf } from "./rating.ts";

/** By the caps of now, in millitokens since the period began; null if the terms have no overage quota. */
export function liveAllowance(...basis: Parameters<typeof liveBasis>): Allowance | null {
  return allowanceOf(liveBasis(...basis));
}

/** What the allowance follows from by the caps of now. */
export function liveBasis(
  billed: BilledPeriod,
  context: BillContext,
  budget: string | null,
  spendCap: string | null,
): AllowanceBasis {
  const rules = { exponent: decimalsOf(billed.currency), taxes: context.taxes, spendCap };
  return allowanceBasis({ ...standingOf(billed, context), budget }, rules);
}

/**
 * The same allowance in the counter's terms. A counter counts whole months of the anchor day, also before a stub, and without what a
 * reset has forgiven; a period counts from its beginning what the ledger has.
 * @param usedMilli what counts in the counter in a span.
 * @param ledgerMilli what the ledger has of hours for live keys, including what counts in quotas only.
 */
export function counterAllowance(
  allowance: Allowance,
  { period, anchorDay }: BilledPeriod,
  usedMilli: (counter: string, span: Span) => number,
  ledgerMilli: (fromHour: number, toHour: number) => number,
): CounterAllowance {
  const { limit, includedMilli, amountMilli, stop } = allowance;
  const offset = counterOffset(limit, { period, anchorDay }, usedMilli, ledgerMilli);
  const shifted = (milli: number): number => Math.min(MAX_EXACT, Math.max(0, milli + offset));
  return {
    limit,
    anchorDay,
    cap: stop === "included" ? null : stop,
    includedMilli: shifted(includedMilli),
    amountMilli: amountMilli === null ? null : shifted(amountMilli),
  };
}

/** What the counter of a quota counts more than the ledger since the period began. Parameters as of {@link counterAllowance}. */
export function counterOffset(
  limit: string,
  { period, anchorDay }: Pick<BilledPeriod, "period" | "anchorDay">,
  usedMilli: (counter: string, span: Span) => number,
  ledgerMilli: (fromHour: number, toHour: number) => number,
): number {
  const counter = counterOf(limit, "live");
  const month = periodAt("month", period.startMs, anchorDay);
  const startHour = Math.floor(period.startMs / HOUR_MS);
  const startMs = startHour * HOUR_MS;
  const beforeMilli = startMs > month.startMs ? usedMilli(counter, { ...month, endMs: startMs }) : 0;
  const countedMilli = usedMilli(counter, { startMs, endMs: month.endMs });
  const forgivenMilli = ledgerMilli(startHour, Math.ceil(month.endMs / HOUR_MS)) - countedMilli;
  return beforeMilli - forgivenMilli;
}

/**
 * How much of a grant was used: what its segment used beyond what the other grants include. In tokens.
 * @param without the period without the grant.
 */
export function admittedTokens(
  billed: BilledPeriod,
  without: BilledPeriod,
  limit: string,
  usage: readonly UsageRow[],
): number {
  const context: BillContext = { customer: {}, taxes: [], credits: [] };
  const granted = ratableSegments(standingOf(billed, context), usage);
  const plain = ratableSegments(standingOf(without, context), usage);
  let milli = 0;
  plain.forEach((segment, i) => {
    const { quota } = segment.terms;
    const grantedMilli = (granted[i]?.grantedMilli ?? 0) - segment.grantedMilli;
    if (quota?.name !== limit || grantedMilli <= 0) return;
    const overMilli =
      quantityMilli(segment.usage, null, quota.unit) - includedIn(segment, billed.period.fullMs);
    milli += Math.min(grantedMilli, Math.max(0, overMilli));
  });
  return toTokens(milli);
}
