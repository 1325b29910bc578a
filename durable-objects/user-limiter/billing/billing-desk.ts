/**
 * An account's billing in its object's memory: the open period, what has become due in it, and the allowance that decisions use.
 *
 * Nothing here runs per decision but two comparisons ({@link BillingDesk.isDue}). The object's first turn after a period's or a trial's
 * end does what is due, before it decides anything. Every change is stored in one transaction with the exact state of the ledger, so
 * segments begin at usage that storage has.
 */
import type { IncludedGrant } from "../../../src/billing/segment.ts";
import {
  type BilledPeriod,
  endPeriod,
  endTrial,
  lastSegment,
  openPeriod,
  withCap,
  withGrants,
} from "../../../src/billing/billed-period.ts";
import { capMinorOf, overageOf } from "../../../src/billing/ceiling.ts";
import type { Credit } from "../../../src/billing/credit.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { isSameTerms, termsAt, trialEndMs } from "../../../src/billing/tier-change.ts";
import { type UsageRow, withUsage } from "../../../src/billing/usage.ts";
import type { Span } from "../../../src/core/calendar.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { Grant } from "../../../src/policy/adjust.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { AccountStore } from "../account-store.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Ledger } from "../ledger.ts";
import { admittedTokens, counterAllowance, liveAllowance } from "./allowances.ts";
import type { BillingAccount, BillingStore } from "./billing-store.ts";
import { decimalsOf, type Offer, offerOf, rulesOf } from "./offers.ts";
import { type Bill, type BillContext, billOf, creditsAfter } from "./rating.ts";

/** An hour freezes this long after it has ended: the longest that a settlement is waited for. */
const OPEN_HOURS = 2;

/** Periods that one turn opens at most: 20 idle years. Later turns open the others. */
const MAX_PERIODS_PER_TURN = 240;

/** Who changes a tier at a period's end, in the audit trail. */
const PERIOD_END = { actor: "billing", reason: "period_end" };

/** The parts of the object that billing reads and changes. */
export interface DeskParts {
  readonly store: BillingStore;
  readonly accounts: AccountStore;
  readonly ledger: Ledger;
  readonly audit: AuditTrail;
  readonly hasTables: () => boolean;
  /** What counts in a counter in a period, without what a reset has forgiven. Millitokens. */
  readonly usedMilli: (counter: string, span: Span) => number;
  /** What isolates hold in leases and may still have used for keys that are billed. Millitokens. */
  readonly lentMilli: () => number;
}

/** What an advance did. */
export interface Advance {
  /** Whether it changed rows: write the state in the same transaction. */
  readonly isStored: boolean;
  /** Whether it changed the account, so that there is something to publish. */
  readonly isPublished: boolean;
}

const NOTHING_DONE: Advance = { isStored: false, isPublished: false };

export class BillingDesk {
  readonly #parts: DeskParts;
  /** The policy by which everything due was done. */
  #policy: Policy | null = null;
  /** When the next thing becomes due. */
  #dueMs = -Infinity;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#freeze(-Infinity);
  }

  get store(): BillingStore {
    return this.#parts.store;
  }

  /** Whether {@link advance} may have something to do. Call in each turn. */
  isDue(policy: Policy, nowMs: number): boolean {
    return policy !== this.#policy || nowMs >= this.#dueMs;
  }

  /** The account, its credits or its grants have changed: the next turn computes everything anew. */
  recheck(): void {
    this.#policy = null;
  }

  /** Whether there is a period to open, to end or to look at. If not, nothing is stored. */
  isBilled(policy: Policy): boolean {
    const { store, accounts } = this.#parts;
    return store.period !== null || (policy.billing !== null && accounts.account !== null);
  }

  /** Does what is due by this policy. Call in a transaction, unless the account is not {@link isBilled}. */
  advance(policy: Policy, nowMs: number): Advance {
    const { store, accounts } = this.#parts;
    const { account } = accounts;
    if (!this.isBilled(policy)) return this.#rest(policy, Infinity);
    this.#freeze(nowMs);
    const isKept = this.#keepEnded(nowMs);
    if (policy === this.#policy && nowMs < this.#nextMs()) {
      this.#rest(policy, hourAfter(nowMs));
      return { isStored: isKept, isPublished: false };
    }
    if (policy.billing === null || account === null) {
      this.end(nowMs);
      this.#rest(policy, Infinity);
      return { isStored: true, isPublished: false };
    }
    let isStored = isKept || store.period === null;
    let isPublished = false;
    let billed = store.period ?? this.#begin(policy, account, nowMs);
    for (let opened = 0; opened < MAX_PERIODS_PER_TURN && nowMs >= this.#nextMs(); opened++) {
      if (this.#nextMs() < billed.period.endMs) billed = this.#endTrial(policy, billed);
      else {
        isPublished = this.#next(policy, billed) || isPublished;
        billed = store.period ?? billed;
      }
      isStored = true;
    }
    isStored = this.#applyCap(policy) || isStored;
    accounts.setAllowance(this.allowance(policy));
    this.#rest(policy, hourAfter(nowMs));
    return { isStored, isPublished };
  }

  /** Ends the open period now, since the account or billing ends. Call in a transaction. */
  end(nowMs: number): void {
    const { store, accounts } = this.#parts;
    const { account, period: billed } = store;
    if (account === null || billed === null) return;
    store.putPeriod(endPeriod(this.#withGrants(billed), nowMs, this.usageOf(billed)));
    this.putAccount({ ...account, periodMs: null, pendingTier: null }, nowMs);
    accounts.setAllowance(null);
    this.recheck();
  }

  /** Stores what belongs to no period. Call in a transaction. */
  putAccount(account: BillingAccount, nowMs: number): void {
    this.#freeze(nowMs);
    this.store.putAccount({ ...account, firstOpenHour: this.#parts.ledger.firstOpenHour });
  }

  /**
   * Stores which hours are frozen by now, before they are reported as such: otherwise a restarted object whose clock has stepped back would
   * add to them. Call in a transaction if {@link mustStoreFreeze}.
   */
  keepFrozen(nowMs: number): void {
    if (this.store.account !== null) this.putAccount(this.store.account, nowMs);
  }

  /** Whether storage does not know yet that some hours are frozen. */
  mustStoreFreeze(nowMs: number): boolean {
    this.#freeze(nowMs);
    const { account } = this.store;
    return account !== null && account.firstOpenHour < this.#parts.ledger.firstOpenHour;
  }

  /** What the ledger has of a period. */
  usageOf({ period, usageAtEnd }: BilledPeriod): readonly UsageRow[] {
    const { ledger, hasTables } = this.#parts;
    const fromHour = Math.floor(period.startMs / HOUR_MS);
    return usageAtEnd ?? ledger.byRoute(fromHour, Math.ceil(period.endMs / HOUR_MS), hasTables());
  }

  /** The account's grants as they count in the open period. */
  grants(): readonly IncludedGrant[] {
    return this.#parts.accounts.keptGrants.map(({ limit, amount, createdMs, untilMs }) => ({
      limit,
      amountMilli: Math.round(amount * 1000),
      fromMs: createdMs,
      untilMs,
    }));
  }

  /** What a grant has admitted in the open period beyond what is included without it, in tokens: it stays included. */
  admittedBy({ grantId, limit }: Grant): number {
    const billed = this.current();
    const grant = this.#parts.accounts.keptGrants.find((one) => one.grantId === grantId);
    if (billed === null || grant === undefined) return 0;
    const others = this.grants().filter((_one, i) => this.#parts.accounts.keptGrants[i] !== grant);
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
    return period && this.#withGrants(period);
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
    const usage = withUsage(this.usageOf(billed), this.#parts.lentMilli());
    return billOf(billed, usage, this.context(policy, billed.currency));
  }

  /** What the policy offers the account in the tier of this name, by default its own. */
  offer(policy: Policy, account: Account, tier = account.tier): Offer {
    const offer = offerOf(policy, tier, account.overrides);
    const { period } = this.store;
    if (period === null || period.currency === policy.billing?.currency) return offer;
    // An amount in another currency caps nothing here: until the period ends, the cap is the last one in its own.
    const { capMinor, currency } = period;
    return { ...offer, spendCap: capMinor === null ? null : formatMinor(capMinor, decimalsOf(currency)) };
  }

  /** The allowance of the open period in the counter's terms, for decisions; null: there is none. */
  allowance(policy: Policy) {
    const billed = this.current();
    const own = this.store.account;
    const { account } = this.#parts.accounts;
    if (billed === null || own === null || account === null) return null;
    const { spendCap } = this.offer(policy, account);
    const live = liveAllowance(billed, this.context(policy, billed.currency), own.budget, spendCap);
    if (live === null) return null;
    const { ledger, hasTables, usedMilli } = this.#parts;
    return counterAllowance(live, billed, usedMilli, (fromHour, toHour) =>
      ledger.chargedMilli(fromHour, toHour, null, "live", hasTables()),
    );
  }

  /** A period with the cap of this tier and budget, or with what has accrued above it. */
  capped(policy: Policy, billed: BilledPeriod, { spendCap }: Offer, budget: string | null): BilledPeriod {
    const capMinor = capMinorOf([spendCap, budget], decimalsOf(billed.currency));
    if (capMinor === billed.capMinor) return billed;
    return withCap(billed, capMinor, overageOf(this.billWithLent(policy, billed).lines));
  }

  /** Cuts the bill to the caps that are in force now. @returns whether that changed anything. */
  #applyCap(policy: Policy): boolean {
    const billed = this.current();
    const own = this.store.account;
    const { account } = this.#parts.accounts;
    if (billed === null || own === null || account === null) return false;
    const capped = this.capped(policy, billed, this.offer(policy, account), own.budget);
    if (capped.capMinor === billed.capMinor) return false;
    this.store.putPeriod(capped);
    return true;
  }

  #begin(policy: Policy, account: Account, nowMs: number): BilledPeriod {
    const { store, ledger, hasTables } = this.#parts;
    const startMs = Math.max(nowMs, store.nextStartMs());
    const offer = this.offer(policy, account);
    const own = store.account ?? NEW_ACCOUNT;
    const trialEndsMs = trialEndMs(own.trialEndsMs, offer, account.createdMs);
    const usage = ledger.byRoute(Math.floor(startMs / HOUR_MS), Infinity, hasTables());
    const terms = termsAt(offer, trialEndsMs, startMs);
    const rules = rulesOrThrow(policy, own.anchorDay);
    const billed = openPeriod(startMs, rules, terms, this.grants(), usage);
    // Even if the clock steps back: what is admitted from now on is billed.
    ledger.firstOpenHour = Math.max(ledger.firstOpenHour, Math.floor(startMs / HOUR_MS));
    this.putAccount({ ...own, trialEndsMs, periodMs: startMs }, nowMs);
    store.putPeriod(billed);
    return billed;
  }

  #endTrial(policy: Policy, billed: BilledPeriod): BilledPeriod {
    const { account } = this.#parts.accounts;
    const { account: own } = this.store;
    const endsMs = own?.trialEndsMs ?? null;
    if (account === null || own === null || endsMs === null) throw new Error("no trial ends");
    const terms = termsAt(this.offer(policy, account), endsMs, endsMs);
    const { startMs } = lastSegment(billed);
    if (isSameTerms(terms, lastSegment(billed))) {
      // Nothing changes: a cut would only take what is included and not used yet.
      this.putAccount({ ...own, trialEndsMs: startMs }, endsMs);
      return billed;
    }
    const ended = endTrial(billed, endsMs, terms, this.usageOf(billed));
    this.store.putPeriod(ended);
    return ended;
  }

  /** Ends the open period and opens the next. @returns whether the account's tier changed. */
  #next(policy: Policy, billed: BilledPeriod): boolean {
    const { store, accounts, audit } = this.#parts;
    const { account: own } = store;
    const before = accounts.account;
    if (own === null || before === null) throw new Error("a period without an account");
    const startMs = billed.period.endMs;
    store.putPeriod(this.#withGrants(billed));
    const { pendingTier } = own;
    const isChanged = pendingTier !== null && pendingTier !== before.tier;
    const account = isChanged ? accounts.change(before, { tier: pendingTier }, startMs) : before;
    if (isChanged) {
      audit.note("account.change", PERIOD_END, { tier: before.tier }, { tier: account.tier }, startMs);
    }
    const offer = this.offer(policy, account);
    const trialEndsMs = isChanged ? trialEndMs(own.trialEndsMs, offer, startMs) : own.trialEndsMs;
    const terms = termsAt(offer, trialEndsMs, startMs);
    const next = openPeriod(startMs, rulesOrThrow(policy, own.anchorDay), terms, this.grants());
    this.putAccount({ ...own, trialEndsMs, pendingTier: null, periodMs: startMs }, startMs);
    store.putPeriod(next);
    return isChanged;
  }

  /** When the open period or its trial ends. */
  #nextMs(): number {
    const { account, period: billed } = this.store;
    if (account === null || billed === null) return Infinity;
    const { trialEndsMs } = account;
    const isTrial = trialEndsMs !== null && lastSegment(billed).startMs < trialEndsMs;
    return isTrial ? Math.min(trialEndsMs, billed.period.endMs) : billed.period.endMs;
  }

  #withGrants(billed: BilledPeriod): BilledPeriod {
    return withGrants(billed, this.grants());
  }

  /** Stores that the hours before the open period are frozen, once they are: from then on, they are billed. @returns whether it did. */
  #keepEnded(nowMs: number): boolean {
    const { period } = this.store;
    if (period === null || !this.mustStoreFreeze(nowMs)) return false;
    const startHour = Math.floor(period.period.startMs / HOUR_MS);
    if (this.#parts.ledger.firstOpenHour < startHour) return false;
    if ((this.store.account?.firstOpenHour ?? 0) >= startHour) return false;
    this.keepFrozen(nowMs);
    return true;
  }

  /** Hours before the first open one never change again, even if the clock steps back. */
  #freeze(nowMs: number): void {
    const { ledger, store } = this.#parts;
    if (store.account === null) return;
    const openHour = Math.floor(nowMs / HOUR_MS) - OPEN_HOURS;
    ledger.firstOpenHour = Math.max(ledger.firstOpenHour, store.account.firstOpenHour, openHour);
  }

  #rest(policy: Policy, dueMs: number): Advance {
    this.#policy = policy;
    this.#dueMs = Math.min(dueMs, this.#nextMs());
    return NOTHING_DONE;
  }
}

/** What the table has before billing begins. */
const NEW_ACCOUNT: BillingAccount = {
  customer: {},
  anchorDay: null,
  budget: null,
  pendingTier: null,
  trialEndsMs: null,
  firstOpenHour: 0,
  periodMs: null,
};

function rulesOrThrow(policy: Policy, anchorDay: number | null) {
  const rules = rulesOf(policy, anchorDay);
  if (rules === null) throw new Error("the policy has no billing");
  return rules;
}

function hourAfter(nowMs: number): number {
  return (Math.floor(nowMs / HOUR_MS) + 1) * HOUR_MS;
}
