/** The billing board: what was invoiced and what is owed, and what the open periods of all accounts have come to so far. */
import { Choice } from "../kit/choice.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { Tile, Tiles } from "../kit/tile.tsx";
import { counted } from "../shell/format.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { withQuery } from "../shell/query.ts";
import { usePolled } from "../shell/use-polled.ts";
import type { Invoiced } from "../shell/answers.ts";
import { INVOICED_PATH, parseInvoiced } from "./board-api.ts";
import { boundsIn, monthlyTrend, RANGES } from "./board-period.ts";
import { InvoicedTable } from "./invoiced-table.tsx";
import { digitsOf, partsOf, roundText } from "./money.ts";
import { LargestOverages, RunningState, RunningTiles } from "./running-view.tsx";
import { useRunning } from "./use-running.ts";

const EVERY_MS = 60_000;

export function Board() {
  const { address, go } = usePage();
  const { range = "" } = address.params;
  const bounds = boundsIn(range, Date.now());
  const path = (by: string) => withQuery(INVOICED_PATH, { ...bounds, by });
  const byTier = usePolled(path("tier"), parseInvoiced, EVERY_MS);
  const currency = byTier.value?.currency ?? null;
  const running = useRunning(currency !== null);
  const byRoute = usePolled(path("route"), parseInvoiced, EVERY_MS);
  const byCustomer = usePolled(path("customer"), parseInvoiced, EVERY_MS);
  // The others have too few months for a trend.
  const byMonth = usePolled(range === "year" ? path("month") : null, parseInvoiced, EVERY_MS);
  const title = RANGES.find(([name]) => name === range)?.[1] ?? "";
  const detail = `periods begun ${title}, before tax`;
  if (byTier.value && currency === null) {
    return (
      <Empty
        title="Nothing is billed"
        hint="The policy in force has no billing, and there are no invoices."
        action={<Link to={{ screen: "policy", params: {} }}>Open the policy</Link>}
      />
    );
  }
  return (
    <>
      <div class="filter-bar">
        <Choice
          label="Invoiced for periods begun"
          options={RANGES}
          value={range}
          onPick={(picked) => go(changed(address, { range: picked }), true)}
        />
      </div>
      {byTier.value && <InvoicedTiles of={byTier.value} detail={detail} months={byMonth.value} />}
      <RunningState of={running} />
      <RunningTiles of={running.totals} />
      <div class="columns">
        <Section title="Largest overages" detail="open periods, before tax">
          <LargestOverages of={running.totals} />
        </Section>
        <Section title="Top customers" detail={detail}>
          <InvoicedTable by="Customer" polled={byCustomer} />
        </Section>
        <Section title="By tier" detail={detail}>
          <InvoicedTable by="Tier" polled={byTier} />
        </Section>
        <Section title="By route" detail={detail}>
          <InvoicedTable by="Route" polled={byRoute} />
        </Section>
      </div>
    </>
  );
}

interface InvoicedProps {
  readonly of: Invoiced;
  readonly detail: string;
  /** Null until loaded, and if the range has too few for a trend. */
  readonly months: Invoiced | null;
}

function InvoicedTiles({ of: { currency, total, outstanding }, detail, months }: InvoicedProps) {
  const { open, pastDue } = outstanding;
  const money = (amount: string) => roundText(partsOf(amount), digitsOf(amount));
  const to = (status: string) => ({ screen: "billing", params: { status } });
  return (
    <Tiles>
      <Tile
        name={`Invoiced, ${currency}`}
        value={money(total.amount)}
        detail={`${counted(total.documents, "document")}: ${detail}`}
        spark={months ? monthlyTrend(months.rows) : undefined}
        to={to("")}
      />
      <Tile
        name={`Outstanding, ${currency}`}
        value={money(open)}
        detail={`${counted(outstanding.documents, "invoice")}, with tax`}
        to={to("issued")}
      />
      <Tile
        name={`Past due, ${currency}`}
        value={money(pastDue)}
        tone={partsOf(pastDue) > 0n ? "error" : "info"}
        to={to("past_due")}
      />
    </Tiles>
  );
}
