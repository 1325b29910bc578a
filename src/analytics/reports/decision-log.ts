/** Pages of the decision log, and its cursor. The cursor's text is harmless: it is parsed like any other input. */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import type { Row } from "./facts.ts";
import { LOG_ORDER, type LogKey } from "./report-query.ts";
import { outcomeOf } from "../outcome.ts";
import type { LoggedDecision } from "./report-answer.ts";
import type { LogPosition, ReportQuery } from "./report-query.ts";
import { compareUtf8 } from "./utf8-order.ts";

/** Analytics Engine stores no longer text. */
const text = z.string().check(z.maxLength(1_200));
/** In the order of the tuple: the moment, LOG_ORDER, and how many were shown. */
const positionSchema = z.tuple([
  z.int().check(z.gte(0), z.lte(8.64e15)),
  text,
  text,
  text,
  z.enum(["allowed", "denied", "error"]),
  text,
  text,
  z.number(),
  z.int().check(z.gte(0), z.lte(100_000)),
]);

/** Negative where `a` comes first: the newer, then by {@link LOG_ORDER}. */
export function compareRows(a: LogKey, b: LogKey): number {
  if (a.atMs !== b.atMs) return b.atMs - a.atMs;
  for (const field of LOG_ORDER) {
    const [x, y] = [a[field], b[field]];
    const order = typeof x === "number" || typeof y === "number" ? Number(x) - Number(y) : compareUtf8(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

/** The page, of rows of which one more than fit were asked for. */
export function logOf({ limit, after }: ReportQuery, rows: readonly Row[]) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const cursor = last && rows.length > limit ? positionAfter(last, page, after) : null;
  return { decisions: page.map(logged), cursor: cursor && writePosition(cursor) };
}

/** Where the page after this one begins. */
function positionAfter(last: Row, page: readonly Row[], after: LogPosition | null): LogPosition {
  const here = page.filter((row) => compareRows(row, last) === 0).length;
  const before = after && compareRows(after, last) === 0 ? after.shown : 0;
  const { atMs, requestId, account, route, outcome, reason, keyId, cost } = last;
  return { atMs, requestId, account, route, outcome, reason, keyId, cost, shown: here + before };
}

function logged({ atMs, ...row }: Row): LoggedDecision {
  const outcome = outcomeOf(row.outcome, row.reason, row.source);
  return { at: new Date(atMs).toISOString(), ...row, outcome };
}

/** As the text of a cursor, to be encoded. */
export function writePosition(position: LogPosition): string {
  return JSON.stringify([position.atMs, ...LOG_ORDER.map((field) => position[field]), position.shown]);
}

/** Null if the text was not made by {@link writePosition} of this version. */
export function readPosition(written: string): LogPosition | null {
  const parsed = positionSchema.safeParse(parseJson(written));
  if (!parsed.success) return null;
  const [atMs, requestId, account, route, outcome, reason, keyId, cost, shown] = parsed.data;
  return { atMs, requestId, account, route, outcome, reason, keyId, cost, shown };
}
