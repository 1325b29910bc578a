/** What customers pay: the board, and below it all invoices and credit notes. */
import { Board } from "./board.tsx";
import { Documents } from "./documents.tsx";

export function BillingScreen() {
  return (
    <>
      <h1>Billing</h1>
      <Board />
      <Documents />
    </>
  );
}
