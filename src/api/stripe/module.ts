/** What calls Stripe, and takes its events. src/modules/stripe.mjs is built from this file (src/stripe-module.ts). Keeps no state. */
import { deliverInvoice } from "../../stripe/deliver-invoice.ts";
import { receiveEvent } from "./receive-event.ts";

export const stripeModule = { deliverInvoice, receiveEvent };
