/** What calls Stripe, and takes its events (scripts/build-modules.ts). */
export { stripeModule } from "../api/stripe/module.ts";
