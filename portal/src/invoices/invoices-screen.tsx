/** The account's invoices and credit notes, newest first, with links to their pages and PDFs. */
import { STATUS_TONES } from "../../../dashboard/src/billing/invoice-api.ts";
import { Badge } from "../../../dashboard/src/kit/badge.tsx";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { Empty } from "../../../dashboard/src/kit/state.tsx";
import { dayText, periodText } from "../../../dashboard/src/shell/moment.ts";
import { usePage } from "../../../dashboard/src/shell/page.tsx";
import { Pages } from "../../../dashboard/src/shell/pages.tsx";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { withQuery } from "../../../dashboard/src/shell/query.ts";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { money } from "../money.ts";
import { INVOICES, parseInvoices, type PortalInvoice } from "../portal-api.ts";

const EVERY_MS = 15_000;
const PAGE = "20";

export function InvoicesScreen() {
  const { cursor = "" } = usePage().address.params;
  const polled = usePolled(withQuery(INVOICES, { limit: PAGE, cursor }), parseInvoices, EVERY_MS);
  const { value } = polled;
  return (
    <Section title="Documents" detail="with tax">
      <PollState polled={polled} />
      {value?.invoices.length === 0 && (
        <Empty title="No invoices yet" hint="The first is issued after the billing period." />
      )}
      {value && value.invoices.length > 0 && (
        <ul class="rows" aria-label="Invoices">
          {value.invoices.map((invoice) => (
            <Row key={invoice.id} of={invoice} />
          ))}
        </ul>
      )}
      <Pages next={value?.cursor ?? null} />
    </Section>
  );
}

function Row({ of: invoice }: { readonly of: PortalInvoice }) {
  const { id, number, kind, status, period, currency, total, open, dueAt, payAt } = invoice;
  const nowMs = Date.now();
  return (
    <li>
      <div>
        <h3>{number}</h3>
        <div class="caption">
          {kind === "credit_note" && "credit note, "}
          {periodText(period, nowMs)}
          {dueAt !== null && `, due ${dayText(Date.parse(dueAt), nowMs)}`}
        </div>
      </div>
      <div class="sum">
        <Badge tone={STATUS_TONES[status]}>{status.replace("_", " ")}</Badge> {money(total, currency)}
        {open !== total && Number(open) > 0 && <div class="caption">{money(open, currency)} open</div>}
      </div>
      <div class="files">
        {payAt?.startsWith("https:") && Number(open) > 0 && (
          <File to={payAt} of={number}>
            Pay
          </File>
        )}
        <File to={filePath(id, "html")} of={number}>
          Page
        </File>
        <File to={filePath(id, "pdf")} of={number}>
          PDF
        </File>
      </div>
    </li>
  );
}

const filePath = (id: string, type: "html" | "pdf"): string =>
  `${INVOICES}/${encodeURIComponent(id)}.${type}`;

interface FileProps {
  readonly to: string;
  /** The document's number. */
  readonly of: string | null;
  readonly children: string;
}

/** Opens in a new tab. */
function File({ to, of, children }: FileProps) {
  return (
    <a href={to} target="_blank" rel="noreferrer" aria-label={`${children} of ${of}`}>
      {children}
    </a>
  );
}
