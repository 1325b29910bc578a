/**
 * Free text that people write and read: names, reasons, and the text of a new policy.
 *
 * Rejects what is invisible or changes how the text around it looks: control characters (newline and tab too), direction marks,
 * overrides and isolates, line separators, fillers and soft hyphens, zero-width characters other than the joiners that scripts and
 * emoji need, and half a surrogate pair. Accepts the tags (U+E0020 to U+E007F) that some flags consist of. Checks new input only: text
 * that was stored before this check is still read.
 */
import * as z from "zod/mini";
import { type Fault, pointer } from "../policy/fault.ts";

/** Without flags, so that it means the same as a pattern of JSON Schema. */
const PLAIN =
  // oxlint-disable-next-line no-control-regex
  /^[^\u034f\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]*$/;
const MESSAGE = "has a control character, a direction mark or an invisible character";

export function plainText(maxLength: number) {
  return z.string().check(
    z.maxLength(maxLength),
    z.regex(PLAIN, MESSAGE),
    z.refine((text) => text.isWellFormed(), MESSAGE),
  );
}

/** The places in a JSON value whose text is not plain. `value` must not be deeper than the stack: parse it by a schema first. */
export function textFaults(value: unknown, path: readonly string[] = []): Fault[] {
  if (typeof value === "string") {
    return PLAIN.test(value) && value.isWellFormed() ? [] : [{ path: pointer(path), message: MESSAGE }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textFaults(inner, [...path, key]));
}
