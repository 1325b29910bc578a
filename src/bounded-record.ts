/**
 * A record with a bounded number of entries. They are counted before any is parsed, as zod does for arrays but not for records: parsing
 * 90,000 wrong names would cost half a second.
 */
import * as z from "zod/mini";

/** @param message the one fault of a record that has more entries than `max`. */
export function boundedRecord<K extends z.core.$ZodRecordKey, V extends z.ZodMiniType>(
  key: K,
  value: V,
  max: number,
  message: string,
) {
  const counted = z.transform((input: unknown, context) => {
    if (typeof input === "object" && input !== null && Object.keys(input).length > max) {
      context.issues.push({ code: "custom", message, input });
    }
    return input;
  });
  return z.pipe(counted, z.record(key, value));
}
