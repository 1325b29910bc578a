/** Usage by hour, day, week or month, and optionally by route: closed hours from the table together with open cells. Exact. */
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { toTokens } from "../../src/core/units.ts";
import type { Granularity, UsageQuery, UsageRow } from "../../src/objects/account.ts";
import { includesKey, keyBinding, keyCondition } from "./key-selection.ts";
import type { Cell } from "./ledger.ts";
import type { Memory } from "./memory.ts";

/** An hour of the ledger as arguments of SQLite's date functions. */
const HOUR = "hour * 3600, 'unixepoch'";

/** SQL for a period's beginning. */
function periodSql(granularity: Granularity, anchorDay: number): string {
  switch (granularity) {
    case "hour":
      return `strftime('%Y-%m-%dT%H:00:00Z', ${HOUR})`;
    case "day":
      return `strftime('%Y-%m-%dT00:00:00Z', ${HOUR})`;
    case "week":
      // To the next Sunday, or this one, and back to its Monday.
      return `strftime('%Y-%m-%dT00:00:00Z', ${HOUR}, 'weekday 0', '-6 days')`;
    case "month": {
      const [own, before] = [monthStartSql(anchorDay, ""), monthStartSql(anchorDay, ", '-1 month'")];
      return `CASE WHEN date(${HOUR}) >= ${own} THEN ${own} ELSE ${before} END || 'T00:00:00Z'`;
    }
  }
}

/** SQL for the beginning of the month anchored in the hour's calendar month, or in the previous one (`shift`). As core/calendar.ts. */
function monthStartSql(anchorDay: number, shift: string): string {
  const first = `${HOUR}, 'start of month'${shift}`;
  const lastDay = `CAST(strftime('%d', ${first}, '+1 month', '-1 day') AS INTEGER)`;
  return `date(${first}, (min(${Math.trunc(anchorDay)}, ${lastDay}) - 1) || ' days')`;
}

const rowSchema = z.object({
  period: z.string(),
  route: z.string(),
  requests: z.number(),
  cost: z.number(),
  denied: z.number(),
});

/**
 * Rows ordered by period, then by route as UTF-8; at most `count`. Usage counted between two pages moves no row from one page to the
 * other: a page begins after a row, not after a number of rows. A row may have a cost without a request, if what a reservation cost was
 * counted in a later hour.
 */
export function usageRows(sql: SqlStorage, { ledger, hasTables }: Memory, query: UsageQuery): UsageRow[] {
  if ("offset" in query && query.offset !== 0)
    throw new Error("paging by offset is no longer supported: pass the last row as `after`");
  // Older Workers leave these out.
  const { fromMs, toMs, granularity, anchorDay = 1, byRoute, after = null, count } = query;
  const keys = query.keyMode ?? null;
  const startMs = after ? Math.max(fromMs, Date.parse(after.period)) : fromMs;
  const fromHour = Math.floor(startMs / HOUR_MS);
  const toHour = Math.ceil(toMs / HOUR_MS);
  const open = ledger.openCells.filter(
    ({ hour, keyId }) => hour >= fromHour && hour < toHour && includesKey(keys, keyId),
  );
  if (!hasTables && open.length === 0) return [];
  // The open cells join as literal rows, so one query groups, orders and pages both.
  const cells = JSON.stringify(
    open.map(({ hour, route, requests, costMilli, denied, units = [] }) => [
      hour,
      // As SQLite stores a binding.
      route.toWellFormed(),
      requests,
      costMilli,
      denied,
      units.length,
    ]),
  );
  const table = hasTables
    ? `SELECT hour, route, requests, cost_milli, denied, 0 AS units FROM usage
         WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(8)} UNION ALL
       SELECT hour, route, 0, 0, 0, cost_milli <> 0 FROM usage_units
         WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(8)} UNION ALL`
    : "";
  const rows = sql
    .exec(
      `SELECT * FROM (
         SELECT ${periodSql(granularity, anchorDay)} AS period,
           CASE WHEN ?3 THEN route ELSE '' END AS route,
           sum(requests) AS requests, sum(cost_milli) AS cost, sum(denied) AS denied, sum(units) AS units
         FROM (${table}
           SELECT value ->> 0 AS hour, value ->> 1 AS route, value ->> 2 AS requests,
             value ->> 3 AS cost_milli, value ->> 4 AS denied, value ->> 5 AS units
           FROM json_each(?4) WHERE ?1 < ?2)
         GROUP BY 1, 2)
       WHERE (requests > 0 OR denied > 0 OR cost <> 0 OR units > 0) AND (?6 = '' OR (period, route) > (?6, ?7))
       ORDER BY period, route LIMIT ?5`,
      fromHour,
      toHour,
      byRoute ? 1 : 0,
      cells,
      count,
      after?.period ?? "",
      after?.route ?? "",
      ...(hasTables ? [keyBinding(keys)] : []),
    )
    .toArray()
    .map((found): UsageRow => {
      const { period, route, requests, cost, denied } = rowSchema.parse(found);
      return { period, route: byRoute ? route : null, requests, cost: toTokens(cost), denied };
    });
  return hasTables || open.some(({ units }) => units) ? withUnits(sql, rows, open, hasTables, query) : rows;
}

const unitRowSchema = z.object({ period: z.string(), route: z.string(), unit: z.string(), cost: z.number() });

/** The rows with their cost in other units. */
function withUnits(
  sql: SqlStorage,
  rows: readonly UsageRow[],
  open: readonly Readonly<Cell>[],
  hasTables: boolean,
  { granularity, anchorDay = 1, byRoute, keyMode = null, fromMs, toMs }: UsageQuery,
): UsageRow[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return [];
  const cells = open.flatMap(({ hour, route, units = [] }) =>
    units.map(([unit, milli]) => [hour, route.toWellFormed(), unit, milli]),
  );
  const table = hasTables
    ? `SELECT hour, route, unit, cost_milli FROM usage_units
         WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(7)} UNION ALL`
    : "";
  const found = sql
    .exec(
      `SELECT * FROM (
         SELECT ${periodSql(granularity, anchorDay)} AS period,
           CASE WHEN ?3 THEN route ELSE '' END AS route, unit, sum(cost_milli) AS cost
         FROM (${table}
           SELECT value ->> 0 AS hour, value ->> 1 AS route, value ->> 2 AS unit, value ->> 3 AS cost_milli
           FROM json_each(?4) WHERE ?1 < ?2)
         GROUP BY 1, 2, 3)
       WHERE period >= ?5 AND period <= ?6`,
      Math.floor(fromMs / HOUR_MS),
      Math.ceil(toMs / HOUR_MS),
      byRoute ? 1 : 0,
      JSON.stringify(cells),
      first.period,
      last.period,
      ...(hasTables ? [keyBinding(keyMode)] : []),
    )
    .toArray();
  const units = new Map<string, Record<string, number>>();
  for (const each of found) {
    const { period, route, unit, cost } = unitRowSchema.parse(each);
    const key = `${period}\n${route}`;
    units.set(key, { ...units.get(key), [unit]: toTokens(cost) });
  }
  return rows.map((row) => {
    const own = units.get(`${row.period}\n${row.route ?? ""}`);
    return own ? { ...row, units: own } : row;
  });
}
