/**
 * An account's open billing period as it is now: its usage, grants and caps, what it comes to, and where its quota stops. Reads only;
 * billing-desk.ts changes it.
 */
import type { IncludedGrant, SegmentTerms } from "../../../src/billing/segment.ts";
import { type AllowanceBasis, allowanceOf } from "../../../src/billing/allowance.ts";
import { type BilledPeriod, lastSegment, withCap, withGrants } from "../../../src/billing/billed-period.ts";
import { capMinorOf, overageOf } from "../../../src/billing/ceiling.ts";
import type { Credit } from "../../../src/billing/credit.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { isSameTerms, termsAt } from "../../../src/billing/tier-change.ts";
import { type UsageRow, withUsage } from "../../../src/billing/usage.ts";
import type { Span } from "../../../src/core/calendar.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { Grant } from "../../../src/policy/adjust.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { AccountEvents } from "../../events/account-events.ts";
import type { AccountStore } from "../account-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Ledger } from "../ledger.ts";
import { admittedTokens, counterAllowance, counterOffset, liveBasis } from "./allowances.ts";
import type { BillingStore } from "./billing-store.ts";
import { DailyUsage } from "./daily-usage.ts";
import { decimalsOf, type Offer, offerOf } from "./offers.ts";
import { type Bill, type BillContext, billOf, creditsAfter } from "./rating.ts";

/** The parts of the object that billing reads and changes. */
export interface DeskParts {
  readonly sql: SqlStorage;
  readonly store: BillingStore;
  readonly accounts: AccountStore;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly hasTables: () => boolean;
  /** What counts in a counter in a period, without what a reset has forgiven. Millitokens. */
  readonly usedMilli: (counter: string, span: Span) => number;
  /** What isolates hold in leases, and what is reserved and not settled, for keys that are billed: it may still be used. Millitokens. */
  readonly lentMilli: () => number;
  /** What queues the account's events; null: the policy reports none. */
  readonly events: () => AccountEvents | null;
}

export class OpenPeriod {
  protected readonly parts: DeskParts;
  readonly #days: DailyUsage;

  constructor(parts: DeskParts) {
    this.parts = parts;
    this.#days = new DailyUsage(parts.sql, parts.ledger);
  }

  get store(): BillingStore {
    return this.parts.store;
  }

  /** What the ledger has of a period. */
  usageOf({ period, usageAtEnd }: BilledPeriod): readonly UsageRow[] {
    const { ledger, hasTables } = this.parts;
    const fromHour = Math.floor(period.startMs / HOUR_MS);
    return usageAtEnd ?? ledger.byRoute(fromHour, Math.ceil(period.endMs / HOUR_MS), hasTables());
  }

  /** What the ledger has from the hour of this moment on. */
  usageSince(fromMs: number): readonly UsageRow[] {
    const { ledger, hasTables } = this.parts;
    return ledger.byRoute(Math.floor(fromMs / HOUR_MS), Infinity, hasTables());
  }

  /** Billed usage on the complete days before now (daily-usage.ts). */
  billedDays(nowMs: number): number[] {
    return this.#days.before(nowMs, this.parts.hasTables());
  }

  /** The account's grants as they count in the open period. */
  grants(): readonly IncludedGrant[] {
    return this.parts.accounts.grants.kept.map(({ limit, amount, createdMs, untilMs }) => ({
      limit,
      amountMilli: Math.round(amount * 1000),
      fromMs: createdMs,
      untilMs,
    }));
  }

  /** What a grant has admitted in the open period beyond what is included without it, in tokens: it stays included. */
  admittedBy({ grantId, limit }: Grant): number {
    const billed = this.current();
    const grant = this.parts.accounts.grants.kept.find((one) => one.grantId === grantId);
    if (billed === null || grant === undefined) return 0;
    const others = this.grants().filter((_one, i) => this.parts.accounts.grants.kept[i] !== grant);
    return admittedTokens(billed, withGrants(billed, others), limit, this.usageOf(billed));
  }

  /** The quota with overage of the open period's terms; null: there is none. */
  get overageLimit(): string | null {
    const { period } = this.store;
    return period && (lastSegment(period).terms.quota?.name ?? null);
  }

  /** The open period with the grants of now; null if there is none. */
  current(): BilledPeriod | null {
    const { period } = this.store;
    return period && this.withGrants(period);
  }

  /** {@link current} with its usage as of now, so that a view reads the ledger once. Never store it. */
  snapshot(): BilledPeriod | null {
    const billed = this.current();
    return billed && { ...billed, usageAtEnd: this.usageOf(billed) };
  }

  /** The end of the account's trial in the open period, and the terms from then on; null: it changes nothing any more. */
  endOfTrial(
    policy: Policy,
    account: Account,
    billed: BilledPeriod,
    nowMs: number,
  ): { readonly endsMs: number; readonly terms: SegmentTerms } | null {
    const endsMs = this.store.account?.trialEndsMs ?? null;
    const last = lastSegment(billed);
    if (endsMs === null || endsMs <= Math.max(nowMs, last.startMs) || endsMs >= billed.period.endMs)
      return null;
    const terms = termsAt(this.offer(policy, account), endsMs, endsMs);
    return isSameTerms(terms, last) ? null : { endsMs, terms };
  }

  /** What a bill of the account needs besides its period. Credits are what unclosed periods leave of them: their bills come first. */
  context(policy: Policy, currency: string): BillContext {
    const taxes = policy.billing?.taxes ?? [];
    const customer = this.store.account?.customer ?? {};
    const credits: Credit[] = this.store.credits.filter((credit) => credit.currency === currency);
    if (!credits.some(({ leftMinor }) => leftMinor > 0n)) return { customer, taxes, credits };
    let left = credits;
    for (const { startMs } of this.store.unclosed()) {
      const billed = this.store.at(startMs);
      if (billed.currency !== currency) continue;
      left = creditsAfter(left, [billOf(billed, this.usageOf(billed), { customer, taxes, credits: left })]);
    }
    return { customer, taxes, credits: left };
  }

  /** What the open period comes to if no usage follows. */
  bill(policy: Policy, billed: BilledPeriod): Bill {
    return billOf(billed, this.usageOf(billed), this.context(policy, billed.currency));
  }

  /**
   * As {@link bill}, if all that is lent has been used. A cap or credit that is taken away now must not take away what pays for that: it was
   * admitted before, and settles later.
   */
  billWithLent(policy: Policy, billed: BilledPeriod): Bill {
    const usage = withUsage(this.usageOf(billed), this.parts.lentMilli());
    return billOf(billed, usage, this.context(policy, billed.currency));
  }

  /** What the policy offers the account in the tier of this name, by default its own. */
  offer(policy: Policy, account: Account, tier = account.tier): Offer {
    return offerOf(policy, tier, account.overrides);
  }

  /**
   * The spend cap of a period; null: none. That of the policy in force, or, if its tier no longer offers the terms that the period still
   * charges by, or is in another currency, the cap that was last in force: a change of the policy must not let the rest of a period run on
   * without one.
   */
  spendCapOf(policy: Policy, billed: BilledPeriod, offer: Offer): string | null {
    const { capMinor, currency } = billed;
    if (currency === policy.billing?.currency && isOffered(lastSegment(billed), offer)) return offer.spendCap;
    return capMinor === null ? null : formatMinor(capMinor, decimalsOf(currency));
  }

  /** The allowance of the open period in the counter's terms, for decisions; null: there is none. */
  allowance(policy: Policy) {
    const found = this.live(policy);
    const live = found && allowanceOf(found.basis);
    if (found === null || live === null) return null;
    return counterAllowance(live, found.billed, this.parts.usedMilli, this.#ledgerMilli);
  }

  /** What the allowance of the open period follows from; null: there is no open period. */
  protected live(policy: Policy): { readonly billed: BilledPeriod; readonly basis: AllowanceBasis } | null {
    const billed = this.current();
    const own = this.store.account;
    const { account } = this.parts.accounts;
    if (billed === null || own === null || account === null) return null;
    const spendCap = this.spendCapOf(policy, billed, this.offer(policy, account));
    const basis = liveBasis(billed, this.context(policy, billed.currency), own.budget, spendCap);
    return { billed, basis };
  }

  /** What the counter of a quota counts more than the ledger since the period began. */
  protected counterOffset(limit: string, billed: BilledPeriod): number {
    return counterOffset(limit, billed, this.parts.usedMilli, this.#ledgerMilli);
  }

  readonly #ledgerMilli = (fromHour: number, toHour: number): number => {
    const { ledger, hasTables } = this.parts;
    return ledger.chargedMilli(fromHour, toHour, null, "live", hasTables());
  };

  /** A period with the cap of this tier and budget, or with what has accrued above it. */
  capped(policy: Policy, billed: BilledPeriod, offer: Offer, budget: string | null): BilledPeriod {
    const spendCap = this.spendCapOf(policy, billed, offer);
    const capMinor = capMinorOf([spendCap, budget], decimalsOf(billed.currency));
    if (capMinor === billed.capMinor) return billed;
    return withCap(billed, capMinor, overageOf(this.billWithLent(policy, billed).lines));
  }

  protected withGrants(billed: BilledPeriod): BilledPeriod {
    return withGrants(billed, this.grants());
  }
}

/** Whether a tier offers what a segment charges overage by. */
function isOffered({ tier, terms: { quota } }: SegmentTerms, offer: Offer): boolean {
  if (quota === null || quota.price === null) return true;
  const own = offer.terms.quota;
  return offer.tier === tier && own?.name === quota.name && own.price !== null;
}
