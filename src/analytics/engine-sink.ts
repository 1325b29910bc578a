/** Writes points to Analytics Engine in the columns of columns.ts, cut to what it takes. */
import { COLUMNS, COLUMNS_VERSION } from "./point-fields.ts";
import { cut, INDEX_BYTES } from "./cut.ts";
import type { Point } from "./point.ts";
import { scaledMs } from "./reports/latency-scale.ts";

/** Analytics Engine's bound of all blobs together, bytes. */
const BLOBS_BYTES = 16_384;

type Field = keyof typeof COLUMNS;

/** The fields of the blobs from the second on, and of the doubles, in the order of their numbers. */
const BLOBS = fieldsOf("blob");
const DOUBLES = fieldsOf("double");
/** Each blob may have its share: no single long text pushes another out. */
const BLOB_BYTES = Math.floor(BLOBS_BYTES / (BLOBS.length + 1));

/** A point as `writeDataPoint` takes it. */
export function dataPointOf(point: Point): AnalyticsEngineDataPoint {
  const stored = {
    ...point,
    limiterMs: scaledMs(point.limiterMs),
    upstreamMs: scaledMs(point.upstreamMs),
  };
  return {
    indexes: [cut(point.account, INDEX_BYTES)],
    blobs: [String(COLUMNS_VERSION), ...BLOBS.map((field) => cut(String(stored[field]), BLOB_BYTES))],
    doubles: DOUBLES.map((field) => Number(stored[field])),
  };
}

function fieldsOf(kind: "blob" | "double"): Field[] {
  const numbered = Object.entries(COLUMNS)
    .filter(([, { name }]) => name.startsWith(kind))
    .map(([field, { name }]) => ({ field, number: Number(name.slice(kind.length)) }));
  return numbered
    .toSorted((a, b) => a.number - b.number)
    .map(({ field }) => field)
    .filter(isField);
}

function isField(name: string): name is Field {
  return Object.hasOwn(COLUMNS, name);
}
