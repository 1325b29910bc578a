/** Turns points into rows of Analytics Engine, in the columns of point-fields.ts and within its limits. */
import { cut, INDEX_BYTES } from "./cut.ts";
import { FIELD_NAMES, fieldOf, type Point, type PointField } from "./point.ts";
import { COLUMNS_VERSION, UNIT_COLUMNS } from "./point-fields.ts";
import { scaledMs } from "./reports/latency-scale.ts";
import { placedUnits } from "./unit-text.ts";

/** Analytics Engine's limit of all blobs together, bytes. */
const BLOBS_BYTES = 16_384;

/** The fields of the blobs from the second on, and of the doubles, in the order of their numbers. Of a unit's column: its place. */
const BLOBS = fieldsOf("blob");
const DOUBLES: readonly (PointField | number)[] = [
  ...fieldsOf("double").map((name): [string, PointField] => [fieldOf(name).column, name]),
  ...UNIT_COLUMNS.map((column, place): [string, number] => [column, place]),
]
  .toSorted(([a], [b]) => numberOf(a) - numberOf(b))
  .map(([, of]) => of);
const BOUNDED_BYTES = BLOBS.reduce((sum, name) => sum + (fieldOf(name).maxLength ?? 0), 0);
/** Every blob without a `maxLength`, and the version, has the same share of the rest, so no long text takes another's space. */
const BLOB_BYTES = Math.floor(
  (BLOBS_BYTES - BOUNDED_BYTES) / (1 + BLOBS.filter((name) => fieldOf(name).maxLength === undefined).length),
);

/** A point as `writeDataPoint` takes it. */
export function dataPointOf(point: Point): AnalyticsEngineDataPoint {
  const { names, amounts } = placedUnits(point.units);
  return {
    indexes: [cut(point.account, INDEX_BYTES)],
    blobs: [
      String(COLUMNS_VERSION),
      ...BLOBS.map((name) =>
        cut(name === "units" ? names : String(point[name]), fieldOf(name).maxLength ?? BLOB_BYTES),
      ),
    ],
    doubles: DOUBLES.map((name) => {
      if (typeof name === "number") return amounts[name] ?? 0;
      const value = Number(point[name]);
      return fieldOf(name).isLatency ? scaledMs(value) : value;
    }),
  };
}

function fieldsOf(kind: "blob" | "double"): PointField[] {
  return FIELD_NAMES.filter((name) => fieldOf(name).column.startsWith(kind)).toSorted(
    (a, b) => numberOf(fieldOf(a).column) - numberOf(fieldOf(b).column),
  );
}

/** The number of a blob or a double. */
function numberOf(column: string): number {
  return Number(column.replace(/^\D+/, ""));
}
