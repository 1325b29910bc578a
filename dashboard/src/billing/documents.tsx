/** The invoices and credit notes of all accounts that have a number, the newest first. */
import { Choice } from "../kit/choice.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { Pages } from "../shell/pages.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { withQuery } from "../shell/query.ts";
import { usePolled } from "../shell/use-polled.ts";
import { parseRegister, STATUS_TONES } from "./invoice-api.ts";
import { InvoiceTable } from "./invoice-table.tsx";

const EVERY_MS = 15_000;
const KINDS = [
  ["", "Invoices"],
  ["credit_note", "Credit notes"],
] as const;
/** Those of documents with a number. */
const STATUSES = [
  ["", "Any"],
  ...Object.keys(STATUS_TONES)
    .slice(2, -2)
    .map((status) => [status, status.replace("_", " ")] as const),
] as const;

export function Documents() {
  const { address, go } = usePage();
  const { kind = "", status = "", account = "", cursor = "" } = address.params;
  const path = withQuery("/api/v1/admin/billing/invoices", { kind, status, account, cursor });
  const polled = usePolled(path, parseRegister, EVERY_MS);
  const { value } = polled;
  const pick = (name: string) => (picked: string) => go(changed(address, { [name]: picked, cursor: "" }));
  return (
    <Section title={kind === "" ? "Invoices" : "Credit notes"}>
      <div class="filter-bar">
        <Choice label="Show" options={KINDS} value={kind} onPick={pick("kind")} />
        <Choice label="Status" options={STATUSES} value={status} onPick={pick("status")} />
      </div>
      <PollState polled={polled} />
      {value?.documents.length === 0 && (
        <Empty
          title="There are none"
          hint="An invoice is listed once it has a number: after its period, when its review has ended. Drafts are on the screen of their user."
        />
      )}
      {value && value.documents.length > 0 && (
        <InvoiceTable
          label="Documents"
          invoices={value.documents}
          accountOf={(invoice) => invoice.account}
          withAccounts
        />
      )}
      <Pages next={value?.cursor ?? null} />
    </Section>
  );
}
