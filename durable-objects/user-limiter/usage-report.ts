/** Usage by hour, day, week or month, and by route, key or unit: closed hours from the table together with open cells. Exact. */
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { REQUESTS } from "../../src/core/unit-costs.ts";
import { toTokens } from "../../src/core/units.ts";
import type { Granularity, UsageGroup, UsageQuery, UsageRow } from "../../src/objects/account.ts";
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
  key: z.string(),
  unit: z.string(),
  requests: z.number(),
  cost: z.number(),
  denied: z.number(),
});

/**
 * Rows ordered by period, then by route, key and unit as UTF-8; at most `count`. Usage counted between two pages moves no row from one page
 * to the other: a page begins after a row, not after a number of rows. A row may have a cost without a request, if what a reservation cost
 * was counted in a later hour.
 */
export function usageRows(sql: SqlStorage, { ledger, hasTables }: Memory, query: UsageQuery): UsageRow[] {
  if ("offset" in query && query.offset !== 0)
    throw new Error("paging by offset is no longer supported: pass the last row as `after`");
  // Older Workers leave these out.
  const { fromMs, toMs, granularity, anchorDay = 1, after = null, count } = query;
  const keys = query.keyMode ?? null;
  const by = groupsOf(query);
  const startMs = after ? Math.max(fromMs, Date.parse(after.period)) : fromMs;
  const fromHour = Math.floor(startMs / HOUR_MS);
  const toHour = Math.ceil(toMs / HOUR_MS);
  const open = ledger.openCells.filter(
    ({ hour, keyId }) => hour >= fromHour && hour < toHour && includesKey(keys, keyId),
  );
  if (!hasTables && open.length === 0) return [];
  const isStored = `hour >= ?1 AND hour < ?2 AND ${keyCondition(9)}`;
  // In rows by unit, a cost in a unit is that of a row; in others, it only says that there is a row.
  const ofUnits = by.has("unit") ? "unit, 0, cost_milli, 0, 0" : "'', 0, 0, 0, cost_milli <> 0";
  const table = hasTables
    ? `SELECT hour, route, key_id, '${REQUESTS}' AS unit, requests, cost_milli, denied, 0 AS units FROM usage
         WHERE ${isStored} UNION ALL
       SELECT hour, route, key_id, ${ofUnits} FROM usage_units WHERE ${isStored} UNION ALL`
    : "";
  const rows = sql
    .exec(
      `SELECT * FROM (
         SELECT ${periodSql(granularity, anchorDay)} AS period, ${columnsSql(by)},
           sum(requests) AS requests, sum(cost_milli) AS cost, sum(denied) AS denied, sum(units) AS units
         FROM (${table}
           SELECT value ->> 0 AS hour, value ->> 1 AS route, value ->> 2 AS key_id, value ->> 3 AS unit,
             value ->> 4 AS requests, value ->> 5 AS cost_milli, value ->> 6 AS denied, value ->> 7 AS units
           FROM json_each(?3) WHERE ?1 < ?2)
         GROUP BY 1, 2, 3, 4)
       WHERE (requests > 0 OR denied > 0 OR cost <> 0 OR units > 0)
         AND (?5 = '' OR (period, route, "key", unit) > (?5, ?6, ?7, ?8))
       ORDER BY period, route, "key", unit LIMIT ?4`,
      fromHour,
      toHour,
      JSON.stringify(open.flatMap((cell) => openRows(cell, by))),
      count,
      after?.period ?? "",
      after?.route ?? "",
      after?.key ?? "",
      after?.unit ?? "",
      ...(hasTables ? [keyBinding(keys)] : []),
    )
    .toArray()
    .map((found) => rowOf(rowSchema.parse(found), by));
  const hasUnits = hasTables || open.some(({ units }) => units);
  return hasUnits && !by.has("unit") ? withUnits(sql, rows, open, hasTables, by, query) : rows;
}

function rowOf(found: z.infer<typeof rowSchema>, by: ReadonlySet<UsageGroup>): UsageRow {
  const { period, route, key, unit, requests, cost, denied } = found;
  return {
    period,
    route: by.has("route") ? route : null,
    ...(by.has("key") ? { key } : {}),
    ...(by.has("unit") ? { unit } : {}),
    requests,
    cost: toTokens(cost),
    denied,
  };
}

function groupsOf({ by, byRoute }: UsageQuery): ReadonlySet<UsageGroup> {
  return new Set(by ?? (byRoute ? ["route"] : []));
}

/** The columns `route`, `key` and `unit`: "" unless rows are by them. */
function columnsSql(by: ReadonlySet<UsageGroup>): string {
  const column = (group: UsageGroup, source: string): string =>
    `${by.has(group) ? source : "''"} AS "${group}"`;
  return [column("route", "route"), column("key", "key_id"), column("unit", "unit")].join(", ");
}

/** An open cell as literal rows, so that one query groups, orders and pages closed hours and open ones. */
function openRows(cell: Readonly<Cell>, by: ReadonlySet<UsageGroup>): unknown[][] {
  const { hour, keyId, requests, costMilli, denied, units = [] } = cell;
  // As SQLite stores a binding.
  const route = cell.route.toWellFormed();
  if (!by.has("unit")) return [[hour, route, keyId, REQUESTS, requests, costMilli, denied, units.length]];
  return [
    [hour, route, keyId, REQUESTS, requests, costMilli, denied, 0],
    ...units.map(([unit, milli]) => [hour, route, keyId, unit, 0, milli, 0, 0]),
  ];
}

const unitRowSchema = z.object({
  period: z.string(),
  route: z.string(),
  key: z.string(),
  unit: z.string(),
  cost: z.number(),
});

/** The rows with their cost in other units. */
function withUnits(
  sql: SqlStorage,
  rows: readonly UsageRow[],
  open: readonly Readonly<Cell>[],
  hasTables: boolean,
  by: ReadonlySet<UsageGroup>,
  { granularity, anchorDay = 1, keyMode = null, fromMs, toMs }: UsageQuery,
): UsageRow[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return [];
  const cells = open.flatMap(({ hour, route, keyId, units = [] }) =>
    units.map(([unit, milli]) => [hour, route.toWellFormed(), keyId, unit, milli]),
  );
  const table = hasTables
    ? `SELECT hour, route, key_id, unit, cost_milli FROM usage_units
         WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(6)} UNION ALL`
    : "";
  const found = sql
    .exec(
      `SELECT * FROM (
         SELECT ${periodSql(granularity, anchorDay)} AS period, ${columnsSql(new Set([...by, "unit"]))},
           sum(cost_milli) AS cost
         FROM (${table}
           SELECT value ->> 0 AS hour, value ->> 1 AS route, value ->> 2 AS key_id, value ->> 3 AS unit,
             value ->> 4 AS cost_milli
           FROM json_each(?3) WHERE ?1 < ?2)
         GROUP BY 1, 2, 3, 4)
       WHERE period >= ?4 AND period <= ?5`,
      Math.floor(fromMs / HOUR_MS),
      Math.ceil(toMs / HOUR_MS),
      JSON.stringify(cells),
      first.period,
      last.period,
      ...(hasTables ? [keyBinding(keyMode)] : []),
    )
    .toArray();
  const units = new Map<string, Record<string, number>>();
  for (const each of found) {
    const { unit, cost, ...row } = unitRowSchema.parse(each);
    units.set(nameOf(row), { ...units.get(nameOf(row)), [unit]: toTokens(cost) });
  }
  return rows.map((row) => {
    const own = units.get(nameOf(row));
    return own ? { ...row, units: own } : row;
  });
}

function nameOf({ period, route, key = "" }: Pick<UsageRow, "period" | "route" | "key">): string {
  return JSON.stringify([period, route ?? "", key]);
}
