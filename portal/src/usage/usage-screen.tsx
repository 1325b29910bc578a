/** Usage from the exact ledger, over time and by route. */
import { useMemo } from "preact/hooks";
import { Choice } from "../../../dashboard/src/kit/choice.tsx";
import { Icon } from "../../../dashboard/src/kit/icon.tsx";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { Empty } from "../../../dashboard/src/kit/state.tsx";
import { Table } from "../../../dashboard/src/kit/table.tsx";
import { DAY_MS } from "../../../dashboard/src/shell/durations.ts";
import { exact } from "../../../dashboard/src/shell/format.ts";
import { usePage } from "../../../dashboard/src/shell/page.tsx";
import { changed } from "../../../dashboard/src/shell/page-address.ts";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { withQuery } from "../../../dashboard/src/shell/query.ts";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { parseUsage } from "../../../dashboard/src/user/account-api.ts";
import { USAGE } from "../portal-api.ts";
import { spanOf, SPANS, stepsOf, stepText } from "./spans.ts";
import { UsageBars } from "./usage-bars.tsx";
import { type UsageLines, usageLines } from "./usage-lines.ts";

const MAX_ROUTES = 20;
/** The API's largest page. Totals never need it. */
const MAX_ROWS = "1000";

export function UsageScreen() {
  const { address, go } = usePage();
  const span = spanOf(address.params["span"]);
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const steps = useMemo(() => stepsOf(span, today), [span, today]);
  const from = new Date(steps.at(-1) ?? today).toISOString();
  const query = (more: Readonly<Record<string, string>>) =>
    withQuery(USAGE, { granularity: span.granularity, from, limit: MAX_ROWS, ...more });
  const totals = usePolled(query({}), parseUsage);
  const byRoute = usePolled(query({ group: "route" }), parseUsage);
  const rows = totals.value?.usage;
  const lines = rows && byRoute.value && usageLines(steps, rows, byRoute.value.usage, MAX_ROUTES);
  const isEmpty = lines?.routes.length === 0;
  const nowMs = Date.now();
  const named = steps.map((startMs) => stepText(span, startMs, nowMs));
  return (
    <>
      <div class="filter-bar">
        <Choice
          label="Show"
          options={SPANS.map(({ name, title }) => [name, title] as const)}
          value={span.name}
          onPick={(name) => go(changed(address, { span: name }), true)}
        />
        <a
          class="button"
          href={query({ group: "route", format: "csv" })}
          download={`usage-${from.slice(0, 10)}.csv`}
        >
          <Icon name="download" /> CSV
        </a>
        {byRoute.value?.cursor && (
          <p class="caption">The file ends after {MAX_ROWS} rows: choose fewer days for all of them.</p>
        )}
      </div>
      <Section title="Over time" detail="exact, in UTC">
        <PollState polled={totals.value ? byRoute : totals} rows={span.count} />
        {isEmpty && (
          <Empty
            title={`No usage in these ${span.title}`}
            hint="A request is counted here as soon as it is answered."
          />
        )}
        {lines && !isEmpty && (
          <>
            <UsageBars
              steps={lines.steps
                .map(({ requests, denied }, i) => ({
                  name: named[i] ?? "",
                  allowed: requests,
                  denied,
                }))
                .toReversed()}
            />
            <Lines
              of={lines}
              label="Usage over time"
              head="Time"
              rows={[
                ["All", lines.all],
                ...lines.steps.map((counts, i) => [named[i] ?? "", counts] as const),
              ]}
            />
          </>
        )}
      </Section>
      {lines && !isEmpty && (
        <Section title="By route" detail={`in these ${span.title}`}>
          <Lines of={lines} label="Usage by route" head="Route" rows={lines.routes} />
        </Section>
      )}
    </>
  );
}

interface LinesProps {
  readonly of: UsageLines;
  readonly label: string;
  readonly head: string;
  readonly rows: UsageLines["routes"];
}

function Lines({ of: { columns }, label, head, rows }: LinesProps) {
  return (
    <Table label={label} heads={[[head, "name"], ...columns.map(([, title]) => [title, "num"] as const)]}>
      {rows.map(([name, counts]) => (
        <tr key={name}>
          <th scope="row" class="name">
            {name}
          </th>
          {columns.map(([of]) => (
            <td key={of} class="num">
              {exact(counts[of] ?? 0)}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
