/** The open billing period: what it has come to, what it is expected to come to, and the quota that is billed. */
import { Section } from "../../../dashboard/src/kit/section.tsx";
import type { UserStatus } from "../../../dashboard/src/shell/answers.ts";
import { periodText } from "../../../dashboard/src/shell/moment.ts";
import { withQuery } from "../../../dashboard/src/shell/query.ts";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { type Polled, usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { parseUsage } from "../../../dashboard/src/user/account-api.ts";
import { BillTable } from "../../../dashboard/src/user/bill-table.tsx";
import { costIn } from "../../../dashboard/src/user/usage-table.ts";
import { Bar } from "../bar.tsx";
import { money } from "../money.ts";
import { type PortalBilling, USAGE } from "../portal-api.ts";
import { allowanceBar, stopText, usedText } from "./allowance.ts";
import { BurnChart } from "./burn-chart.tsx";
import { accruedText, bandText, forecastText } from "./forecast-text.ts";

interface Props {
  readonly polled: Polled<PortalBilling>;
  /** Names the unit of the quota; null until it is known. */
  readonly status: UserStatus | null;
}

export function PeriodSection({ polled, status }: Props) {
  const { value } = polled;
  const nowMs = Date.now();
  return (
    <Section title="This period" detail={value && `${periodText(value.period, nowMs)}, in UTC`}>
      <PollState polled={polled} rows={5} />
      {value && <Period billing={value} status={status} />}
    </Section>
  );
}

interface PeriodProps {
  readonly billing: PortalBilling;
  readonly status: UserStatus | null;
}

function Period({ billing, status }: PeriodProps) {
  const { currency, accrued, allowance, forecast } = billing;
  const nowMs = Date.now();
  return (
    <>
      <dl class="sums">
        <div>
          <dt>So far</dt>
          <dd>
            <strong>{money(accrued.subtotal, currency)}</strong>
            <span class="caption">{accruedText(accrued, currency)}</span>
          </dd>
        </div>
        <div>
          <dt>Forecast</dt>
          <dd>
            <strong>{forecastText(forecast, currency, nowMs)}</strong>
            <span class="caption">
              {forecast ? bandText(forecast) : "There is one after three complete days."}
            </span>
          </dd>
        </div>
      </dl>
      {allowance && <AllowanceView billing={billing} status={status} />}
      <details>
        <summary>Line by line</summary>
        <BillTable label="Bill of the open period" bills={[[currency, accrued]]} />
      </details>
    </>
  );
}

/** The ledger changes slowly on this scale. */
const EVERY_MS = 30_000;

function AllowanceView({ billing: { allowance, period, forecast }, status }: PeriodProps) {
  const query = { granularity: "day", from: period.start, mode: "live" };
  const days = usePolled(withQuery(USAGE, query), parseUsage, EVERY_MS).value;
  if (!allowance) return null;
  const reading = status?.limits.find(({ name }) => name === allowance.limit);
  const unit = reading?.unit ?? "tokens";
  const { included, over, includedEnd } = allowanceBar(allowance);
  return (
    <>
      <h3>
        {allowance.limit}: {usedText(allowance, unit)}
      </h3>
      <Bar
        parts={[
          { share: included, kind: "used" },
          { share: over, kind: "over" },
        ]}
        mark={includedEnd}
      />
      <p>{stopText(allowance, unit)}</p>
      {days && (
        <BurnChart
          unit={unit}
          of={{
            ...allowance,
            startMs: Date.parse(period.start),
            endMs: Date.parse(period.end),
            nowMs: Date.now(),
            days: days.usage.map((row) => ({
              atMs: Date.parse(row.period),
              cost: costIn({ unit: reading?.unit }, row),
            })),
            forecast,
          }}
        />
      )}
    </>
  );
}
