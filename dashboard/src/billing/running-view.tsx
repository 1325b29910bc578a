/** What the open periods of all accounts have come to: figures, the progress of adding them up, and the largest overages. */
import { Icon } from "../kit/icon.tsx";
import { Empty, Failed } from "../kit/state.tsx";
import { Table } from "../kit/table.tsx";
import { Tile, Tiles } from "../kit/tile.tsx";
import { When } from "../kit/time.tsx";
import { counted, percent } from "../shell/format.ts";
import { BillLink } from "./bill-link.tsx";
import { grouped, roundText } from "./money.ts";
import type { RunningTotals } from "./running-totals.ts";
import type { Running } from "./use-running.ts";

/** At most this many accounts are listed. */
const MAX_NAMED = 20;

interface Props {
  readonly of: RunningTotals;
}

export function RunningTiles({ of: totals }: Props) {
  const { computedAt, currency, costPerMillion, accounts, requests, digits } = totals;
  const { base, subtotal, overage, cost } = totals;
  if (computedAt === null) return null;
  const money = (parts: bigint) => roundText(parts, digits);
  return (
    <Tiles>
      <Tile
        name={`Recurring a month (MRR), ${currency}`}
        value={money(base)}
        detail={`the base fees of ${counted(accounts, "account")}`}
      />
      <Tile
        name={`Accrued so far, ${currency}`}
        value={money(subtotal)}
        detail={
          <>
            before tax, computed <When iso={computedAt} isShort />
          </>
        }
      />
      <Tile
        name="Overage share"
        value={percent(Number(overage), Number(subtotal))}
        detail={`${money(overage)} ${currency} of ${money(subtotal)} ${currency}`}
      />
      {costPerMillion !== null && cost !== null && (
        <Tile
          name={`Margin (estimate), ${currency}`}
          value={money(subtotal - cost)}
          detail={`accrued, less ${money(cost)}: ${grouped(costPerMillion)} for each million of ${counted(requests, "request")}`}
        />
      )}
    </Tiles>
  );
}

/** How many accounts the figures cover, and which they leave out. */
export function RunningState({ of }: { readonly of: Running }) {
  const { totals, cursor, isRunning, fault, toggle } = of;
  const { accounts, failed, others } = totals;
  const asked = counted(accounts, "account");
  return (
    <>
      <div class="filter-bar" role="status">
        <span>
          {isRunning
            ? `Adding up open periods: ${asked} so far…`
            : `Open periods of ${cursor === null ? "all " : "only "}${asked}.`}
        </span>
        <button type="button" class="small" onClick={toggle}>
          {isRunning ? "Stop" : cursor === null ? "Add up again" : "Continue"}
        </button>
      </div>
      {fault !== null && <Failed>{fault}</Failed>}
      {failed.length > 0 && (
        <p class="note" data-tone="warning">
          <Icon name="warning" />
          <span>
            {counted(failed.length, "account")} did not answer, so the figures leave them out:{" "}
            {failed.slice(0, MAX_NAMED).map((id, i) => (
              <span key={id}>
                {i > 0 && ", "}
                <BillLink of={id} />
              </span>
            ))}
            {failed.length > MAX_NAMED && " and others"}.
          </span>
        </p>
      )}
      {others > 0 && (
        <p class="caption">
          The figures leave out {counted(others, "account")} whose open period is in another currency.
        </p>
      )}
    </>
  );
}

export function LargestOverages({ of: { computedAt, currency, largest } }: Props) {
  if (largest.length === 0) {
    return <Empty title={computedAt === null ? "No totals yet" : "No account has overage"} />;
  }
  return (
    <Table
      label="Largest overages"
      heads={[["User", "name"], "Tier", [`Overage, ${currency}`, "num"], ["Accrued", "num"]]}
    >
      {largest.map(({ account, name, tier, overage, subtotal }) => (
        <tr key={account}>
          <th scope="row" class="name">
            <BillLink of={account} /> <span class="caption">{name}</span>
          </th>
          <td>{tier}</td>
          <td class="num">{grouped(overage)}</td>
          <td class="num">{grouped(subtotal)}</td>
        </tr>
      ))}
    </Table>
  );
}
