/**
 * Loads the billing of users' objects, which isolates without a billed user never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, since its specifier is left as it is when the
 * Worker is bundled.
 */
import type { billingModule } from "./modules/billing.mjs";

export type BillingModule = typeof billingModule;

let loaded: BillingModule | null = null;

/** The module if this isolate has loaded it. */
export function loadedBilling(): BillingModule | null {
  return loaded;
}

/** Loads the module, once for the isolate. */
export async function loadBilling(): Promise<BillingModule> {
  return (loaded ??= (await import("./modules/billing.mjs")).billingModule);
}
