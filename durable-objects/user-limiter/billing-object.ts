/**
 * The control plane's side of an account's billing: loads what answers (billing/billing-calls.ts). src/objects/billing.ts documents the
 * methods.
 */
import { loadBilling } from "../../src/billing-module.ts";
import type { BillingChange, BillingRpc, NewCredit, TierChange } from "../../src/objects/billing.ts";
import type { Change } from "../../src/objects/change.ts";
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

  async #calls(): Promise<BillingCalls> {
    const { store, changes } = this;
    const { callsOf } = await loadBilling();
    return callsOf({ store, changes, advance: (policy) => this.advanceBilling(policy) });
  }
}
