/** The parameters of a report: their schema, and the query that they stand for. Pure. */
import * as z from "zod/mini";
import { readPosition } from "../../analytics/reports/decision-log.ts";
import { OUTCOMES } from "../../analytics/outcome.ts";
import {
  DEFAULT_RANGE_MS,
  DEFAULT_ROWS,
  DIMENSIONS,
  hasTooManySteps,
  INTERVAL_NAMES,
  INTERVALS,
  MAX_RANGE_MS,
  MAX_STEPS,
  ORDERS,
  type ReportName,
  type ReportQuery,
  STACKS,
  SUBJECT_KINDS,
  usualInterval,
} from "../../analytics/reports/report-query.ts";
import { DAY_MS, HOUR_MS, SECOND_MS } from "../../core/time.ts";
import { REQUESTS } from "../../core/unit-costs.ts";
import { type AddressDetail, shownSubject } from "../../analytics/shown-subject.ts";
import { subjectNamed } from "../../identity/user-id.ts";
import type { Fault } from "../../policy/fault.ts";
import { unitName } from "../../policy/scalars.ts";
import { cursor as cursorSchema, rangeBound, rowLimit } from "../fields.ts";
import { requestIdOf } from "../operation-id.ts";
import { BAD_CURSOR, pageSize, positionOf } from "../query.ts";

/** Accounts of the drift report: it asks each one's object for its ledger. */
const MAX_LEDGERS = 20;

/** Reports without costs, and the one whose costs are compared with the ledger's number of requests. */
const WITHOUT_UNIT: ReadonlySet<ReportName> = new Set(["denials", "values", "decisions", "ledger-drift"]);

/** Decisions with exactly this value: any text that a decision may have. */
const value = z.optional(z.string().check(z.maxLength(512)));
export const reportQuery = z.strictObject({
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  interval: z.optional(z.enum(INTERVAL_NAMES)),
  by: z.optional(z.enum(DIMENSIONS)),
  order: z.optional(z.enum(ORDERS)),
  kind: z.optional(z.enum(SUBJECT_KINDS)),
  unit: z.optional(unitName),
  account: value,
  route: value,
  tier: value,
  outcome: z.optional(z.enum(OUTCOMES)),
  reason: value,
  source: value,
  keyId: value,
  method: value,
  upstreamStatus: value,
  shadowed: value,
  search: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  requestId: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
  format: z.optional(z.enum(["json", "csv"])),
  limit: rowLimit,
  cursor: cursorSchema,
});
export type ReportParameters = z.infer<typeof reportQuery>;

type ParsedQuery =
  | { readonly ok: true; readonly value: ReportQuery }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Fills in defaults: the last hour if no time is given, the last day for a request id. Rounds the range to seconds, and for the ledger drift to hours, as the ledger
 * counts. An address is looked up by what points show of it. A range that reaches into the future ends now, so that rates and charts cover only time that has passed.
 */
export function queryOf(
  name: ReportName,
  parameters: ReportParameters,
  nowMs: number,
  addressDetail: AddressDetail = "full",
): ParsedQuery {
  const {
    from,
    to,
    interval,
    by = "outcome",
    order,
    kind,
    unit,
    limit,
    cursor,
    format: _format,
    account,
    requestId,
    search,
    ...others
  } = parameters;
  const subject = account === undefined ? undefined : shownSubject(subjectNamed(account), addressDetail);
  const filters = { ...others, account: subject };
  const unitMs = name === "ledger-drift" ? HOUR_MS : SECOND_MS;
  // Includes what was decided in this very second.
  const nextMs = roundUp(nowMs + 1, unitMs);
  const endMs = to === undefined ? nextMs : roundUp(Date.parse(to), unitMs);
  const usualMs = requestId === undefined ? DEFAULT_RANGE_MS : DAY_MS;
  const fromMs = roundDown(from === undefined ? endMs - usualMs : Date.parse(from), unitMs);
  const toMs = fromMs < nextMs ? Math.min(endMs, nextMs) : endMs;
  const intervalMs = interval ? INTERVALS[interval] : usualInterval(fromMs, toMs);
  const after = cursor === undefined ? null : readPosition(positionOf(cursor) ?? "");
  const faults: Fault[] = [];
  if (fromMs >= toMs) faults.push({ path: "/from", message: "must be before to" });
  else if (toMs - fromMs > MAX_RANGE_MS)
    faults.push({ path: "/from", message: "must be at most 93 days before to" });
  else if (hasTooManySteps(fromMs, toMs, intervalMs)) {
    faults.push({ path: "/interval", message: `divides the range into more than ${MAX_STEPS} steps` });
  }
  if (name === "user" && filters.account === undefined) {
    faults.push({ path: "/account", message: "is required" });
  }
  if (name !== "values" && !STACKS.some((stack) => stack === by)) {
    faults.push({ path: "/by", message: `must be one of ${STACKS.join(", ")}` });
  }
  if (unit !== undefined && WITHOUT_UNIT.has(name)) {
    faults.push({ path: "/unit", message: `is not for the report ${name}` });
  }
  if (search !== undefined && name !== "values") {
    faults.push({ path: "/search", message: "is only for the report values" });
  }
  if (requestId !== undefined && name !== "decisions") {
    faults.push({ path: "/requestId", message: "is only for the report decisions" });
  }
  if (cursor !== undefined && (!after || name !== "decisions")) faults.push(...BAD_CURSOR);
  if (faults.length > 0) return { ok: false, faults };
  const rows = pageSize(limit, DEFAULT_ROWS);
  const query: ReportQuery = {
    name,
    fromMs,
    toMs,
    intervalMs,
    filters: givenOf(filters),
    ...(requestId === undefined ? {} : { requestId: requestIdOf(requestId) }),
    ...(search === undefined ? {} : { search }),
    ...(unit === undefined || unit === REQUESTS ? {} : { unit }),
    by,
    order: order ?? (name === "denials" ? "denied" : "requests"),
    ...(name === "subjects" && kind !== undefined ? { subjects: kind } : {}),
    limit: name === "ledger-drift" ? Math.min(rows, MAX_LEDGERS) : rows,
    after,
  };
  return { ok: true, value: query };
}

/** Without the filters that were not given. */
function givenOf(filters: Readonly<Record<string, string | undefined>>): ReportQuery["filters"] {
  return Object.fromEntries(Object.entries(filters).filter(([, wanted]) => wanted !== undefined));
}

function roundUp(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs;
}

function roundDown(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs;
}
