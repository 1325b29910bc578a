/**
 * The control plane's side of an account's billing: loads what answers (billing/billing-calls.ts, invoice-calls.ts).
 * src/objects/billing.ts and invoices.ts document the methods.
 */
import { loadBilling } from "../../src/billing-module.ts";
import type { BillingChange, BillingRpc, NewCredit, TierChange } from "../../src/objects/billing.ts";
import type { Change } from "../../src/objects/change.ts";
import type { Adjustment, CreditedAmount, Ending, InvoicesRpc } from "../../src/objects/invoices.ts";
import type { StripeReport } from "../../src/objects/stripe.ts";
import { chargeExpired } from "./lease-settlement.ts";
import { AccountObject } from "./account-object.ts";
import type { BillingCalls, BillingHost } from "./billing/billing-calls.ts";
import type { InvoiceCalls } from "./billing/invoice-calls.ts";

export abstract class BillingObject extends AccountObject implements BillingRpc, InvoicesRpc {
  async billing(revision: number) {
    return (await this.#calls()).billing(revision);
  }

  async runningPeriod(revision: number) {
    return (await this.#calls()).runningPeriod(revision);
  }

  async changeBilling(change: BillingChange, revision: number, by: Change) {
    return (await this.#calls()).changeBilling(change, revision, by);
  }

  async changeTier(change: TierChange, revision: number, by: Change) {
    return (await this.#calls()).changeTier(change, revision, by);
  }

  async previewTier(change: TierChange, revision: number) {
    return (await this.#calls()).previewTier(change, revision);
  }

  async credits(revision: number) {
    return (await this.#calls()).credits(revision);
  }

  async addCredit(input: NewCredit, revision: number, by: Change) {
    return (await this.#calls()).addCredit(input, revision, by);
  }

  async removeCredit(id: string, revision: number, by: Change) {
    return (await this.#calls()).removeCredit(id, revision, by);
  }

  async openBilling(revision: number) {
    return (await this.#calls()).openBilling(revision);
  }

  async invoices(beforeMs: number, count: number) {
    return (await this.#invoices()).invoices(beforeMs, count);
  }

  async invoice(id: string) {
    return (await this.#invoices()).invoice(id);
  }

  async adjustInvoice(id: string, lines: readonly Adjustment[], currency: string | null, by: Change) {
    return (await this.#invoices()).adjustInvoice(id, lines, currency, by);
  }

  async finalizeInvoice(id: string, by: Change) {
    return (await this.#invoices()).finalizeInvoice(id, by);
  }

  async creditInvoice(id: string, lines: readonly CreditedAmount[], by: Change) {
    return (await this.#invoices()).creditInvoice(id, lines, by);
  }

  async payInvoice(id: string, by: Change) {
    return (await this.#invoices()).payInvoice(id, by);
  }

  async endInvoice(id: string, ending: Ending, by: Change) {
    return (await this.#invoices()).endInvoice(id, ending, by);
  }

  async sendToStripe(id: string, by: Change) {
    return (await this.#invoices()).sendToStripe(id, by);
  }

  async stripeReport(report: StripeReport) {
    return (await this.#invoices()).stripeReport(report);
  }

  async numberedDocuments() {
    return (await this.#invoices()).numberedDocuments();
  }

  /**
   * Does the steps of closing billing periods that are due.
   * @returns whether anything was done, so that there may be something to publish.
   * @throws if the policy cannot be loaded, or if a step fails: nothing of it is stored then.
   */
  protected async closeDue(): Promise<boolean> {
    if (Date.now() < this.store.memory.closingMs) return false;
    const policy = await this.changes.require(0);
    // Its alarm is set when all that is due is done.
    this.store.change((memory) => memory.advanceBilling(policy, Date.now()));
    const { closingRules } = await loadBilling();
    const revision = this.store.memory.closing?.dueRevision(Date.now()) ?? null;
    // Without billing in force: as the policy said by which the period was rated last.
    const rated = policy.billing || revision === null ? policy : await this.changes.policies.at(revision);
    const billing = rated?.billing ?? null;
    return this.store.change((memory) =>
      memory.transact(() => {
        const nowMs = Date.now();
        if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
        const isChanged = memory.closing?.run(billing && closingRules(billing), nowMs) ?? false;
        if (isChanged) memory.writeState(nowMs);
        return isChanged;
      }),
    );
  }

  async #calls(): Promise<BillingCalls> {
    const { callsOf } = await loadBilling();
    return callsOf(this.#host());
  }

  async #invoices(): Promise<InvoiceCalls> {
    const { invoiceCallsOf } = await loadBilling();
    return invoiceCallsOf({ ...this.#host(), closeDue: () => this.#closeAndPublish() });
  }

  /** As the alarm does, when somebody looks before it runs. */
  async #closeAndPublish(): Promise<void> {
    if (await this.closeDue()) this.ctx.waitUntil(this.store.publish());
  }

  #host(): BillingHost {
    const { store, changes } = this;
    return { store, changes, advance: (policy) => this.advanceBilling(policy) };
  }
}
