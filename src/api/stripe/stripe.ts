/** Where Stripe reports what has happened to invoices and payments. Every isolate has this file, and loads the handler on first use. */
import { loadStripe } from "../../stripe-module.ts";
import type { Endpoint } from "../endpoint.ts";

export const STRIPE = {
  receiveStripeEvent: {
    method: "POST",
    path: "/api/v1/billing/stripe",
    access: "none",
    handler: async (c) => (await loadStripe()).receiveEvent(c),
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
