/** Positions in an account's usage as cursors. Pure. Never a count of rows: rows may appear before it between two pages. */
import * as z from "zod/mini";
import { periodAt } from "../../core/calendar.ts";
import { parseJson } from "../../json.ts";
import type { UsagePosition, UsageQuery } from "../../objects/account.ts";
import type { Fault } from "../../policy/fault.ts";
import { BAD_CURSOR, cursorOf, positionOf } from "../query.ts";

/** As rows spell their periods: positions are compared as text. */
const moment = z.iso.datetime({ precision: 0 });
const schema = z.union([z.tuple([moment]), z.tuple([moment, z.string()])]);

type Rows = Pick<UsageQuery, "granularity" | "anchorDay" | "byRoute">;

/** Where the page after this row begins. */
export function usageCursor({ period, route }: UsagePosition, { byRoute }: Rows): string {
  return cursorOf(JSON.stringify(byRoute ? [period, route] : [period]));
}

/** The row that a cursor stands for; faults if it is not a row of this granularity and grouping. */
export function usagePosition(
  cursor: string,
  { granularity, anchorDay, byRoute }: Rows,
):
  | { readonly ok: true; readonly value: UsagePosition }
  | { readonly ok: false; readonly faults: readonly Fault[] } {
  const parsed = schema.safeParse(parseJson(positionOf(cursor) ?? ""));
  if (!parsed.success) return { ok: false, faults: BAD_CURSOR };
  const [period, route] = parsed.data;
  const atMs = Date.parse(period);
  const isRow = periodAt(granularity, atMs, anchorDay).startMs === atMs && (route !== undefined) === byRoute;
  return isRow ? { ok: true, value: { period, route: route ?? "" } } : { ok: false, faults: BAD_CURSOR };
}
