/**
 * A record schema with a bounded number of entries. Counts them before parsing any, as zod does for arrays but not for records: parsing
 * 90,000 wrong names would cost half a second. Rejects the name `__proto__`, which zod's records leave out without a word: a cost of that
 * unit would cost nothing.
 */
import * as z from "zod/mini";

const PROTO = "__proto__";

/** @param message the only fault of a record with more than `max` entries. */
export function boundedRecord<K extends z.core.$ZodRecordKey, V extends z.ZodMiniType>(
  key: K,
  value: V,
  max: number,
  message: string,
) {
  const counted = z.transform((input: unknown, context) => {
    if (typeof input !== "object" || input === null) return input;
    if (Object.keys(input).length > max) context.issues.push({ code: "custom", message, input });
    else if (Object.hasOwn(input, PROTO)) {
      context.issues.push({ code: "custom", path: [PROTO], message: "is not a known field", input });
    }
    return input;
  });
  return z.pipe(counted, z.record(key, value));
}
