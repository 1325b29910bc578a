/** Positions in an account's usage as cursors. Pure. A position names a row, never a count of rows: rows may be added before it between two pages. */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import type { UsagePosition, UsageQuery } from "../../objects/account.ts";
import type { Fault } from "../../policy/fault.ts";
import { BAD_CURSOR, cursorOf, positionOf } from "../query.ts";
import { usagePeriodAt } from "./usage-period.ts";

/** In the spelling of rows, since positions are compared as text. */
const period = z.iso.datetime({ precision: 0 });
const positionSchema = z.union([z.tuple([period]), z.tuple([period, z.string()])]);

type Rows = Pick<UsageQuery, "granularity" | "anchorDay" | "byRoute">;

/** The cursor of the page that begins after this row. */
export function usageCursor(row: UsagePosition, { byRoute }: Rows): string {
  return cursorOf(JSON.stringify(byRoute ? [row.period, row.route] : [row.period]));
}

/** The row that a cursor names; faults if it cannot be a row of this granularity and grouping. */
export function usagePosition(
  cursor: string,
  { granularity, anchorDay, byRoute }: Rows,
):
  | { readonly ok: true; readonly value: UsagePosition }
  | { readonly ok: false; readonly faults: readonly Fault[] } {
  const parsed = positionSchema.safeParse(parseJson(positionOf(cursor) ?? ""));
  if (!parsed.success) return { ok: false, faults: BAD_CURSOR };
  const [start, route] = parsed.data;
  const atMs = Date.parse(start);
  const isRow =
    usagePeriodAt(granularity, atMs, anchorDay).startMs === atMs && (route !== undefined) === byRoute;
  return isRow
    ? { ok: true, value: { period: start, route: route ?? "" } }
    : { ok: false, faults: BAD_CURSOR };
}
