/** Usage of the last days by route and day, from the exact ledger: totals first. Each figure leads to its decisions. */
import { useMemo } from "preact/hooks";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { Figure, Table } from "../kit/table.tsx";
import { Tabs } from "../kit/tabs.tsx";
import { DAY_MS } from "../shell/durations.ts";
import { count } from "../shell/format.ts";
import { dayText } from "../shell/moment.ts";
import { usePage } from "../shell/page.tsx";
import { changed, type PageAddress } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { withQuery } from "../shell/query.ts";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, parseUsage } from "./account-api.ts";
import {
  lastDays,
  type Measure,
  MEASURES,
  unitMeasure,
  unitsOf,
  type UsageLine,
  type UsageTable,
  usageTable,
} from "./usage-table.ts";

const DAYS = 7;
const MAX_ROUTES = 10;
/** The API's largest page. Totals never need it. */
const MAX_ROWS = "1000";
const EVERY_MS = 30_000;

/** What can be shown, with titles. Without other units, charged requests are tokens. */
function titlesOf(units: readonly string[]): ReadonlyMap<Measure, string> {
  return new Map([
    ["cost", units.length === 0 ? "Tokens" : "Requests charged"],
    ...units.map((unit) => [unitMeasure(unit), unit] as const),
    ["requests", "Allowed"],
    ["denied", "Denied"],
  ]);
}

export function UsageSection({ id }: { readonly id: string }) {
  const { address, go } = usePage();
  const today = Math.floor(Date.now() / DAY_MS);
  const days = useMemo(() => lastDays(today * DAY_MS, DAYS), [today]);
  const from = new Date(days.at(-1) ?? 0).toISOString();
  const query = (more: Readonly<Record<string, string>>) =>
    withQuery(`${accountPath(id)}/usage`, { granularity: "day", from, limit: MAX_ROWS, ...more });
  const totals = usePolled(query({}), parseUsage, EVERY_MS);
  const byRoute = usePolled(query({ group: "route" }), parseUsage, EVERY_MS);
  const titles = titlesOf(unitsOf(totals.value?.usage ?? []));
  const wanted = address.params["measure"] ?? "";
  const measure = titles.has(wanted) ? wanted : "cost";
  // This user never had any usage.
  if (totals.status === 404) return null;
  const table =
    totals.value &&
    byRoute.value &&
    usageTable(days, totals.value.usage, byRoute.value.usage, measure, MAX_ROUTES);
  return (
    <Section title="Usage" detail={`The last ${DAYS} days in UTC, exact`}>
      <Tabs
        label="What is counted"
        tabs={[...titles].map(([name, title]) => ({ name, title }))}
        current={measure}
        onPick={(name) => go(changed(address, { measure: name }), true)}
      >
        <PollState polled={totals.value ? byRoute : totals} />
        {table && isEmpty(table) && <Empty title={`No usage in the last ${DAYS} days`} />}
        {table && !isEmpty(table) && (
          <UsageByRoute id={id} table={table} measure={measure} title={titles.get(measure) ?? ""} />
        )}
        {byRoute.value?.cursor && (
          <p class="caption">
            There are too many routes for one table: “other routes” has what is not listed.
          </p>
        )}
      </Tabs>
    </Section>
  );
}

function isEmpty({ all: { total } }: UsageTable): boolean {
  return MEASURES.every((measure) => total[measure] === 0);
}

interface TableProps {
  readonly id: string;
  readonly table: UsageTable;
  readonly measure: Measure;
  readonly title: string;
}

function UsageByRoute({ id, table: { days, all, routes, others }, measure, title }: TableProps) {
  const nowMs = Date.now();
  const row = (line: UsageLine, name: string) => (
    <tr key={name}>
      <th scope="row" class="name">
        {line.route === null || line.route === "" ? name : <code>{name}</code>}
      </th>
      {[line.total, ...line.days].map((counts, i) => {
        const value = counts[measure] ?? 0;
        // No filter names the other routes.
        const to = line === others ? undefined : decisionsOf(id, line.route, measure, days, i);
        return (
          <Figure key={i} to={value === 0 ? null : to}>
            {i === 0 || line === all ? <strong>{count(value)}</strong> : count(value)}
          </Figure>
        );
      })}
    </tr>
  );
  return (
    <Table
      label={`${title} by route and day`}
      kind="usage"
      heads={[
        "Route",
        ["Total", "num"],
        ...days.map((day, i) => [i === 0 ? "Today" : dayText(day, nowMs, "UTC"), "num"] as const),
      ]}
    >
      {row(all, "All routes")}
      {routes.map((line) => row(line, line.route === "" ? "No route" : (line.route ?? "")))}
      {others && row(others, "Other routes")}
    </Table>
  );
}

/** The decisions behind a cell: column 0 is the total. Undefined for decisions without a route, which no filter names. */
function decisionsOf(
  id: string,
  route: string | null,
  measure: Measure,
  days: readonly number[],
  column: number,
): PageAddress | undefined {
  const first = column === 0 ? days.at(-1) : days[column - 1];
  const last = column === 0 ? days[0] : days[column - 1];
  if (first === undefined || last === undefined || route === "") return undefined;
  const outcome = measure === "denied" ? "denied" : "allowed";
  const [from, to] = [new Date(first).toISOString(), new Date(last + DAY_MS).toISOString()];
  const params = { account: `user:${id}`, outcome, from, to };
  return { screen: "decisions", params: route === null ? params : { ...params, route } };
}
