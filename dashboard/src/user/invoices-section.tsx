/** An account's invoices and credit notes, drafts included, also of a deleted account, and what can be done with each. */
import { type Invoice, parseInvoices } from "../billing/invoice-api.ts";
import { InvoiceTable } from "../billing/invoice-table.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath } from "./account-api.ts";
import { type InvoiceStep, STEPS, stepsOf, stripeFault } from "./invoice-steps.ts";
import type { UserAction } from "./use-user.ts";
import { RowAction } from "./user-actions.tsx";

const EVERY_MS = 15_000;
const NOT_FOUND = 404;

interface Props {
  readonly id: string;
  readonly onOpen: (action: UserAction) => void;
}

export function InvoicesSection({ id, onOpen }: Props) {
  const polled = usePolled(`${accountPath(id)}/invoices?limit=50`, parseInvoices, EVERY_MS);
  const { value } = polled;
  const button = (invoice: Invoice, step: InvoiceStep) => (
    <RowAction
      key={step}
      verb={STEPS[step].verb}
      of={invoice.number ?? "the draft"}
      onClick={() => onOpen({ invoice, step })}
    />
  );
  // There was never an account of this id.
  if (polled.status === NOT_FOUND) return null;
  return (
    <Section title="Invoices" detail={value?.cursor ? "the newest 50" : undefined}>
      <PollState polled={polled} />
      {value?.invoices.length === 0 && (
        <Empty title="No invoices" hint="A draft is made two hours after the billing period ends." />
      )}
      {value && value.invoices.length > 0 && (
        <InvoiceTable
          label="Invoices"
          invoices={value.invoices}
          accountOf={() => id}
          faultOf={stripeFault}
          actions={(invoice) => stepsOf(invoice).map((step) => button(invoice, step))}
        />
      )}
    </Section>
  );
}
