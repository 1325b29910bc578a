/**
 * A run of points as one row of the table `points`, which has the columns of Analytics Engine by name: each holds the values of
 * its field for all points of the run, so a hundred points cost one row written rather than a hundred.
 *
 * A column is JSON: numbers as a list, strings as `[values, indices]`: each value once, and which one each point has. A list
 * of one stands for all points. Pure: no storage, no clock.
 */
import {
  COLUMNS,
  COLUMNS_VERSION,
  SAMPLE_INTERVAL,
  VERSION_COLUMN,
} from "../../src/analytics/point-fields.ts";
import type { Point, PointOutcome, PointSource, StatusClass } from "../../src/analytics/point.ts";
import type { Row } from "../../src/analytics/reports/facts.ts";
import { scaledMs } from "../../src/analytics/reports/latency-scale.ts";
import { parseJson } from "../../src/json.ts";

/** Longest text of a field, in UTF-16 units: a column of a run stays far below the two megabytes that a row may have. */
const MAX_TEXT = 512;
/** A cursor of the log has one in it. */
const MAX_REQUEST_ID = 128;
const OUTCOMES = ["allowed", "denied", "error"] as const satisfies PointOutcome[];
const SOURCES = ["strict", "lease", "deny-cache", "fallback", "none"] as const satisfies PointSource[];
const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"] as const satisfies StatusClass[];

export type TextField =
  | "account"
  | "route"
  | "tier"
  | "outcome"
  | "reason"
  | "source"
  | "method"
  | "colo"
  | "country"
  | "keyId"
  | "upstreamStatus"
  | "requestId";
export type NumberField = Exclude<keyof Row, TextField>;

const TEXT_FIELDS: readonly TextField[] = [
  "account",
  "route",
  "tier",
  "outcome",
  "reason",
  "source",
  "method",
  "colo",
  "country",
  "keyId",
  "upstreamStatus",
  "requestId",
];
const NUMBER_FIELDS: readonly NumberField[] = [
  "atMs",
  "revision",
  "cost",
  "limiterMs",
  "upstreamMs",
  "remainingFraction",
  "retryAfterMs",
  "requests",
  "weight",
];

/** The table's column of a field. Revisions are text in Analytics Engine, and numbers here. */
export function columnOf(field: TextField | NumberField): string {
  return field === "weight" ? SAMPLE_INTERVAL : COLUMNS[field].name;
}

const FIELDS = [...NUMBER_FIELDS, ...TEXT_FIELDS];
const NAMES = FIELDS.map(columnOf);

/** `rows`: points of the run. `first_ms`, `last_ms`: when the earliest and the latest was decided. */
export const SEGMENT_SCHEMA = `CREATE TABLE IF NOT EXISTS points (
  id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  ${VERSION_COLUMN.name} INTEGER NOT NULL, ${NAMES.map((name) => `${name} TEXT NOT NULL`).join(", ")})`;

const ALL = ["rows", "first_ms", "last_ms", VERSION_COLUMN.name, ...NAMES];

/** Its bindings are {@link bindingsOf}. Takes the place of the run of the same id, by one row written. */
export const WRITE_SEGMENT = `INSERT INTO points (id, ${ALL.join(", ")}) VALUES (${"?, ".repeat(ALL.length)}?)
  ON CONFLICT (id) DO UPDATE SET ${ALL.map((name) => `${name} = excluded.${name}`).join(", ")}`;

export function bindingsOf(id: number, rows: readonly Row[]): (number | string)[] {
  const times = rows.map(({ atMs }) => atMs);
  return [
    id,
    rows.length,
    times.reduce((a, b) => Math.min(a, b)),
    times.reduce((a, b) => Math.max(a, b)),
    COLUMNS_VERSION,
    ...NUMBER_FIELDS.map((field) => JSON.stringify(shortened(rows.map((row) => row[field])))),
    ...TEXT_FIELDS.map((field) => JSON.stringify(indexed(rows.map((row) => row[field])))),
  ];
}

/** The point as it is stored: texts cut and well-formed, numbers finite, latencies on their scale. */
export function storedRow(point: Point): Row {
  return {
    atMs: finite(point.atMs),
    account: cut(point.account),
    route: cut(point.route),
    tier: cut(point.tier),
    outcome: point.outcome,
    reason: cut(point.reason),
    source: point.source,
    method: cut(point.method),
    colo: cut(point.colo),
    country: cut(point.country),
    revision: finite(point.revision),
    keyId: cut(point.keyId),
    upstreamStatus: point.upstreamStatus,
    requestId: cut(point.requestId, MAX_REQUEST_ID),
    cost: finite(point.cost),
    limiterMs: scaledMs(point.limiterMs),
    upstreamMs: scaledMs(point.upstreamMs),
    remainingFraction: finite(point.remainingFraction),
    retryAfterMs: finite(point.retryAfterMs),
    requests: finite(point.requests),
    weight: 1,
  };
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function cut(text: string, length = MAX_TEXT): string {
  return text.slice(0, length).toWellFormed();
}

function shortened(values: readonly number[]): readonly number[] {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? [first] : values;
}

function indexed(values: readonly string[]): [string[], number[]] {
  const places = new Map<string, number>();
  const indices = values.map((value) => {
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    return place;
  });
  return [[...places.keys()], [...shortened(indices)]];
}

/** A column of text: `values[index(i)]` is the i-th point's. */
export interface TextColumn {
  readonly values: readonly string[];
  readonly indices: readonly number[];
}

/** @throws where the column is not what {@link bindingsOf} writes. */
export function readNumbers(json: unknown): readonly number[] {
  const numbers = parseJson(String(json));
  if (isList(numbers, isNumber)) return numbers;
  throw new TypeError("a stored column is no list of numbers");
}

/** @throws where the column is not what {@link bindingsOf} writes. */
export function readTexts(json: unknown): TextColumn {
  const column = parseJson(String(json));
  if (Array.isArray(column)) {
    const [values, indices]: unknown[] = column;
    if (isList(values, isText) && isList(indices, isNumber)) return { values, indices };
  }
  throw new TypeError("a stored column is no list of texts");
}

// By hand: a schema takes longer than all the rest of a start, which reads millions of values.
function isList<T>(list: unknown, isItem: (item: unknown) => item is T): list is readonly T[] {
  if (!Array.isArray(list)) return false;
  for (const item of list) if (!isItem(item)) return false;
  return true;
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isText = (value: unknown): value is string => typeof value === "string";

/** The i-th point's value of a list that may be of one for all. */
export function valueAt<T>(list: readonly T[], i: number, otherwise: T): T {
  return list[list.length === 1 ? 0 : i] ?? otherwise;
}

/** The points of a stored run, in their order. @throws where the row is not what {@link bindingsOf} writes. */
export function rowsOf(stored: Readonly<Record<string, unknown>>): Row[] {
  const count = Number(stored["rows"]);
  const numbers = new Map(NUMBER_FIELDS.map((field) => [field, readNumbers(stored[columnOf(field)])]));
  const texts = new Map(TEXT_FIELDS.map((field) => [field, readTexts(stored[columnOf(field)])]));
  const number = (field: NumberField, i: number): number => valueAt(numbers.get(field) ?? [], i, 0);
  const text = (field: TextField, i: number): string => {
    const { values, indices } = texts.get(field) ?? { values: [], indices: [] };
    return values[valueAt(indices, i, 0)] ?? "";
  };
  return Array.from({ length: count }, (_, i): Row => ({
    atMs: number("atMs", i),
    account: text("account", i),
    route: text("route", i),
    tier: text("tier", i),
    outcome: oneOf(OUTCOMES, text("outcome", i), "error"),
    reason: text("reason", i),
    source: oneOf(SOURCES, text("source", i), "none"),
    method: text("method", i),
    colo: text("colo", i),
    country: text("country", i),
    revision: number("revision", i),
    keyId: text("keyId", i),
    upstreamStatus: oneOf(CLASSES, text("upstreamStatus", i), "none"),
    requestId: text("requestId", i),
    cost: number("cost", i),
    limiterMs: number("limiterMs", i),
    upstreamMs: number("upstreamMs", i),
    remainingFraction: number("remainingFraction", i),
    retryAfterMs: number("retryAfterMs", i),
    requests: number("requests", i),
    weight: number("weight", i),
  }));
}

function oneOf<T extends string>(values: readonly T[], text: string, otherwise: T): T {
  return values.find((value) => value === text) ?? otherwise;
}
