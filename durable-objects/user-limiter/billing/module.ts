/**
 * What the object of a billed user needs beyond others. src/modules/billing.mjs is built from this file, and an isolate loads it for its
 * first user whose policy or storage has billing (src/billing-module.ts). Keeps no state but what it is given.
 */
import { BillingCalls, type BillingHost } from "./billing-calls.ts";
import { BillingDesk, type DeskParts } from "./billing-desk.ts";
import { BillingStore } from "./billing-store.ts";
import { statusBilling } from "./status-billing.ts";
import { putTerms } from "./tier-changes.ts";

/** The billing of the account whose tables `sql` has. */
function deskOf(sql: SqlStorage, parts: Omit<DeskParts, "store">): BillingDesk {
  return new BillingDesk({ ...parts, store: new BillingStore(sql, parts.hasTables()) });
}

function callsOf(host: BillingHost): BillingCalls {
  return new BillingCalls(host);
}

export const billingModule = { callsOf, deskOf, putTerms, statusBilling };
