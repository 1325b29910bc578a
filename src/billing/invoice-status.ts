/** The statuses of an invoice. Pure. */

/**
 * - `draft`: may be adjusted. `pending`: final, and waits for its number.
 * - `issued`: numbered. `paid`: also if credits have paid all of it. `past_due`: not paid in time.
 * - `void`: cancelled. `uncollectible`: still owed, but nobody waits for the money.
 * - `carried`: too small, the next invoice has it. `empty`: comes to nothing, so it is not issued.
 */
export const INVOICE_STATUSES = [
  "draft",
  "pending",
  "issued",
  "paid",
  "past_due",
  "void",
  "uncollectible",
  "carried",
  "empty",
] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];
