/**
 * The control plane's side of an account's billing. src/objects/billing.ts documents the methods; ../account-object.ts says what all changes
 * of an account have in common.
 */
import { type BilledPeriod, lastSegment } from "../../../src/billing/billed-period.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import type { Account } from "../../../src/objects/account.ts";
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
  RunningAnswer,
  TierAnswer,
  TierChange,
  TierRejection,
} from "../../../src/objects/billing.ts";
import type { Change } from "../../../src/objects/change.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { AccountChanges } from "../account-changes.ts";
import { BOTH, NOTHING } from "../fence-scopes.ts";
import { settings } from "../account-views.ts";
import type { Memory } from "../memory.ts";
import type { UserStore } from "../user-store.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { BillingAccount } from "./billing-rows.ts";
import { billingView } from "./billing-views.ts";
import { creditView, creditViews, givenBy, unaccruedMinor } from "./credits.ts";
import { decimalsOf } from "./offers.ts";
import { previewOf } from "./preview.ts";
import { runningPeriod } from "./running-period.ts";
import { hasCappablePrices, planTier, putPlan } from "./tier-changes.ts";

type NoCap = Extract<BillingChangeAnswer, { kind: "no-cap" }>;

interface Stored {
  readonly desk: BillingDesk;
  readonly account: Account;
  readonly own: BillingAccount;
  readonly billed: BilledPeriod;
}

/** What a change of tier is noted as: when it takes effect. */
const NOW = "now";

/** The object whose billing it is. */
export interface BillingHost {
  readonly store: UserStore;
  readonly changes: AccountChanges;
  /** Does what is due in billing, as a turn does first. */
  advance(policy: Policy): void;
}

export class BillingCalls implements BillingRpc {
  readonly #host: BillingHost;

  constructor(host: BillingHost) {
    this.#host = host;
  }

  async billing(revision: number): Promise<BillingAnswer> {
    const policy = await this.#host.changes.require(revision);
    return this.#open(policy) ?? this.#answer(policy);
  }

  async runningPeriod(revision: number): Promise<RunningAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const { desk, account } = stored(this.#host.store.memory);
    const running = runningPeriod(desk, policy, account);
    return running ? { kind: "running", running } : { kind: "not-billed" };
  }

  async changeBilling(change: BillingChange, revision: number, by: Change): Promise<BillingChangeAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const made = this.#host.changes.tryOnce<NoCap>(by, (memory, nowMs) => {
      const { desk, own, billed } = stored(memory);
      const isCapped = change.budget !== undefined && change.budget !== null;
      if (isCapped && !hasCappablePrices(lastSegment(billed).terms)) return { kind: "no-cap" };
      const { customer = own.customer, budget = own.budget, anchorDay = own.anchorDay } = change;
      const after = { ...own, customer, budget, anchorDay };
      desk.putAccount(after, nowMs);
      memory.audit.note("billing.change", by, settingsOf(own), settingsOf(after), nowMs);
      this.#host.changes.limitsChanged(memory, nowMs);
      return "";
    });
    if (typeof made !== "string") return made;
    await this.#host.changes.effective(change.budget === undefined ? NOTHING : BOTH);
    return this.#answer(policy);
  }

  async changeTier(change: TierChange, revision: number, by: Change): Promise<TierAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const made = this.#host.changes.tryOnce<TierRejection>(by, (memory, nowMs) => {
      const { desk, account, own } = stored(memory);
      const plan = planTier(desk, policy, account, change, nowMs);
      if (plan.kind !== "plan") return plan;
      putPlan(desk, plan, nowMs);
      const changed =
        plan.tier === account.tier ? account : memory.accounts.change(account, { tier: plan.tier }, nowMs);
      const [before, after] = [own, plan.own].map(({ pendingTier }) => ({ pendingTier }));
      const [from, to] = [settings(account), settings(changed)];
      memory.audit.note("account.change", by, { ...from, ...before }, { ...to, ...after }, nowMs);
      this.#host.changes.limitsChanged(memory, nowMs);
      return plan.at;
    });
    if (typeof made !== "string") return made;
    await this.#host.changes.effective(made === NOW ? BOTH : NOTHING);
    const answer = this.#answer(policy);
    const at = made === NOW ? NOW : "period_end";
    return answer.kind === "billing" ? { ...answer, kind: "changed", at } : answer;
  }

  async previewTier(change: TierChange, revision: number): Promise<PreviewAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    const { desk, account } = stored(this.#host.store.memory);
    const plan = planTier(desk, policy, account, change, Date.now());
    if (plan.kind !== "plan") return plan;
    return { kind: "preview", preview: previewOf(desk, policy, account, plan) };
  }

  async credits(revision: number): Promise<CreditsAnswer> {
    const policy = await this.#host.changes.require(revision);
    return this.#open(policy) ?? { kind: "credits", credits: this.#credits(policy) };
  }

  async addCredit(input: NewCredit, revision: number, by: Change): Promise<CreditAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    let isNew = true;
    const made = this.#host.changes.tryOnce<CreditRejection>(by, (memory, nowMs) => {
      const { desk, billed } = stored(memory);
      const given = givenBy(input, desk.store.credits, billed, nowMs);
      if (given.kind === "rejected") return given.rejection;
      isNew = given.kind === "new";
      if (isNew) {
        desk.store.addCredit(given.credit);
        memory.audit.note("credit.add", by, null, creditView(given.credit), nowMs);
        this.#host.changes.limitsChanged(memory, nowMs);
      }
      return given.credit.id;
    });
    if (typeof made !== "string") return made;
    await this.#host.changes.effective(BOTH);
    const credit = this.#credit(policy, made);
    if (credit === null) throw new Error("the new credit is missing");
    return { kind: "credit", credit, isNew };
  }

  async removeCredit(id: string, revision: number, by: Change): Promise<RemovedCreditAnswer> {
    const policy = await this.#host.changes.require(revision);
    const none = this.#open(policy);
    if (none) return none;
    if (this.#credit(policy, id) === null) return { kind: "no-credit" };
    const removed = this.#host.changes.commitOnce(by, (memory, nowMs) => {
      const { desk } = stored(memory);
      const credit = desk.store.credits.find((one) => one.id === id);
      if (!credit) throw new Error("the credit is gone");
      const freeMinor = unaccruedMinor(desk, policy, credit);
      const left = { ...credit, leftMinor: credit.leftMinor - freeMinor };
      desk.store.setLeft(id, left.leftMinor);
      const [before, after] = [credit, left].map(creditView);
      memory.audit.note("credit.remove", by, before ?? null, after ?? null, nowMs);
      this.#host.changes.limitsChanged(memory, nowMs);
      return formatMinor(freeMinor, decimalsOf(credit.currency));
    });
    if (typeof removed !== "string") return removed;
    await this.#host.changes.effective(BOTH);
    const credit = this.#credit(policy, id);
    return credit === null ? { kind: "no-credit" } : { kind: "removed", credit, removed };
  }

  async openBilling(revision: number): Promise<void> {
    this.#open(await this.#host.changes.require(revision));
  }

  /** Does what is due, so that the account has its open period. @returns why it has none; null: it has one. */
  #open(policy: Policy): NoBilling | null {
    this.#host.advance(policy);
    const { accounts, billing } = this.#host.store.memory;
    if (accounts.account === null) return { kind: "absent" };
    return billing === null || billing.store.period === null ? { kind: "not-billed" } : null;
  }

  #answer(policy: Policy): BillingAnswer {
    const { billing, accounts } = this.#host.store.memory;
    if (accounts.account === null) return { kind: "absent" };
    const view = billing && billingView(billing, policy, accounts.account, Date.now());
    return view ? { kind: "billing", billing: view } : { kind: "not-billed" };
  }

  #credits(policy: Policy): CreditView[] {
    const { desk } = stored(this.#host.store.memory);
    return creditViews(desk, policy);
  }

  #credit(policy: Policy, id: string): CreditView | null {
    return this.#credits(policy).find((credit) => credit.id === id) ?? null;
  }
}

/** What a change works with. @throws if there is no open period: {@link BillingCalls} has opened it in this turn. */
function stored({ accounts: { account }, billing: desk }: Memory): Stored {
  const { account: own, period: billed } = desk?.store ?? { account: null, period: null };
  if (!desk || !account || !own || !billed) throw new Error("the account has no open period");
  return { desk, account, own, billed };
}

function settingsOf({ customer, budget, anchorDay }: BillingAccount): object {
  return { customer, budget, anchorDay };
}
