/** Positions in an account's usage as cursors. Pure. A position names a row, never a count of rows: rows may be added before it between two pages. */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import { USAGE_GROUPS, type UsageGroup, type UsagePosition, type UsageQuery } from "../../objects/account.ts";
import type { Fault } from "../../policy/fault.ts";
import { BAD_CURSOR, cursorOf, positionOf } from "../query.ts";
import { usagePeriodAt } from "./usage-period.ts";

/** In the spelling of rows, since positions are compared as text. */
const period = z.iso.datetime({ precision: 0 });
const positionSchema = z.union([
  z.tuple([period]),
  // By route alone.
  z.tuple([period, z.string()]),
  z.tuple([
    period,
    z.strictObject({
      route: z.optional(z.string()),
      key: z.optional(z.string()),
      unit: z.optional(z.string()),
    }),
  ]),
]);

interface Rows extends Pick<UsageQuery, "granularity" | "anchorDay"> {
  readonly by: readonly UsageGroup[];
}

/** The cursor of the page that begins after this row. */
export function usageCursor(row: UsagePosition, { by }: Rows): string {
  const values = Object.fromEntries(by.map((group) => [group, row[group] ?? ""]));
  const isByRoute = by.length === 1 && by[0] === "route";
  const groups = isByRoute ? [row.route] : by.length > 0 ? [values] : [];
  return cursorOf(JSON.stringify([row.period, ...groups]));
}

/** The row that a cursor names; faults if it cannot be a row of this granularity and grouping. */
export function usagePosition(
  cursor: string,
  { granularity, anchorDay, by }: Rows,
):
  | { readonly ok: true; readonly value: UsagePosition }
  | { readonly ok: false; readonly faults: readonly Fault[] } {
  const parsed = positionSchema.safeParse(parseJson(positionOf(cursor) ?? ""));
  if (!parsed.success) return { ok: false, faults: BAD_CURSOR };
  const [start, values = {}] = parsed.data;
  const groups = typeof values === "string" ? { route: values } : values;
  const atMs = Date.parse(start);
  const isRow =
    usagePeriodAt(granularity, atMs, anchorDay).startMs === atMs &&
    USAGE_GROUPS.every((group) => (groups[group] !== undefined) === by.includes(group));
  if (!isRow) return { ok: false, faults: BAD_CURSOR };
  const { route = "", key = "", unit = "" } = groups;
  return { ok: true, value: { period: start, route, key, unit } };
}
