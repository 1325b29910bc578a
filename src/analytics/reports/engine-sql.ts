/**
 * The SQL of facts for Analytics Engine: one SELECT each, no JOIN or UNION, bounded in time and in rows, every sum weighted by
 * `_sample_interval`. Uses only functions of its reference: sum, sumIf, max, if, round, toUInt32, toDateTime, toUnixTimestamp,
 * quantileExactWeighted, position, lower. Pure: writes text, runs nothing.
 */
import { SECOND_MS } from "../../core/time.ts";
import { cut, INDEX_BYTES } from "../cut.ts";
import { CHARGED_ERRORS, STANDING_REASONS, UNDECIDED } from "../outcome.ts";
import { FIELD_NAMES, type PointField } from "../point.ts";
import { POINT_FIELDS, SAMPLE_INTERVAL, UNIT_COLUMNS } from "../point-fields.ts";
import { placeOf } from "../unit-text.ts";
import { type Aggregation, LEVELS, lowerCase, type Scan, type Selection } from "./facts.ts";
import { type Dimension, DIMENSIONS, LOG_ORDER, type Order, SUBJECT_PREFIXES } from "./report-query.ts";
import { listLiteral, numberLiteral, textLiteral } from "./sql-literal.ts";

const column = (name: PointField): string => POINT_FIELDS[name].column;
const { timestamp, outcome, reason, source, cost, limiterMs, requests, units } = {
  timestamp: column("atMs"),
  outcome: column("outcome"),
  reason: column("reason"),
  source: column("source"),
  cost: column("cost"),
  limiterMs: column("limiterMs"),
  requests: column("requests"),
  units: column("units"),
};

/** A row's weight: an integer, which quantileExactWeighted requires. */
const WEIGHT = `${SAMPLE_INTERVAL} * toUInt32(${requests})`;
const IS_CHARGED = `${outcome} = 'allowed' OR (${outcome} = 'error' AND ${reason} IN ${listLiteral(CHARGED_ERRORS)})`;

/** The same as {@link isDecided}, {@link isAdmitted} and {@link outcomeOf}. */
const IS_DECIDED = `${source} <> ${textLiteral(UNDECIDED)}`;
const IS_ADMITTED = `${IS_DECIDED} AND (${IS_CHARGED})`;
const STANDING = listLiteral(STANDING_REASONS);
const IS_DENIED = `${outcome} = 'denied' AND ${IS_DECIDED} AND ${reason} NOT IN ${STANDING}`;
const IS_TURNED_AWAY = `${outcome} = 'denied' AND (${source} = ${textLiteral(UNDECIDED)} OR ${reason} IN ${STANDING})`;
const OUTCOME = `if(${IS_TURNED_AWAY}, 'turned_away', ${outcome})`;

/** Of no decided requests, no part is denied. */
const DENIED_SHARE = `if(sumIf(${WEIGHT}, ${IS_DECIDED}) > 0, sumIf(${WEIGHT}, ${IS_DENIED}) / sumIf(${WEIGHT}, ${IS_DECIDED}), 0)`;

/** Names of the answer's columns; the dimensions' are `key0`, `key1`. */
export const ANSWER = {
  at: "at_s",
  requests: "n_requests",
  allowed: "n_allowed",
  denied: "n_denied",
  turnedAway: "n_turned_away",
  decided: "n_decided",
  cost: "n_cost",
  admitted: "n_admitted",
  sampled: "n_most",
  last: "last_s",
  deniedShare: "denied_share",
} as const;
/** The columns that rankings are ordered by. */
const RANKS = {
  requests: ANSWER.requests,
  denied: ANSWER.denied,
  cost: ANSWER.cost,
  deniedShare: ANSWER.deniedShare,
  lastSeen: ANSWER.last,
} as const satisfies Record<Order, string>;
export const keyName = (i: number): string => `key${i}`;
export const levelName = (i: number): string => `level${i}`;
export const boundName = (i: number): string => `bound${i}`;
export const unitName = (i: number): string => `unit${i}`;

/** One row for each group. */
export function groupsSql(dataset: string, aggregation: Aggregation): string {
  const { by, intervalMs, latency, boundsMs, order, limit, unit } = aggregation;
  const at = intervalMs === null ? [] : [`${stepSql(intervalMs)} AS ${ANSWER.at}`];
  const keys = by.map((name, i) => `${valueSql(name)} AS ${keyName(i)}`);
  const groups = [...(intervalMs === null ? [] : [ANSWER.at]), ...by.map((_name, i) => keyName(i))];
  const select = [
    ...at,
    ...keys,
    `sum(${WEIGHT}) AS ${ANSWER.requests}`,
    `sumIf(${WEIGHT}, ${outcome} = 'allowed') AS ${ANSWER.allowed}`,
    `sumIf(${WEIGHT}, ${IS_DENIED}) AS ${ANSWER.denied}`,
    `sumIf(${WEIGHT}, ${IS_TURNED_AWAY}) AS ${ANSWER.turnedAway}`,
    `sumIf(${WEIGHT}, ${IS_DECIDED}) AS ${ANSWER.decided}`,
    `round(sumIf(${SAMPLE_INTERVAL} * ${costSql(unit)}, ${IS_CHARGED}) * 1000) / 1000 AS ${ANSWER.cost}`,
    `sumIf(${WEIGHT}, ${IS_ADMITTED}) AS ${ANSWER.admitted}`,
    `max(${SAMPLE_INTERVAL}) AS ${ANSWER.sampled}`,
    `max(toUnixTimestamp(${timestamp})) AS ${ANSWER.last}`,
    ...(order === "deniedShare" ? [`${DENIED_SHARE} AS ${ANSWER.deniedShare}`] : []),
    ...(latency ? LEVELS.map((level, i) => `${quantileSql(level)} AS ${levelName(i)}`) : []),
    ...boundsMs.map(
      (ms, i) =>
        `sumIf(${WEIGHT}, ${IS_DECIDED} AND ${limiterMs} <= ${numberLiteral(ms)}) AS ${boundName(i)}`,
    ),
  ];
  const first = intervalMs === null ? [] : [ANSWER.at];
  const orders = [...first, `${RANKS[order]} DESC`, ...by.map((_name, i) => keyName(i))];
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

/** A row's cost in a unit: the amount of the place that the unit has in this row. */
function costSql(unit: string | undefined): string {
  if (unit === undefined) return cost;
  const amounts = UNIT_COLUMNS.map(
    (amount, i) => `if(position(${textLiteral(placeOf(i, unit))} IN ${units}) > 0, ${amount}, 0)`,
  );
  return `(${amounts.join(" + ")})`;
}

/** Fields of a line of the log besides its time. */
export const LOG_FIELDS = FIELD_NAMES.filter((name) => name !== "atMs");
/** The answer's column of a field. */
export const fieldName = (name: PointField): string => `f_${name}`;

/** Rows of the log. */
export function scanSql(dataset: string, scan: Scan): string {
  const { after, limit, requestId } = scan;
  const orders = [`${timestamp} DESC`, ...LOG_ORDER.map(column)];
  const rows = [
    `toUnixTimestamp(${timestamp}) AS ${ANSWER.at}`,
    `${SAMPLE_INTERVAL} AS ${ANSWER.sampled}`,
    ...LOG_FIELDS.map((name) => `${column(name)} AS ${fieldName(name)}`),
    ...UNIT_COLUMNS.map((amount, i) => `${amount} AS ${unitName(i)}`),
  ];
  return [
    `SELECT ${rows.join(", ")}`,
    `FROM ${dataset}`,
    `WHERE ${whereSql(scan)}${requestId === null ? "" : ` AND ${requestSql(requestId)}`}${after ? ` AND ${afterSql(after)}` : ""}`,
    `ORDER BY ${orders.join(", ")}`,
    `LIMIT ${numberLiteral(limit)}`,
    ...(after && after.shown > 0 ? [`OFFSET ${numberLiteral(after.shown)}`] : []),
    "FORMAT JSON",
  ].join("\n");
}

/** The same as {@link isOfRequest}. */
function requestSql(requestId: string): string {
  const [first, others] = [column("requestId"), column("otherRequestIds")];
  return `(${first} = ${textLiteral(requestId)} OR position(${textLiteral(` ${requestId} `)} IN ${others}) > 0)`;
}

/** Rows at the position or after it: `a > x OR (a = x AND (b > y OR ...))`. */
function afterSql(position: NonNullable<Scan["after"]>): string {
  const at = timeSql(position.atMs);
  const later = LOG_ORDER.reduceRight((rest, field) => {
    const value = position[field];
    const literal = typeof value === "number" ? numberLiteral(value) : textLiteral(value);
    const [own, is] = [column(field), rest === "" ? ">=" : ">"];
    return `(${own} ${is} ${literal}${rest && ` OR (${own} = ${literal} AND ${rest})`})`;
  }, "");
  return `(${timestamp} < ${at} OR (${timestamp} = ${at} AND ${later}))`;
}

function whereSql({ fromMs, toMs, filters, without = {}, subjects, search }: Selection): string {
  const conditions = [`${timestamp} >= ${timeSql(fromMs)}`, `${timestamp} < ${timeSql(toMs)}`];
  for (const name of DIMENSIONS) {
    const [value, other] = [filters[name], without[name]];
    if (value !== undefined) conditions.push(`${valueSql(name)} = ${keptSql(name, value)}`);
    if (other !== undefined) conditions.push(`${valueSql(name)} <> ${keptSql(name, other)}`);
  }
  if (subjects !== undefined) conditions.push(prefixSql("account", SUBJECT_PREFIXES[subjects]));
  if (search) {
    const text = textLiteral(lowerCase(search.text));
    conditions.push(`position(${text} IN lower(${valueSql(search.field)})) > 0`);
  }
  return conditions.join(" AND ");
}

/** Whether a value begins with a text that ends in ASCII: comparisons need no function. */
function prefixSql(name: Dimension, prefix: string): string {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  return `${column(name)} >= ${textLiteral(prefix)} AND ${column(name)} < ${textLiteral(end)}`;
}

/** A dimension's value in reports. */
function valueSql(name: Dimension): string {
  return name === "outcome" ? OUTCOME : column(name);
}

/** A value as it was stored. */
function keptSql(name: Dimension, value: string): string {
  return textLiteral(name === "account" ? cut(value, INDEX_BYTES) : value);
}

/** Whole seconds: the timestamp is no finer. */
function timeSql(ms: number): string {
  return `toDateTime(${numberLiteral(Math.floor(ms / SECOND_MS))})`;
}

/** The beginning of the step, Unix seconds: by arithmetic, so that no time zone matters. */
function stepSql(intervalMs: number): string {
  const seconds = `toUnixTimestamp(${timestamp})`;
  return `${seconds} - ${seconds} % ${numberLiteral(intervalMs / SECOND_MS)}`;
}

/** Of decided requests: the others have weight 0. */
function quantileSql(level: number): string {
  return `quantileExactWeighted(${numberLiteral(level)})(${limiterMs}, if(${IS_DECIDED}, ${WEIGHT}, 0))`;
}
