/**
 * An account's billing in its object's memory: the open period, what has become due in it, and the allowance that decisions use.
 *
 * Nothing here runs per decision but two comparisons ({@link BillingDesk.isDue}). The object's first turn after a period's or a trial's
 * end does what is due, before it decides anything. Every change is stored in one transaction with the exact state of the ledger, so
 * segments begin at usage that storage has.
 */
import {
  type BilledPeriod,
  endPeriod,
  endTrial,
  lastSegment,
  openPeriod,
} from "../../../src/billing/billed-period.ts";
import { isSameTerms, termsAt, trialEndMs } from "../../../src/billing/tier-change.ts";
import type { States } from "../../../src/core/plan.ts";
import { HOUR_MS, OPEN_HOURS } from "../../../src/core/time.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingAccount } from "./billing-rows.ts";
import { rulesOf } from "./offers.ts";
import { type DeskParts, OpenPeriod } from "./open-period.ts";
import { PeriodAlerts } from "./period-alerts.ts";

/** Periods that one turn opens at most: 20 idle years. Later turns open the others. */
const MAX_PERIODS_PER_TURN = 240;

/** Who changes a tier at a period's end, in the audit trail. */
const PERIOD_END = { actor: "billing", reason: "period_end" };

/** What an advance did. */
export interface Advance {
  /** Whether it changed rows: write the state in the same transaction. */
  readonly isStored: boolean;
  /** Whether it changed the account, so that there is something to publish. */
  readonly isPublished: boolean;
  /** When the first period or trial ended that was due; null: none was. */
  readonly changedMs: number | null;
}

const NOTHING_DONE: Advance = { isStored: false, isPublished: false, changedMs: null };

export class BillingDesk extends OpenPeriod {
  /** The policy by which everything due was done. */
  #policy: Policy | null = null;
  /** When the next thing becomes due. */
  #dueMs = -Infinity;
  readonly #alerts = new PeriodAlerts();

  constructor(parts: DeskParts) {
    super(parts);
    this.#freeze(-Infinity);
  }

  /** Whether {@link advance} may have something to do. Call in each turn. */
  isDue(policy: Policy, nowMs: number): boolean {
    return policy !== this.#policy || nowMs >= this.#dueMs;
  }

  /** Whether usage has reached a threshold that {@link alert} reports. One comparison, for each turn under a policy with events. */
  isAlertDue(live: States): boolean {
    return this.#alerts.isDue(live);
  }

  /** Queues the alerts of the thresholds that usage has reached, unless the policy has changed since. Call in a transaction. */
  alert(policy: Policy, live: States, nowMs: number): void {
    if (policy === this.#policy) this.#alerts.run(live, nowMs);
  }

  /** The account, its credits or its grants have changed: the next turn computes everything anew. */
  recheck(): void {
    this.#policy = null;
  }

  /** Whether there is a period to open, to end or to look at. If not, nothing is stored. */
  isBilled(policy: Policy): boolean {
    const { store, accounts } = this.parts;
    return store.period !== null || (policy.billing !== null && accounts.account !== null);
  }

  /** Does what is due by this policy. Call in a transaction, unless the account is not {@link isBilled}. */
  advance(policy: Policy, nowMs: number): Advance {
    const { store, accounts } = this.parts;
    const { account } = accounts;
    if (!this.isBilled(policy)) return this.#rest(policy, Infinity);
    this.#freeze(nowMs);
    const isKept = this.#keepEnded(nowMs);
    if (policy === this.#policy && nowMs < this.#nextMs()) {
      this.#rest(policy, hourAfter(nowMs));
      return { ...NOTHING_DONE, isStored: isKept };
    }
    if (policy.billing === null || account === null) {
      this.end(nowMs);
      this.#rest(policy, Infinity);
      return { ...NOTHING_DONE, isStored: true };
    }
    let isStored = isKept || store.period === null;
    let isPublished = false;
    let changedMs: number | null = null;
    let billed = store.period ?? this.#begin(policy, account, nowMs);
    for (let opened = 0; opened < MAX_PERIODS_PER_TURN && nowMs >= this.#nextMs(); opened++) {
      changedMs ??= this.#nextMs();
      if (this.#nextMs() < billed.period.endMs) billed = this.#endTrial(policy, billed);
      else {
        isPublished = this.#next(policy, billed) || isPublished;
        billed = store.period ?? billed;
      }
      isStored = true;
    }
    isStored = this.#applyCap(policy) || isStored;
    accounts.setAllowance(this.allowance(policy));
    this.#watch(policy);
    this.#rest(policy, hourAfter(nowMs));
    return { isStored, isPublished, changedMs };
  }

  /** Ends the open period now, since the account or billing ends. Call in a transaction. */
  end(nowMs: number): void {
    const { store, accounts } = this.parts;
    const { account, period: billed } = store;
    if (account === null || billed === null) return;
    store.putPeriod(endPeriod(this.withGrants(billed), nowMs, this.usageOf(billed)));
    this.putAccount({ ...account, periodMs: null, pendingTier: null }, nowMs);
    accounts.setAllowance(null);
    this.#alerts.watch(null);
    this.recheck();
  }

  /** Stores what belongs to no period. Call in a transaction. */
  putAccount(account: BillingAccount, nowMs: number): void {
    this.#freeze(nowMs);
    this.store.putAccount({ ...account, firstOpenHour: this.parts.ledger.firstOpenHour });
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
    return account !== null && account.firstOpenHour < this.parts.ledger.firstOpenHour;
  }

  /** Cuts the bill to the caps that are in force now. @returns whether that changed anything. */
  #applyCap(policy: Policy): boolean {
    const billed = this.current();
    const own = this.store.account;
    const { account } = this.parts.accounts;
    if (billed === null || own === null || account === null) return false;
    const capped = this.capped(policy, billed, this.offer(policy, account), own.budget);
    if (capped.capMinor === billed.capMinor) return false;
    this.store.putPeriod(capped);
    return true;
  }

  /** Finds the thresholds of the open period, if the policy has any and reports them. */
  #watch(policy: Policy): void {
    const percents = policy.billing?.alerts ?? [];
    const events = policy.events === null || percents.length === 0 ? null : this.parts.events();
    const live = events && this.live(policy);
    const limit = live?.basis.segment.terms.quota?.name;
    if (events === null || !live || limit === undefined) {
      this.#alerts.watch(null);
      return;
    }
    const offsetMilli = this.counterOffset(limit, live.billed);
    this.#alerts.watch({ ...live, limit, offsetMilli, percents, events });
  }

  #begin(policy: Policy, account: Account, nowMs: number): BilledPeriod {
    const { store, ledger, hasTables } = this.parts;
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
    const { account } = this.parts.accounts;
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
    const { store, accounts, audit } = this.parts;
    const { account: own } = store;
    const before = accounts.account;
    if (own === null || before === null) throw new Error("a period without an account");
    const startMs = billed.period.endMs;
    store.putPeriod(this.withGrants(billed));
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

  /** Stores that the hours before the open period are frozen, once they are: from then on, they are billed. @returns whether it did. */
  #keepEnded(nowMs: number): boolean {
    const { period } = this.store;
    if (period === null || !this.mustStoreFreeze(nowMs)) return false;
    const startHour = Math.floor(period.period.startMs / HOUR_MS);
    if (this.parts.ledger.firstOpenHour < startHour) return false;
    if ((this.store.account?.firstOpenHour ?? 0) >= startHour) return false;
    this.keepFrozen(nowMs);
    return true;
  }

  /** Hours before the first open one never change again, even if the clock steps back. */
  #freeze(nowMs: number): void {
    const { ledger, store } = this.parts;
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
