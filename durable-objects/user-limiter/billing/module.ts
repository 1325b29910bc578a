/**
 * What the objects of billed users need beyond others, and the register. src/modules/billing.mjs is built from this file, and an isolate
 * loads it for its first user whose policy or storage has billing (src/billing-module.ts), or for a simulation of such a policy. Keeps no
 * state but what it is given.
 */
import { hasStripe } from "../../../src/stripe-module.ts";
import { withOverage } from "../../../src/simulation/overage-tiers.ts";
import { BillingCalls, type BillingHost } from "./billing-calls.ts";
import { BillingDesk } from "./billing-desk.ts";
import { BillingStore } from "./billing-store.ts";
import { Closing, type ClosingParts } from "./closing.ts";
import { closingRules } from "./closing-rules.ts";
import { InvoiceCalls, type InvoiceHost } from "./invoice-calls.ts";
import { InvoiceStore } from "./invoice-store.ts";
import { deliverDocument } from "./deliver-document.ts";
import { RegisterBook } from "../../billing-register/register-book.ts";
import type { RegisterNamespace } from "../../../src/objects/billing-register.ts";
import type { DeskParts } from "./open-period.ts";
import { statusBilling } from "./status-billing.ts";
import { StripeDesk } from "./stripe-desk.ts";
import { StripeStore } from "./stripe-store.ts";
import { putTerms } from "./tier-changes.ts";

/** The billing of the account whose tables `sql` has. */
function deskOf(sql: SqlStorage, parts: Omit<DeskParts, "store" | "sql">): BillingDesk {
  return new BillingDesk({ ...parts, sql, store: new BillingStore(sql, parts.hasTables(), parts.events) });
}

/** What closes the periods of that account. @param env of the deployment. */
function closingOf(sql: SqlStorage, parts: Omit<ClosingParts, "invoices" | "stripe">, env: object): Closing {
  const invoices = new InvoiceStore(sql, parts.events);
  const { outbox } = parts;
  const stripe = new StripeDesk({ rows: new StripeStore(sql), invoices, outbox, isOn: hasStripe(env) });
  return new Closing({ ...parts, invoices, stripe });
}

/** The documents of a series. */
function registerBookOf(storage: DurableObjectStorage, namespace: RegisterNamespace): RegisterBook {
  return new RegisterBook(storage, namespace);
}

function callsOf(host: BillingHost): BillingCalls {
  return new BillingCalls(host);
}

function invoiceCallsOf(host: InvoiceHost): InvoiceCalls {
  return new InvoiceCalls(host);
}

export const billingModule = {
  callsOf,
  closingOf,
  closingRules,
  deliverDocument,
  deskOf,
  invoiceCallsOf,
  registerBookOf,
  putTerms,
  statusBilling,
  withOverage,
};
