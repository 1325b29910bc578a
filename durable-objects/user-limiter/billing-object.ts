/**
 * The control plane's side of an account's billing: loads what answers (billing/billing-calls.ts). src/objects/billing.ts documents the
 * methods.
 */
import { loadBilling } from "../../src/billing-module.ts";
import type { BillingChange, BillingRpc, NewCredit, TierChange } from "../../src/objects/billing.ts";
import type { Change } from "../../src/objects/change.ts";
import { chargeExpired } from "./lease-settlement.ts";
import { AccountObject } from "./account-object.ts";
import type { BillingCalls } from "./billing/billing-calls.ts";

export abstract class BillingObject extends AccountObject implements BillingRpc {
  async billing(revision: number) {
    return (await this.#calls()).billing(revision);
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

  /**
   * Does the steps of closing billing periods that are due.
   * @throws if the policy cannot be loaded, or if a step fails: nothing of it is stored then.
   */
  protected async closeDue(): Promise<void> {
    if (Date.now() < this.store.memory.closingMs) return;
    const policy = await this.changes.require(0);
    // Its alarm is set when all that is due is done.
    this.store.change((memory) => memory.advanceBilling(policy, Date.now()));
    const { closingRules } = await loadBilling();
    const revision = this.store.memory.closing?.dueRevision(Date.now()) ?? null;
    // Without billing in force: as the policy said by which the period was rated last.
    const rated = policy.billing || revision === null ? policy : await this.changes.policies.at(revision);
    const billing = rated?.billing ?? null;
    this.store.change((memory) =>
      memory.transact(() => {
        const nowMs = Date.now();
        if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
        if (memory.closing?.run(billing && closingRules(billing), nowMs)) memory.writeState(nowMs);
      }),
    );
  }

  async #calls(): Promise<BillingCalls> {
    const { store, changes } = this;
    const { callsOf } = await loadBilling();
    return callsOf({ store, changes, advance: (policy) => this.advanceBilling(policy) });
  }
}
