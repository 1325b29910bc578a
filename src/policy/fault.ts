/**
 * What is wrong with an input, and where: a JSON Pointer (RFC 6901) and a sentence for a person.
 *
 * Used for policies, request bodies and RPC arguments alike, so a client sees one form of error.
 */
import type * as z from "zod/mini";

export interface Fault {
  /** JSON Pointer to the value at fault; "" is the whole document. */
  readonly path: string;
  readonly message: string;
}

/** More faults than this help nobody and would let an input grow its own answer. */
export const MAX_FAULTS = 50;

/** A JSON Pointer from keys and indices. */
export function pointer(keys: readonly PropertyKey[]): string {
  return keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The faults of a failed parse. An unknown field is reported at the field itself. */
export function faultsOf(error: z.core.$ZodError): Fault[] {
  const faults = error.issues
    .slice(0, MAX_FAULTS)
    .flatMap((issue): Fault[] =>
      issue.code === "unrecognized_keys"
        ? issue.keys
            .slice(0, MAX_FAULTS)
            .map((key) => ({ path: pointer([...issue.path, key]), message: "is not a known field" }))
        : [{ path: pointer(issue.path), message: issue.message }],
    );
  return faults.slice(0, MAX_FAULTS);
}

/** A schema's answer: the value, or every fault found. Never throws. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: Fault[] };

/** Parses by a schema into a value or faults. */
export function parseBy<T>(schema: z.ZodMiniType<T>, input: unknown): Parsed<T> {
  const result = schema.safeParse(input);
  return result.success ? { ok: true, value: result.data } : { ok: false, faults: faultsOf(result.error) };
}
