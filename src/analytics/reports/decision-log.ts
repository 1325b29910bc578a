/** Pages of the decision log, and its cursor, which is parsed like any other input. */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import { outcomeOf } from "../outcome.ts";
import { FIELD_NAMES } from "../point.ts";
import { POINT_FIELDS } from "../point-fields.ts";
import type { Keeps, Row } from "./facts.ts";
import type { LoggedDecision, NotFound } from "./report-answer.ts";
import { LOG_ORDER, type LogKey, type LogPosition, type ReportQuery } from "./report-query.ts";
import { compareUtf8 } from "./utf8-order.ts";

/** The fields of a line, in the order of CSV. */
export const LOGGED_FIELDS: readonly (keyof LoggedDecision)[] = [
  "at",
  "requestId",
  ...FIELD_NAMES.filter((name) => name !== "atMs" && name !== "requestId"),
  "weight",
];

/** Analytics Engine stores no longer text. */
const text = z.string().check(z.maxLength(1_200));
/** In the order of the tuple: the moment, LOG_ORDER, and how many were shown. */
const positionSchema = z.tuple([
  z.int().check(z.gte(0), z.lte(8.64e15)),
  text,
  text,
  text,
  z.enum(POINT_FIELDS.outcome.type),
  text,
  text,
  z.number(),
  z.int().check(z.gte(0), z.lte(100_000)),
]);

/** Negative if `a` comes first: the newer, then by {@link LOG_ORDER}. */
export function compareRows(a: LogKey, b: LogKey): number {
  if (a.atMs !== b.atMs) return b.atMs - a.atMs;
  for (const field of LOG_ORDER) {
    const [x, y] = [a[field], b[field]];
    const order = typeof x === "number" || typeof y === "number" ? Number(x) - Number(y) : compareUtf8(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

/** The page. @param rows one more than the page shows, if there is another page. */
export function logOf({ limit, after }: ReportQuery, rows: readonly Row[]) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const cursor = last && rows.length > limit ? positionAfter(last, page, after) : null;
  return { decisions: page.map(logged), cursor: cursor && writePosition(cursor) };
}

/** Where the next page begins. */
function positionAfter(last: Row, page: readonly Row[], after: LogPosition | null): LogPosition {
  const here = page.filter((row) => compareRows(row, last) === 0).length;
  const before = after && compareRows(after, last) === 0 ? after.shown : 0;
  const { atMs, requestId, account, route, outcome, reason, keyId, cost } = last;
  return { atMs, requestId, account, route, outcome, reason, keyId, cost, shown: here + before };
}

const NOT_FOUND =
  "Peeks and answers repeated for an idempotency key are not recorded, since they decide nothing. Neither are requests for a status, to the admin API and by the dashboard, unless they fail. Under load the log is sampled. The Worker's log has a line for each denial.";

/** Why the log may lack the request that was searched for. */
export function notFoundOf({ fromMs }: Keeps): NotFound {
  return { logBegins: new Date(fromMs).toISOString(), detail: NOT_FOUND };
}

function logged({ atMs, ...row }: Row): LoggedDecision {
  const outcome = outcomeOf(row.outcome, row.reason, row.source);
  return { at: new Date(atMs).toISOString(), ...row, outcome };
}

/** The text of a cursor, before it is encoded. */
export function writePosition(position: LogPosition): string {
  return JSON.stringify([position.atMs, ...LOG_ORDER.map((field) => position[field]), position.shown]);
}

/** Null if {@link writePosition} of this version did not write the text. */
export function readPosition(written: string): LogPosition | null {
  const parsed = positionSchema.safeParse(parseJson(written));
  if (!parsed.success) return null;
  const [atMs, requestId, account, route, outcome, reason, keyId, cost, shown] = parsed.data;
  return { atMs, requestId, account, route, outcome, reason, keyId, cost, shown };
}
