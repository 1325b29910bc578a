/**
 * Loads what calls Stripe and takes its events, which most isolates never need: it is a module of its own, which
 * `scripts/build-modules.ts` builds. The import must stand in a file directly in src/, as in billing-module.ts.
 */
import type { stripeModule } from "./modules/stripe.mjs";

/** Whether the deployment has Stripe's secret key. */
export function hasStripe(env: object): boolean {
  return Boolean(Reflect.get(env, "STRIPE_SECRET_KEY"));
}

let loaded: typeof stripeModule | null = null;

/** Loads the module, once for the isolate. */
export async function loadStripe(): Promise<typeof stripeModule> {
  return (loaded ??= (await import("./modules/stripe.mjs")).stripeModule);
}
