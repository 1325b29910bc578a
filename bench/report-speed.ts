/**
 * `npm run bench:reports`: times each report over 10,000, 100,000 and 1,000,000 rows of the embedded store, and the first report
 * after a start, which loads the columns from the table. Uses Node's SQLite, the same engine as the runtime's.
 *
 * Exit code 1 if a report over 1,000,000 rows takes longer than the bound.
 */
import { AnalyticsStore } from "../durable-objects/analytics-store/analytics-store.ts";
import { randomOf, randomRows, SPAN_S, START_MS } from "../test/reports/random-rows.ts";
import { NodeSql } from "../test/reports/node-sql.ts";
import { REPORT_NAMES, type ReportName, type ReportQuery } from "../src/analytics/reports/report-query.ts";

const SIZES = [10_000, 100_000, 1_000_000];
const BOUND_MS = 300;
const ROUNDS = 5;
const BATCH = 100;
const ACCOUNTS = 20_000;

const END_MS = START_MS + SPAN_S * 1_000;
const found: Record<string, (string | number)[]> = {};
let slowestMs = 0;

for (const size of SIZES) {
  const sql = new NodeSql();
  const filling = new AnalyticsStore(sql, { rows: 2 * size, keepMs: 10 * SPAN_S * 1_000 });
  const accounts = Math.min(ACCOUNTS, size / 10);
  let spentMs = 0;
  for (let i = 0; i < size / 10_000; i++) {
    // As in production: in the order of time, in batches.
    const rows = randomRows(i, 10_000, accounts).map((row, n) =>
      Object.assign(row, { atMs: START_MS + Math.floor(((i * 10_000 + n) / size) * SPAN_S * 1_000) }),
    );
    const beganMs = performance.now();
    for (let n = 0; n < rows.length; n += BATCH) filling.insert(rows.slice(n, n + BATCH), START_MS);
    spentMs += performance.now() - beganMs;
  }
  console.error(`${size.toLocaleString("en")} rows inserted, timing the reports ...`);
  note("(insert a batch of 100)", (spentMs * BATCH) / size);
  const beganMs = performance.now();
  const store = new AnalyticsStore(sql, { rows: 2 * size, keepMs: 10 * SPAN_S * 1_000 });
  store.report(queryOf("overview"), END_MS);
  note("(first report after a start)", performance.now() - beganMs);
  for (const name of REPORT_NAMES) {
    for (const [kind, query] of kindsOf(name)) {
      const times = Array.from({ length: ROUNDS }, () => {
        const startMs = performance.now();
        store.report(query, END_MS);
        return performance.now() - startMs;
      }).toSorted((a, b) => a - b);
      const median = times[Math.floor(ROUNDS / 2)] ?? Number.NaN;
      note(`${name}${kind}`, median);
      if (size === SIZES.at(-1)) slowestMs = Math.max(slowestMs, median);
    }
  }
}

console.log(`| report, ms | ${SIZES.map((size) => `${size.toLocaleString("en")} rows`).join(" | ")} |`);
console.log(`| --- | ${SIZES.map(() => "---:").join(" | ")} |`);
for (const [name, cells] of Object.entries(found)) console.log(`| ${name} | ${cells.join(" | ")} |`);
console.log(
  `\nSlowest report over ${SIZES.at(-1)?.toLocaleString("en")} rows: ${slowestMs.toFixed(0)} ms (bound: ${BOUND_MS} ms).`,
);
if (slowestMs > BOUND_MS) process.exitCode = 1;

function note(name: string, ms: number): void {
  (found[name] ??= []).push(ms < 10 ? ms.toFixed(2) : ms.toFixed(0));
}

function queryOf(name: ReportName, given: Partial<ReportQuery> = {}): ReportQuery {
  return {
    name,
    fromMs: START_MS,
    toMs: END_MS,
    intervalMs: 60_000,
    filters: name === "user" ? { account: "user:12" } : {},
    by: "outcome",
    order: "requests",
    limit: 100,
    after: null,
    ...given,
  };
}

/** Each report with the dashboard's query, and with its most expensive queries. */
function kindsOf(name: ReportName): [string, ReportQuery][] {
  const usual: [string, ReportQuery] = ["", queryOf(name)];
  const random = randomOf(1);
  switch (name) {
    case "decisions":
      return [
        usual,
        [", of one request", queryOf(name, { requestId: "request-0-4711" })],
        [", of no request", queryOf(name, { requestId: "no such request" })],
        [", of one user", queryOf(name, { filters: { account: `user:${11 + Math.floor(random() * 5)}` } })],
        [
          ", none found",
          queryOf(name, { filters: { account: "user:12", reason: "exempt", outcome: "denied" } }),
        ],
      ];
    case "timeseries":
      return [usual, [", by route, 10 s", queryOf(name, { by: "route", intervalMs: 10_000 })]];
    case "top-users":
      return [usual, [", by cost", queryOf(name, { order: "cost", limit: 1_000 })]];
    default:
      return [usual];
  }
}
