/**
 * The SQL of facts for Analytics Engine: one SELECT each, no JOIN or UNION, bounded in time and in rows, every sum weighted by
 * `_sample_interval`. Only functions of its reference: sum, sumIf, max, if, toUInt32, toDateTime, toUnixTimestamp,
 * quantileExactWeighted. Pure: writes text, asks nobody.
 */
import { COLUMNS, SAMPLE_INTERVAL } from "../columns.ts";
import { cut, INDEX_BYTES } from "../cut.ts";
import type { Point } from "../point.ts";
import {
  type Aggregation,
  CHARGED_ERRORS,
  LEVELS,
  LOG_ORDER,
  STANDING_REASONS,
  type Scan,
  type Selection,
} from "./facts.ts";
import { DIMENSIONS } from "./report-query.ts";
import { listLiteral, numberLiteral, textLiteral } from "./sql-literal.ts";

const column = (field: keyof Point): string => COLUMNS[field].name;
const { timestamp, outcome, reason, source, cost, limiterMs, requests } = {
  timestamp: column("atMs"),
  outcome: column("outcome"),
  reason: column("reason"),
  source: column("source"),
  cost: column("cost"),
  limiterMs: column("limiterMs"),
  requests: column("requests"),
};

/** A row's weight: an integer, as quantileExactWeighted wants it. */
const WEIGHT = `${SAMPLE_INTERVAL} * toUInt32(${requests})`;
const IS_CHARGED = `${outcome} = 'allowed' OR (${outcome} = 'error' AND ${reason} IN ${listLiteral(CHARGED_ERRORS)})`;

/** As {@link ledgerSide} has it. */
const IS_ADMITTED = `${source} <> 'none' AND (${IS_CHARGED})`;
const IS_REFUSED = `${source} <> 'none' AND ${outcome} = 'denied' AND ${reason} NOT IN ${listLiteral(STANDING_REASONS)}`;

/** Names of the answer's columns; the dimensions' are `key0`, `key1`. */
export const ANSWER = {
  at: "at_s",
  requests: "n_requests",
  allowed: "n_allowed",
  denied: "n_denied",
  cost: "n_cost",
  admitted: "n_admitted",
  refused: "n_refused",
  sampled: "n_most",
} as const;
export const keyName = (i: number): string => `key${i}`;
export const levelName = (i: number): string => `level${i}`;
export const boundName = (i: number): string => `bound${i}`;

/** One row for each group. */
export function groupsSql(dataset: string, aggregation: Aggregation): string {
  const { by, intervalMs, latency, boundsMs, order, limit } = aggregation;
  const at = intervalMs === null ? [] : [`${stepSql(intervalMs)} AS ${ANSWER.at}`];
  const keys = by.map((name, i) => `${column(name)} AS ${keyName(i)}`);
  const groups = [...(intervalMs === null ? [] : [ANSWER.at]), ...by.map((_name, i) => keyName(i))];
  const select = [
    ...at,
    ...keys,
    `sum(${WEIGHT}) AS ${ANSWER.requests}`,
    `sumIf(${WEIGHT}, ${outcome} = 'allowed') AS ${ANSWER.allowed}`,
    `sumIf(${WEIGHT}, ${outcome} = 'denied') AS ${ANSWER.denied}`,
    `round(sumIf(${SAMPLE_INTERVAL} * ${cost}, ${IS_CHARGED}) * 1000) / 1000 AS ${ANSWER.cost}`,
    `sumIf(${WEIGHT}, ${IS_ADMITTED}) AS ${ANSWER.admitted}`,
    `sumIf(${WEIGHT}, ${IS_REFUSED}) AS ${ANSWER.refused}`,
    `max(${SAMPLE_INTERVAL}) AS ${ANSWER.sampled}`,
    ...(latency ? LEVELS.map((level, i) => `${quantileSql(level)} AS ${levelName(i)}`) : []),
    ...boundsMs.map((ms, i) => `sumIf(${WEIGHT}, ${limiterMs} <= ${numberLiteral(ms)}) AS ${boundName(i)}`),
  ];
  const first = intervalMs === null ? [] : [ANSWER.at];
  const orders = [...first, `${ANSWER[order]} DESC`, ...by.map((_name, i) => keyName(i))];
  return [
    `SELECT ${select.join(", ")}`,
    `FROM ${dataset}`,
    `WHERE ${whereSql(aggregation)}`,
    ...(groups.length > 0 ? [`GROUP BY ${groups.join(", ")}`] : []),
    `ORDER BY ${orders.join(", ")}`,
    `LIMIT ${numberLiteral(limit)}`,
    "FORMAT JSON",
  ].join("\n");
}

/** Fields of a line of the log: the answer's columns have their names. */
export const LOG_FIELDS = Object.keys(COLUMNS)
  .filter(isField)
  .filter((field) => field !== "atMs");

/** Rows of the log. */
export function scanSql(dataset: string, scan: Scan): string {
  const { after, limit } = scan;
  const orders = [`${timestamp} DESC`, ...LOG_ORDER.map(column)];
  const rows = [
    `toUnixTimestamp(${timestamp}) AS ${ANSWER.at}`,
    `${SAMPLE_INTERVAL} AS ${ANSWER.sampled}`,
    ...LOG_FIELDS.map((field) => `${column(field)} AS f_${field}`),
  ];
  return [
    `SELECT ${rows.join(", ")}`,
    `FROM ${dataset}`,
    `WHERE ${whereSql(scan)}${after ? ` AND ${afterSql(after)}` : ""}`,
    `ORDER BY ${orders.join(", ")}`,
    `LIMIT ${numberLiteral(limit)}`,
    ...(after && after.shown > 0 ? [`OFFSET ${numberLiteral(after.shown)}`] : []),
    "FORMAT JSON",
  ].join("\n");
}

function isField(name: string): name is keyof typeof COLUMNS {
  return Object.hasOwn(COLUMNS, name);
}

function afterSql({ atMs, requestId }: NonNullable<Scan["after"]>): string {
  const at = timeSql(atMs);
  const id = `${column("requestId")} >= ${textLiteral(requestId)}`;
  return `(${timestamp} < ${at} OR (${timestamp} = ${at} AND ${id}))`;
}

function whereSql({ fromMs, toMs, filters }: Selection): string {
  const conditions = [`${timestamp} >= ${timeSql(fromMs)}`, `${timestamp} < ${timeSql(toMs)}`];
  for (const name of DIMENSIONS) {
    const value = filters[name];
    if (value === undefined) continue;
    const kept = name === "account" ? cut(value, INDEX_BYTES) : value;
    conditions.push(`${column(name)} = ${textLiteral(kept)}`);
  }
  return conditions.join(" AND ");
}

/** Whole seconds: the timestamp has no finer ones. */
function timeSql(ms: number): string {
  return `toDateTime(${numberLiteral(Math.floor(ms / 1_000))})`;
}

/** The beginning of the step, Unix seconds: by arithmetic, so that it depends on no time zone. */
function stepSql(intervalMs: number): string {
  const seconds = `toUnixTimestamp(${timestamp})`;
  return `${seconds} - ${seconds} % ${numberLiteral(intervalMs / 1_000)}`;
}

function quantileSql(level: number): string {
  return `quantileExactWeighted(${numberLiteral(level)})(${limiterMs}, ${WEIGHT})`;
}
