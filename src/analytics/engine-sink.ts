/** Writes points to Analytics Engine in the columns of columns.ts, cut to what it takes. */
import { COLUMNS, COLUMNS_VERSION } from "./columns.ts";
import type { Point } from "./point.ts";
import { scaledMs } from "./reports/latency-scale.ts";

/** Analytics Engine's bounds: bytes of the index, and of all blobs together. */
const INDEX_BYTES = 96;
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

/** The longest beginning that takes no more bytes in UTF-8. */
export function cut(text: string, bytes: number): string {
  // No text takes more than three bytes for a UTF-16 unit.
  if (text.length * 3 <= bytes) return text;
  const target = new Uint8Array(bytes);
  const { read } = new TextEncoder().encodeInto(text, target);
  return text.slice(0, read);
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
