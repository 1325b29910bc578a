/** What an invoice takes of the account's credits, and gives back if it is drafted again, carried or voided. */
import type { InvoiceDocument } from "../../../src/billing/invoice-document.ts";
import type { BillingDesk } from "./billing-desk.ts";

/** Call in the transaction of the draft. */
export function takeCredits(desk: BillingDesk, { credits }: InvoiceDocument): void {
  addToCredits(
    desk,
    credits.map(({ id, minor }) => [id, -BigInt(minor)]),
  );
}

export function returnCredits(desk: BillingDesk, { credits }: InvoiceDocument): void {
  addToCredits(
    desk,
    credits.map(({ id, minor }) => [id, BigInt(minor)]),
  );
}

function addToCredits(desk: BillingDesk, changes: readonly (readonly [id: string, minor: bigint])[]): void {
  for (const [id, minor] of changes) {
    const credit = desk.store.credits.find((one) => one.id === id);
    if (!credit) throw new Error(`the credit ${id} is gone`);
    desk.store.setLeft(id, credit.leftMinor + minor);
  }
  if (changes.length > 0) desk.recheck();
}
