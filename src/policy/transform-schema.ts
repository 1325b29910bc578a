/**
 * `request` and `response` of a route, as a policy document has them: what is changed of path, headers and query (docs/transformation.md).
 * Bodies are never changed. transform-faults.ts checks which names and variables may stand here.
 */
import * as z from "zod/mini";
import { boundedRecord } from "../bounded-record.ts";

/** Of each list. */
const MAX_ENTRIES = 32;

const text = (max: number) =>
  z.string().check(z.maxLength(max), z.regex(/^[ -~]*$/, "must be printable ASCII"));

/** A field name (RFC 9110, section 5.1). */
const header = z
  .string()
  .check(z.maxLength(64), z.regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header"));

/** The order of the fields is the order in which they apply. */
const changes = (name: z.ZodMiniType<string, string> & z.core.$ZodRecordKey) => {
  const entries = (value: z.ZodMiniType<string>) =>
    z.optional(boundedRecord(name, value, MAX_ENTRIES, `has more than ${MAX_ENTRIES} entries`));
  /** Text between `${` and `}` is a variable, `$$` is a dollar sign. */
  const values = entries(text(512));
  return z.optional(
    z.strictObject({
      remove: z.optional(z.array(name).check(z.maxLength(MAX_ENTRIES))),
      /** The new name of each. */
      rename: entries(name),
      /** In place of what is there. */
      set: values,
      /** Beside what is there. */
      add: values,
    }),
  );
};

export const requestTransform = z.strictObject({
  /** In place of the client's path: literals, `:params` of the route's match, and `*` for what its star matched. */
  path: z.optional(text(512)),
  headers: changes(header),
  query: changes(text(64)),
});
export const responseTransform = z.strictObject({ headers: changes(header) });

export type RequestTransform = z.infer<typeof requestTransform>;
export type ResponseTransform = z.infer<typeof responseTransform>;
/** What is removed, renamed, set and added, in this order. */
export type Changes = NonNullable<ResponseTransform["headers"]>;

export interface RouteTransform {
  readonly request?: RequestTransform | undefined;
  readonly response?: ResponseTransform | undefined;
}

/** Null: the route changes nothing. */
export function transformOf({ request, response }: RouteTransform): RouteTransform | null {
  return request || response ? { request, response } : null;
}
