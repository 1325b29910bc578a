/** Times in requests: a fault says how to write them. */
import { expect, it } from "vitest";
import { instant, rangeBound } from "../../src/api/fields.ts";
import { parseBy } from "../../src/policy/fault.ts";

const UTC = "must be a time in UTC such as 2027-01-31T00:00:00Z";
const YEARS = "is outside the years 1 to 9999";

it.each([
  ["an instant", "tomorrow", instant, UTC],
  ["an instant", "2027-01-31", instant, UTC],
  ["an instant", "0000-01-01T00:00:00Z", instant, YEARS],
  ["a bound of a range", "yesterday", rangeBound, `${UTC}, or a date`],
  ["a bound of a range", "9999-12-31T23:30:00Z", rangeBound, YEARS],
])("%s says how to write it in place of %s", (_what, text, schema, message) => {
  expect(parseBy<string | undefined>(schema, text)).toEqual({ ok: false, faults: [{ path: "", message }] });
});
