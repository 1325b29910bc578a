/** Parses answers of Analytics Engine's SQL API (`FORMAT JSON`): 64-bit integers may be text, and NaN is null. */
import * as z from "zod/mini";
import { SECOND_MS } from "../../core/time.ts";
import { enumOf, FIELD_NAMES, fieldOf, missingValue, type PointField } from "../point.ts";
import { UNIT_COLUMNS } from "../point-fields.ts";
import { textOfPlaces } from "../unit-text.ts";
import { ANSWER, boundName, fieldName, keyName, levelName, LOG_FIELDS, unitName } from "./engine-sql.ts";
import { type Aggregation, type Group, isRow, LEVELS, type Row } from "./facts.ts";

const number = z.union([
  z.number(),
  z.pipe(
    z.string().check(z.regex(/^-?\d{1,20}(\.\d{1,20})?$/)),
    z.transform((text: string) => Number(text)),
  ),
]);
/** Percentiles of nothing are null. */
const percentile = z.pipe(
  z.nullable(number),
  z.transform((value: number | null) => value ?? 0),
);

export const sqlAnswerSchema = z.object({ data: z.array(z.record(z.string(), z.unknown())) });
export type SqlAnswer = z.infer<typeof sqlAnswerSchema>;

const sums = {
  [ANSWER.requests]: number,
  [ANSWER.allowed]: number,
  [ANSWER.denied]: number,
  [ANSWER.turnedAway]: number,
  [ANSWER.decided]: number,
  [ANSWER.cost]: number,
  [ANSWER.admitted]: number,
  [ANSWER.sampled]: number,
  [ANSWER.last]: number,
};
const sumsSchema = z.object(sums);
const numbersSchema = z.array(number);
const percentilesSchema = z.tuple([percentile, percentile, percentile]);
const textsSchema = z.array(z.string());

/** @throws ZodError if the rows are not what the aggregation asks for. */
export function parseGroups(
  { data }: SqlAnswer,
  { by, intervalMs, latency, boundsMs }: Aggregation,
): Group[] {
  return data.flatMap((row): Group[] => {
    const found = sumsSchema.parse(row);
    // Even a sum over no rows is a row.
    if (found[ANSWER.sampled] === 0) return [];
    const { n_requests: requests, n_allowed: allowed, n_denied: denied, n_turned_away: turnedAway } = found;
    const decided = found[ANSWER.decided];
    return [
      {
        atMs: intervalMs === null ? null : number.parse(row[ANSWER.at]) * SECOND_MS,
        keys: textsSchema.parse(by.map((_name, i) => row[keyName(i)])),
        requests,
        allowed,
        denied,
        turnedAway,
        errors: requests - allowed - denied - turnedAway,
        decided,
        cost: found[ANSWER.cost],
        admitted: found[ANSWER.admitted],
        lastMs: found[ANSWER.last] * SECOND_MS,
        percentiles:
          latency && decided > 0
            ? percentilesSchema.parse(LEVELS.map((_level, i) => row[levelName(i)]))
            : null,
        atMost: numbersSchema.parse(boundsMs.map((_bound, i) => row[boundName(i)])),
        sampled: found[ANSWER.sampled] > 1,
      },
    ];
  });
}

const text = z.string();

/** Rows of before a field was added have "" or 0. */
function valueSchema(name: PointField): z.ZodMiniType<string | number> {
  const values = enumOf(name);
  if (!values) return fieldOf(name).type === "number" ? number : text;
  const known = z.enum(values);
  if (!fieldOf(name).added) return known;
  return z.pipe(
    text,
    z.transform((value) => value || missingValue(name)),
  );
}

const rowSchema = z.pipe(
  z.object(
    Object.fromEntries<z.ZodMiniType<string | number>>([
      ...FIELD_NAMES.map((name): [string, z.ZodMiniType<string | number>] => [name, valueSchema(name)]),
      ["weight", number],
    ]),
  ),
  z.custom<Row, Record<string, string | number>>(isRow),
);

/** @throws ZodError if the rows are not lines of the log. */
export function parseRows({ data }: SqlAnswer): Row[] {
  return data.map((answered): Row => {
    const row = rowSchema.parse({
      ...Object.fromEntries(LOG_FIELDS.map((name) => [name, answered[fieldName(name)]])),
      atMs: answered[ANSWER.at],
      weight: answered[ANSWER.sampled],
    });
    const amounts = numbersSchema.parse(UNIT_COLUMNS.map((_column, i) => answered[unitName(i)]));
    return { ...row, atMs: row.atMs * SECOND_MS, units: textOfPlaces(row.units, amounts) };
  });
}
