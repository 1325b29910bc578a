/**
 * A chunk of points as one row of the table `points`: a column for each field, named as in Analytics Engine, holds the values of all
 * points of the chunk. So a hundred points cost one row written, not a hundred.
 *
 * A column is JSON: numbers as a list, texts as `[values, indices]`: each value once, and the index of each point's value. A list of one
 * stands for all points. Pure: no storage, no clock.
 */
import {
  FIELD_NAMES,
  fieldOf,
  FREE_TEXT_FIELDS,
  knownText,
  missingValue,
  NUMBER_FIELDS,
  type NumberField,
  type Point,
  type PointField,
  TEXT_FIELDS,
} from "../../src/analytics/point.ts";
import { COLUMNS_VERSION, SAMPLE_INTERVAL, VERSION_COLUMN } from "../../src/analytics/point-fields.ts";
import { isRow, type RequestScan, type Row } from "../../src/analytics/reports/facts.ts";
import { scaledMs } from "../../src/analytics/reports/latency-scale.ts";
import { parseJson } from "../../src/json.ts";

/** Longest text of a field, in UTF-16 units: a column of a chunk stays far below the two megabytes that a row may have. */
const MAX_TEXT = 512;

const NUMBERS: readonly (NumberField | "weight")[] = [...NUMBER_FIELDS, "weight"];

/** The table's column of a field. Revisions are text in Analytics Engine, and numbers here. */
export function columnOf(field: PointField | "weight"): string {
  return field === "weight" ? SAMPLE_INTERVAL : fieldOf(field).column;
}

/** A field's column for points that were stored without the field. */
function missingColumn(name: PointField): string {
  const value = missingValue(name);
  return JSON.stringify(typeof value === "number" ? [value] : [[value], [0]]);
}

const STORED_FIELDS = [...NUMBERS, ...TEXT_FIELDS];
const NAMES = STORED_FIELDS.map(columnOf);
const FIRST_NAMES = STORED_FIELDS.filter((field) => field === "weight" || !fieldOf(field).added).map(
  columnOf,
);

/**
 * The table as the first release made it. `rows`: points of the chunk. `first_ms`, `last_ms`: times of the earliest and the latest
 * decision.
 */
export const CHUNK_SCHEMA = `CREATE TABLE IF NOT EXISTS points (
  id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  ${VERSION_COLUMN} INTEGER NOT NULL, ${FIRST_NAMES.map((name) => `${name} TEXT NOT NULL`).join(", ")})`;

/** A text that the hub stores with the newest chunk, in the same row. Null in most. */
export const NOTE_COLUMN = "note";

/** Statements that add the columns that the table lacks. @param has those that it has. */
export function missingColumns(has: ReadonlySet<string>): string[] {
  const missing = FIELD_NAMES.filter((name) => !has.has(columnOf(name))).map(
    (name) =>
      `ALTER TABLE points ADD COLUMN ${columnOf(name)} TEXT NOT NULL DEFAULT '${missingColumn(name)}'`,
  );
  return has.has(NOTE_COLUMN) ? missing : [...missing, `ALTER TABLE points ADD COLUMN ${NOTE_COLUMN} TEXT`];
}

const ALL = ["rows", "first_ms", "last_ms", VERSION_COLUMN, ...NAMES, NOTE_COLUMN];

/** Its bindings are {@link bindingsOf}. Replaces the chunk of the same id, by one row written. */
export const WRITE_CHUNK = `INSERT INTO points (id, ${ALL.join(", ")}) VALUES (${"?, ".repeat(ALL.length)}?)
  ON CONFLICT (id) DO UPDATE SET ${ALL.map((name) => `${name} = excluded.${name}`).join(", ")}`;

const [FIRST_IDS, OTHER_IDS] = [columnOf("requestId"), columnOf("otherRequestIds")];
/** The chunks of a period with points of a request. Its bindings are {@link requestBindings}. */
export const FIND_REQUEST = `SELECT id FROM points
  WHERE last_ms >= ? AND first_ms < ? AND (instr(${FIRST_IDS}, ?) > 0 OR instr(${OTHER_IDS}, ?) > 0)`;

/** The period, and the request id as {@link bindingsOf} writes it, in JSON: alone, and among others. */
export function requestBindings({ fromMs, toMs, requestId }: RequestScan): (number | string)[] {
  return [fromMs, toMs, JSON.stringify(requestId), JSON.stringify(` ${requestId} `).slice(1, -1)];
}

export function bindingsOf(
  id: number,
  rows: readonly Row[],
  note: string | null,
): (number | string | null)[] {
  const times = rows.map(({ atMs }) => atMs);
  return [
    id,
    rows.length,
    times.reduce((a, b) => Math.min(a, b)),
    times.reduce((a, b) => Math.max(a, b)),
    COLUMNS_VERSION,
    ...NUMBERS.map((field) => JSON.stringify(shortened(rows.map((row) => row[field])))),
    ...TEXT_FIELDS.map((field) => JSON.stringify(indexed(rows.map((row) => row[field])))),
    note,
  ];
}

/** The point as it is stored: texts cut and well-formed, numbers finite, latencies on their scale. */
export function storedRow(point: Point): Row {
  const row: { -readonly [Name in keyof Row]: Row[Name] } = { ...point, weight: 1 };
  for (const name of NUMBER_FIELDS) {
    row[name] = fieldOf(name).isLatency ? scaledMs(row[name]) : finite(row[name]);
  }
  for (const name of FREE_TEXT_FIELDS) {
    row[name] = row[name].slice(0, fieldOf(name).maxLength ?? MAX_TEXT).toWellFormed();
  }
  return row;
}

/** UTF-16 units that a row adds to its chunk, about. */
export function textLength(row: Row): number {
  return FREE_TEXT_FIELDS.reduce((sum, name) => sum + row[name].length, 0);
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
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

/** @throws TypeError if the column is not what {@link bindingsOf} writes. */
export function readNumbers(json: unknown): readonly number[] {
  const numbers = parseJson(String(json));
  if (isList(numbers, isNumber)) return numbers;
  throw new TypeError("a stored column is not a list of numbers");
}

/** @throws TypeError if the column is not what {@link bindingsOf} writes. */
export function readTexts(json: unknown): TextColumn {
  const column = parseJson(String(json));
  if (Array.isArray(column)) {
    const [values, indices]: unknown[] = column;
    if (isList(values, isText) && isList(indices, isNumber)) return { values, indices };
  }
  throw new TypeError("a stored column is not a list of texts");
}

// By hand: a start reads millions of values, and a schema would take longer than everything else.
function isList<T>(list: unknown, isItem: (item: unknown) => item is T): list is readonly T[] {
  if (!Array.isArray(list)) return false;
  for (const item of list) if (!isItem(item)) return false;
  return true;
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isText = (value: unknown): value is string => typeof value === "string";

/** The i-th point's value of a list that may have one value for all. */
export function valueAt<T>(list: readonly T[], i: number, otherwise: T): T {
  return list[list.length === 1 ? 0 : i] ?? otherwise;
}

/** The points of a stored chunk, in their order. @throws TypeError if the row is not what {@link bindingsOf} writes. */
export function rowsOf(stored: Readonly<Record<string, unknown>>): Row[] {
  const numbers = NUMBERS.map((field) => {
    return [field, readNumbers(stored[columnOf(field)])] as const;
  });
  const texts = TEXT_FIELDS.map((name) => {
    const { values, indices } = readTexts(stored[columnOf(name)]);
    return [name, { values: values.map((value) => knownText(name, value)), indices }] as const;
  });
  return Array.from({ length: Number(stored["rows"]) }, (_, i): Row => {
    const row: Record<string, unknown> = {};
    for (const [field, column] of numbers) row[field] = valueAt(column, i, 0);
    for (const [name, { values, indices }] of texts) {
      row[name] = values[valueAt(indices, i, 0)] ?? missingValue(name);
    }
    if (isRow(row)) return row;
    throw new TypeError("a stored row is not a point");
  });
}
