/** Invoices and credit notes as a table. Each leads to its page and its PDF. */
import type { ComponentChildren } from "preact";
import { Badge } from "../kit/badge.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import { periodText } from "../shell/moment.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { type Invoice, invoicePath, STATUS_TONES } from "./invoice-api.ts";

interface Props<T extends Invoice> {
  readonly label: string;
  readonly invoices: readonly T[];
  readonly accountOf: (invoice: T) => string;
  /** In a list of many accounts. */
  readonly withAccounts?: boolean;
  /** What has failed, beside the status; "" for nothing. */
  readonly faultOf?: (invoice: T) => string;
  /** What can be done with an invoice. */
  readonly actions?: (invoice: T) => ComponentChildren;
}

export function InvoiceTable<T extends Invoice>({
  label,
  invoices,
  accountOf,
  withAccounts,
  faultOf,
  actions,
}: Props<T>) {
  return (
    <Table
      label={label}
      heads={[
        ["Number", "name"],
        ...(withAccounts ? ["User"] : []),
        "Period",
        ["Total", "num"],
        ["Open", "num"],
        "Status",
        "Due",
        ACTIONS,
      ]}
    >
      {invoices.map((invoice) => {
        const { id, number, kind, status, period, currency, total, open, dueAt, finalizesAt } = invoice;
        const account = accountOf(invoice);
        const fault = faultOf?.(invoice);
        const page = (of: string) => `${invoicePath(account, of)}.html`;
        return (
          <tr key={id}>
            <th scope="row" class="name">
              <File to={page(id)}>{number ?? "no number"}</File>{" "}
              <span class="caption">
                {kind === "credit_note" && "credit note"}
                {invoice.creditNotes?.map((note) => (
                  <File key={note} to={page(note)}>
                    credit note
                  </File>
                ))}
              </span>
            </th>
            {withAccounts && (
              <td>
                <SubjectLink account={`user:${account}`} />
              </td>
            )}
            <td>{periodText(period, Date.now())}</td>
            <td class="num">
              {total} {currency}
            </td>
            <td class="num">{open}</td>
            <td class={fault ? "name" : undefined}>
              <Badge tone={STATUS_TONES[status]}>{status.replace("_", " ")}</Badge>
              {fault && (
                <>
                  {" "}
                  <Badge tone="error">failed</Badge>
                  <div class="caption">{fault}</div>
                </>
              )}
            </td>
            <td>
              <Until due={dueAt} review={finalizesAt ?? null} />
            </td>
            <td class="row-actions">
              <File to={`${invoicePath(account, id)}.pdf`}>PDF</File> {actions?.(invoice)}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

/** When an invoice is due, or the review of a draft ends. */
function Until({ due, review }: { readonly due: string | null; readonly review: string | null }) {
  const at = due ?? review;
  if (at === null) return <>–</>;
  return (
    <>
      {due === null && "review until "}
      <When iso={at} />
    </>
  );
}

/** In a tab of its own. */
function File({ to, children }: { readonly to: string; readonly children: ComponentChildren }) {
  return (
    <a href={to} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}
