/** Usage by hour, day or month, and by route where asked: the closed hours of the table and the open cells together. Exact. */
import * as z from "zod/mini";
import { toTokens } from "../../src/core/units.ts";
import type { Granularity, UsageQuery, UsageRow } from "../../src/limiter/account.ts";
import { HOUR_MS } from "./ledger.ts";
import type { Memory } from "./memory.ts";

/** SQLite's strftime pattern of a period's beginning. */
const PERIOD: Record<Granularity, string> = {
  hour: "%Y-%m-%dT%H:00:00Z",
  day: "%Y-%m-%dT00:00:00Z",
  month: "%Y-%m-01T00:00:00Z",
};

const rowSchema = z.object({
  period: z.string(),
  route: z.string(),
  requests: z.number(),
  cost: z.number(),
  denied: z.number(),
});

/** Rows in the order of period and route, `offset` left out, at most `count`. */
export function usageRows(sql: SqlStorage, { ledger, hasTables }: Memory, query: UsageQuery): UsageRow[] {
  const { fromMs, toMs, granularity, byRoute, offset, count } = query;
  const fromHour = Math.floor(fromMs / HOUR_MS);
  const toHour = Math.ceil(toMs / HOUR_MS);
  const open = ledger.openCells.filter(({ hour }) => hour >= fromHour && hour < toHour);
  if (!hasTables && open.length === 0) return [];
  // The open cells join as literal rows, so one query groups, orders and pages both.
  const cells = JSON.stringify(
    open.map(({ hour, route, requests, costMilli, denied }) => [hour, route, requests, costMilli, denied]),
  );
  const table = hasTables
    ? "SELECT hour, route, requests, cost_milli, denied FROM usage WHERE hour >= ?1 AND hour < ?2 UNION ALL"
    : "";
  return sql
    .exec(
      `SELECT strftime('${PERIOD[granularity]}', hour * 3600, 'unixepoch') AS period,
         CASE WHEN ?3 THEN route ELSE '' END AS route,
         sum(requests) AS requests, sum(cost_milli) AS cost, sum(denied) AS denied
       FROM (${table}
         SELECT value ->> 0 AS hour, value ->> 1 AS route, value ->> 2 AS requests,
           value ->> 3 AS cost_milli, value ->> 4 AS denied
         FROM json_each(?4) WHERE ?1 < ?2)
       GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ?5 OFFSET ?6`,
      fromHour,
      toHour,
      byRoute ? 1 : 0,
      cells,
      count,
      offset,
    )
    .toArray()
    .map((found): UsageRow => {
      const { period, route, requests, cost, denied } = rowSchema.parse(found);
      return { period, route: byRoute ? route : null, requests, cost: toTokens(cost), denied };
    });
}
