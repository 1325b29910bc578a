/**
 * The table of an account's customer and invoices at Stripe. A migration of the user's object (../schema.ts); docs/storage.md describes it.
 * `name` is an invoice's id, or `customer`; `body` is JSON of a StripeRow, or of a StripeCustomer (src/objects/stripe.ts).
 */
export const STRIPE_TABLE = `
CREATE TABLE stripe (
  name TEXT PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;
`;
