/**
 * The fields of a point as data: name, type, column and meaning of each. The batch schema, Analytics Engine, the embedded store, merging,
 * CSV and OpenAPI are derived from this table.
 *
 * To add a field, add a line with the next free blob or double and `added: true`, say what it means, and set its value in decision-point.ts. Fields are
 * never removed or renumbered: what was written stays readable. A change of a column's meaning raises COLUMNS_VERSION.
 */
import { DECISION_SOURCES } from "../core/decision.ts";

/** Written as the first blob of every row, so that a reader can distinguish rows with different meanings. */
export const COLUMNS_VERSION = 1;

/** Where Analytics Engine stores a field. The embedded store has columns of the same names. */
export type ColumnName = "index1" | "timestamp" | `blob${number}` | `double${number}`;

export interface Field {
  /** `text`, `number` (at least 0), or the allowed texts; the last of these also stands for a text that is not allowed. */
  readonly type: "text" | "number" | readonly string[];
  readonly column: ColumnName;
  /**
   * How points are merged. `equal`: only points with the same value are merged. `first`: the first point's value. `mean`: weighted by
   * requests. `list`: point-merge.ts collects the ids, at most `maxLength` of text. `units`: the sums by unit (unit-text.ts).
   */
  readonly merge: "equal" | "first" | "sum" | "min" | "max" | "mean" | "list" | "units";
  /** Stored to three significant digits (reports/latency-scale.ts), so that percentiles are the same in both back ends. */
  readonly isLatency?: true;
  /** The longest text the embedded store keeps, UTF-16 units; Analytics Engine keeps that many bytes too (engine-sink.ts). */
  readonly maxLength?: number;
  /** Not in the first release: rows and isolates of older versions lack it. */
  readonly added?: true;
}

/** Analytics Engine sets `timestamp` itself. A cursor of the decision log contains the request id. */
export const POINT_FIELDS = {
  atMs: { type: "number", column: "timestamp", merge: "first" },
  account: { type: "text", column: "index1", merge: "equal" },
  route: { type: "text", column: "blob2", merge: "equal" },
  tier: { type: "text", column: "blob3", merge: "equal" },
  outcome: { type: ["allowed", "denied", "error"], column: "blob4", merge: "equal" },
  reason: { type: "text", column: "blob5", merge: "equal" },
  source: { type: DECISION_SOURCES, column: "blob6", merge: "equal" },
  method: { type: "text", column: "blob7", merge: "equal" },
  colo: { type: "text", column: "blob8", merge: "equal" },
  country: { type: "text", column: "blob9", merge: "equal" },
  revision: { type: "number", column: "blob10", merge: "equal" },
  keyId: { type: "text", column: "blob11", merge: "equal" },
  upstreamStatus: { type: ["1xx", "2xx", "3xx", "4xx", "5xx", "none"], column: "blob12", merge: "equal" },
  requestId: { type: "text", column: "blob13", merge: "first", maxLength: 128 },
  cost: { type: "number", column: "double1", merge: "sum" },
  limiterMs: { type: "number", column: "double2", merge: "equal", isLatency: true },
  upstreamMs: { type: "number", column: "double3", merge: "mean", isLatency: true },
  remainingFraction: { type: "number", column: "double4", merge: "min" },
  retryAfterMs: { type: "number", column: "double5", merge: "max" },
  requests: { type: "number", column: "double6", merge: "sum" },
  limits: { type: "text", column: "blob14", merge: "first", maxLength: 512, added: true },
  upstreamCode: { type: "number", column: "double7", merge: "first", added: true },
  otherRequestIds: { type: "text", column: "blob15", merge: "list", maxLength: 1_088, added: true },
  shadowed: { type: "text", column: "blob16", merge: "equal", maxLength: 640, added: true },
  rule: { type: "text", column: "blob17", merge: "equal", maxLength: 32, added: true },
  units: { type: "text", column: "blob18", merge: "units", maxLength: 432, added: true },
} as const satisfies Record<string, Field>;

/** Where Analytics Engine has the amounts of `units`, as numbers, in the order of the names in its blob: as many as a cost may name. */
export const UNIT_COLUMNS = [
  "double8",
  "double9",
  "double10",
  "double11",
  "double12",
  "double13",
  "double14",
  "double15",
] as const satisfies ColumnName[];
export const UNIT_COLUMNS_COMMENT = "Amounts of the units of `blob18`, in their order.";

/** What each field means, for docs/analytics.md and OpenAPI. Apart from the table, so that the Worker does not carry it. */
export const FIELD_COMMENTS: Readonly<Record<keyof typeof POINT_FIELDS, string>> = {
  atMs: "Time of the decision.",
  account: "`user:<id>` or `ip:<address>`; empty if the caller is unknown.",
  route: "The route's id in the policy; empty if none matched.",
  tier: "Tier that applied; empty if the caller is unknown.",
  outcome: "`allowed`, `denied` or `error`.",
  reason:
    "The limit that denied it, or `ok`, `shadow:<limit>` (allowed; the first that would have denied it), `exempt`, `blocked`, ...",
  source: "Where it was decided; `none`: the limiter was not asked.",
  method: "HTTP method.",
  colo: "Cloudflare data center (IATA code); empty off Cloudflare.",
  country: "ISO 3166-1 alpha-2; empty if unknown.",
  revision: "Policy revision.",
  keyId: "The API key's id, never the key; empty without one.",
  upstreamStatus: "Class of the upstream's status; `none`: the upstream was not called.",
  requestId: "`X-Request-Id` of the response.",
  cost: "Tokens of all its requests together.",
  limiterMs: "How long the decision took, ms, to three digits.",
  upstreamMs: "How long the upstream took to answer, ms, to three digits; 0 if it was not called.",
  remainingFraction: "Share left of the tightest limit, not counting slots, 0 to 1; 1 if there is none.",
  retryAfterMs: "Time after which the request would be allowed, ms; 0 if it was allowed.",
  requests:
    "Requests that it stands for, before sampling; 0 for an error of the admin API, which no figure counts.",
  limits:
    "What was left of each limit afterwards, as `minute=149.5/150;tpm=6000/10000 of tokens;uploads=3/5 slots`; `none`: no limit was checked; empty: not recorded.",
  upstreamCode: "The upstream's status; 0 if it was not called, or not recorded.",
  otherRequestIds:
    "The request ids of the other requests that it stands for, with a space before and after each; empty if there are none.",
  shadowed:
    "The limits in shadow that would have denied it, and `rule:<name>` for a rule in shadow, as `minute;uploads`; empty if none would have.",
  rule: "The rule of the policy that applied to it; empty if none did.",
  units:
    "Its cost in other units than requests when it was decided (of a reservation, what it reserved), as `rows=2;tokens=4000`; in Analytics Engine the names alone, as `1:rows;2:tokens;`; empty if there is none.",
};

/** The first blob: {@link COLUMNS_VERSION}. */
export const VERSION_COLUMN = "blob1";
export const VERSION_COMMENT = "Version of these columns.";

/** How many rows a row stands for: 1 unless it was sampled. Set by the store. */
export const SAMPLE_INTERVAL = "_sample_interval";
