/** The admin API's answers of the billing board, as far as the page shows them. Pure; every answer passes a guard. */
import type { Invoiced, RunningAccount, RunningPage } from "../shell/answers.ts";
import { type Guards, isListOf, isNullOr, isNumber, isShape, isText, parseAs } from "../shell/guards.ts";

export const INVOICED_PATH = "/api/v1/admin/billing/reports/invoiced";
export const RUNNING_PATH = "/api/v1/admin/billing/reports/running";

/** The sum of some documents. */
export type InvoicedSum = Invoiced["total"];
type InvoicedRow = Invoiced["rows"][number];

const SUM: Guards<InvoicedSum> = { documents: isNumber, amount: isText, creditNotes: isText };
export const parseInvoiced = parseAs(
  isShape<Invoiced>({
    currency: isNullOr(isText),
    rows: isListOf(isShape<InvoicedRow>({ ...SUM, key: isText })),
    others: isNullOr(isShape(SUM)),
    total: isShape(SUM),
    unknown: isNumber,
    outstanding: isShape({ documents: isNumber, open: isText, pastDue: isText }),
  }),
);

export const parseRunning = parseAs(
  isShape<RunningPage>({
    computedAt: isText,
    currency: isText,
    costPerMillion: isNullOr(isText),
    accounts: isListOf(
      isShape<RunningAccount>({
        account: isText,
        name: isText,
        tier: isText,
        currency: isText,
        base: isText,
        subtotal: isText,
        overage: isText,
        requests: isNumber,
      }),
    ),
    failed: isListOf(isText),
    cursor: isNullOr(isText),
  }),
);
