/**
 * A record schema with a bounded number of entries. Counts them before parsing any, as zod does for arrays but not for records: parsing
 * 90,000 wrong names would cost half a second.
 */
import * as z from "zod/mini";

/** @param message the only fault of a record with more than `max` entries. */
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
