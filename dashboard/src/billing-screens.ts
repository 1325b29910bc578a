/** What a product that bills nobody never opens. Import it dynamically only. */
export { BillingScreen } from "./billing/billing-screen.tsx";
export { WebhooksScreen } from "./webhooks/webhooks-screen.tsx";
