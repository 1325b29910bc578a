/**
 * The control plane's side of an account's billing. src/objects/billing.ts documents the methods.
 *
 * As all changes of an account, each is one transaction of the change, its audit entry and the state, made once for each call, and answered
 * when no isolate decides without it any more.
 */
import { type BilledPeriod, lastSegment } from "../../src/billing/billed-period.ts";
import { formatMinor } from "../../src/billing/money.ts";
import type { Account } from "../../src/objects/account.ts";
import type {
  BillingAnswer,
  BillingChange,
  BillingChangeAnswer,
  BillingRpc,
  CreditAnswer,
  CreditRejection,
  CreditsAnswer,
  CreditView,
  NewCredit,
  NoBilling,
  PreviewAnswer,
  RemovedCreditAnswer,
  TierAnswer,
  TierChange,
  TierRejection,
} from "../../src/objects/billing.ts";
import type { Change } from "../../src/objects/change.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { BOTH, NOTHING } from "./account-changes.ts";
import { AccountObject } from "./account-object.ts";
import { settings } from "./account-views.ts";
import type { BillingAccount } from "./billing/billing-store.ts";
import { billingView } from "./billing/billing-views.ts";
import { creditView, creditViews, givenBy, unaccruedMinor } from "./billing/credits.ts";
import { decimalsOf } from "./billing/offers.ts";
import { previewOf } from "./billing/preview.ts";
import { hasCappablePrices, planTier, putPlan } from "./billing/tier-changes.ts";
import type { Memory } from "./memory.ts";

type NoCap = Extract<BillingChangeAnswer, { kind: "no-cap" }>;

interface Stored {
  readonly account: Account;
  readonly own: BillingAccount;
  readonly billed: BilledPeriod;
}

/** What a change of tier is noted as: when it takes effect. */
const NOW = "now";

export abstract class BillingObject extends AccountObject implements BillingRpc {
  async billing(revision: number): Promise<BillingAnswer> {
    const policy = await this.changes.require(revision);
    return this.#open(policy) ?? this.#answer(policy);
  }

  async changeBilling(change: BillingChange, revision: number, by: Change): Promise<BillingChangeAnswer> {
    const policy = await this.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const made = this.changes.tryOnce<NoCap>(by, (memory, nowMs) => {
      const { billing, audit } = memory;
      const { own, billed } = stored(memory);
      const isCapped = change.budget !== undefined && change.budget !== null;
      if (isCapped && !hasCappablePrices(lastSegment(billed).terms)) return { kind: "no-cap" };
      const { customer = own.customer, budget = own.budget, anchorDay = own.anchorDay } = change;
      const after = { ...own, customer, budget, anchorDay };
      billing.putAccount(after, nowMs);
      audit.note("billing.change", by, settingsOf(own), settingsOf(after), nowMs);
      this.changes.limitsChanged(memory, nowMs);
      return "";
    });
    if (typeof made !== "string") return made;
    await this.changes.effective(change.budget === undefined ? NOTHING : BOTH);
    return this.#answer(policy);
  }

  async changeTier(change: TierChange, revision: number, by: Change): Promise<TierAnswer> {
    const policy = await this.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const made = this.changes.tryOnce<TierRejection>(by, (memory, nowMs) => {
      const { account, own } = stored(memory);
      const plan = planTier(memory.billing, policy, account, change, nowMs);
      if (plan.kind !== "plan") return plan;
      putPlan(memory.billing, plan, nowMs);
      const changed =
        plan.tier === account.tier ? account : memory.accounts.change(account, { tier: plan.tier }, nowMs);
      const [before, after] = [own, plan.own].map(({ pendingTier }) => ({ pendingTier }));
      const [from, to] = [settings(account), settings(changed)];
      memory.audit.note("account.change", by, { ...from, ...before }, { ...to, ...after }, nowMs);
      this.changes.limitsChanged(memory, nowMs);
      return plan.at;
    });
    if (typeof made !== "string") return made;
    await this.changes.effective(made === NOW ? BOTH : NOTHING);
    const answer = this.#answer(policy);
    const at = made === NOW ? NOW : "period_end";
    return answer.kind === "billing" ? { ...answer, kind: "changed", at } : answer;
  }

  async previewTier(change: TierChange, revision: number): Promise<PreviewAnswer> {
    const policy = await this.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const { account } = stored(this.store.memory);
    const { billing } = this.store.memory;
    const plan = planTier(billing, policy, account, change, Date.now());
    if (plan.kind !== "plan") return plan;
    return { kind: "preview", preview: previewOf(billing, policy, account, plan) };
  }

  async credits(revision: number): Promise<CreditsAnswer> {
    const policy = await this.changes.require(revision);
    return this.#open(policy) ?? { kind: "credits", credits: creditViews(this.store.memory.billing, policy) };
  }

  async addCredit(input: NewCredit, revision: number, by: Change): Promise<CreditAnswer> {
    const policy = await this.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    let isNew = true;
    const made = this.changes.tryOnce<CreditRejection>(by, (memory, nowMs) => {
      const { billing, audit } = memory;
      const given = givenBy(input, billing.store.credits, stored(memory).billed, nowMs);
      if (given.kind === "rejected") return given.rejection;
      isNew = given.kind === "new";
      if (isNew) {
        billing.store.addCredit(given.credit);
        audit.note("credit.add", by, null, creditView(given.credit), nowMs);
        this.changes.limitsChanged(memory, nowMs);
      }
      return given.credit.id;
    });
    if (typeof made !== "string") return made;
    await this.changes.effective(BOTH);
    const credit = this.#credit(policy, made);
    if (credit === null) throw new Error("the new credit is missing");
    return { kind: "credit", credit, isNew };
  }

  async removeCredit(id: string, revision: number, by: Change): Promise<RemovedCreditAnswer> {
    const policy = await this.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    if (this.#credit(policy, id) === null) return { kind: "no-credit" };
    const removed = this.changes.commitOnce(by, (memory, nowMs) => {
      const { billing, audit } = memory;
      const credit = billing.store.credits.find((one) => one.id === id);
      if (!credit) throw new Error("the credit is gone");
      const freeMinor = unaccruedMinor(billing, policy, credit);
      const left = { ...credit, leftMinor: credit.leftMinor - freeMinor };
      billing.store.setLeft(id, left.leftMinor);
      audit.note("credit.remove", by, creditView(credit), creditView(left), nowMs);
      this.changes.limitsChanged(memory, nowMs);
      return formatMinor(freeMinor, decimalsOf(credit.currency));
    });
    await this.changes.effective(BOTH);
    const credit = this.#credit(policy, id);
    return credit === null ? { kind: "no-credit" } : { kind: "removed", credit, removed };
  }

  async openBilling(revision: number): Promise<void> {
    this.#open(await this.changes.require(revision));
  }

  /** Does what is due, so that the account has its open period. @returns why it has none; null: it has one. */
  #open(policy: Policy): NoBilling | null {
    this.advanceBilling(policy);
    const { accounts, billing } = this.store.memory;
    if (accounts.account === null) return { kind: "absent" };
    return billing.store.period === null ? { kind: "not-billed" } : null;
  }

  #answer(policy: Policy): BillingAnswer {
    const { billing, accounts } = this.store.memory;
    if (accounts.account === null) return { kind: "absent" };
    const view = billingView(billing, policy, accounts.account);
    return view ? { kind: "billing", billing: view } : { kind: "not-billed" };
  }

  #credit(policy: Policy, id: string): CreditView | null {
    return creditViews(this.store.memory.billing, policy).find((credit) => credit.id === id) ?? null;
  }
}

/** What a change works with. @throws if there is no open period: {@link BillingObject} has opened it in this turn. */
function stored({ accounts: { account }, billing: { store } }: Memory): Stored {
  const { account: own, period: billed } = store;
  if (account === null || own === null || billed === null) throw new Error("the account has no open period");
  return { account, own, billed };
}

function settingsOf({ customer, budget, anchorDay }: BillingAccount): object {
  return { customer, budget, anchorDay };
}
