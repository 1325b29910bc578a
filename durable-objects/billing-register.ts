/**
 * BillingRegister: numbers the documents of one series. src/objects/billing-register.ts documents the methods.
 *
 * Only the class is here: what it does is in the module of billing, which the isolate loads with the first call
 * (billing-register/register-book.ts). Each method is one transaction, so it does not matter what runs while that loads.
 */
import { loadBilling } from "../src/billing-module.ts";
import type {
  BillingRegisterRpc,
  NumberedEntry,
  RegisterEntry,
  RegisterFilter,
  RegisterPosition,
  SumQuery,
} from "../src/objects/billing-register.ts";
import type { RegisterBook } from "./billing-register/register-book.ts";
import { countedStorage, reportMetrics } from "./object-metrics.ts";
import { PlacedObject } from "./placed-object.ts";

export class BillingRegister extends PlacedObject implements BillingRegisterRpc {
  #book: RegisterBook | null = null;

  async put(entry: RegisterEntry) {
    const answer = await (await this.#open()).put(entry);
    reportMetrics(this.ctx, this.env);
    return answer;
  }

  async list(filter: RegisterFilter, after: RegisterPosition | null, count: number) {
    return (await this.#open()).list(filter, after, count);
  }

  async sums(query: SumQuery) {
    return (await this.#open()).sums(query);
  }

  async outstanding() {
    return (await this.#open()).outstanding();
  }

  async beginRebuild(name: string) {
    (await this.#open()).beginRebuild(name);
  }

  async restore(entries: readonly NumberedEntry[]) {
    await (await this.#open()).restore(entries);
  }

  async finishRebuild() {
    return (await this.#open()).finishRebuild();
  }

  async announce(series: string, currency: string) {
    return (await this.#open()).announce(series, currency);
  }

  async overview() {
    return (await this.#open()).overview();
  }

  async #open(): Promise<RegisterBook> {
    const { registerBookOf } = await loadBilling();
    return (this.#book ??= registerBookOf(
      countedStorage(this.ctx.storage, "BillingRegister"),
      this.env.BILLING_REGISTER,
    ));
  }
}
