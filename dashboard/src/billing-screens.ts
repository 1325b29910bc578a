/** The screens that a deployment without billing never needs, in a file of their own. Import it dynamically only. */
export { BillingScreen } from "./billing/billing-screen.tsx";
export { WebhooksScreen } from "./webhooks/webhooks-screen.tsx";
