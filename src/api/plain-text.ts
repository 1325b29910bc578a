/**
 * Free text written and read by people: names, reasons, and the strings of a new policy.
 *
 * Rejects characters that are invisible or change how the surrounding text looks: control characters (newline and tab too), direction
 * marks, overrides and isolates, line separators, fillers, soft hyphens, zero-width characters other than the joiners that scripts and
 * emoji need, and lone surrogates. Accepts the tags (U+E0020 to U+E007F) that some flags consist of. Checks new input only: stored text
 * from before this check can still be read.
 */
import * as z from "zod/mini";
import { type Fault, pointer } from "../policy/fault.ts";

/** Has no flags, so that it means the same as a `pattern` of JSON Schema. */
const PLAIN =
  // oxlint-disable-next-line no-control-regex
  /^[^\u034f\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]*$/;
const MESSAGE = "contains a control character, a direction mark or an invisible character";

export function plainText(maxLength: number) {
  return z.string().check(
    z.maxLength(maxLength),
    z.regex(PLAIN, MESSAGE),
    z.refine((text) => text.isWellFormed(), MESSAGE),
  );
}

/** A fault for each string in a JSON value that is not plain text. Recursive: parse `value` by a schema first, which bounds its depth. */
export function textFaults(value: unknown, path: readonly string[] = []): Fault[] {
  if (typeof value === "string") {
    return PLAIN.test(value) && value.isWellFormed() ? [] : [{ path: pointer(path), message: MESSAGE }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textFaults(inner, [...path, key]));
}
