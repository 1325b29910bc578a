/**
 * Faults of an input: where (a JSON Pointer, RFC 6901) and what, in a sentence for people.
 *
 * Policies, request bodies and RPC arguments all use them, so clients see one form of error.
 */
import type * as z from "zod/mini";

export interface Fault {
  /** JSON Pointer to the value at fault; "" is the whole document. */
  readonly path: string;
  readonly message: string;
}

/** More faults would not help anyone, and would let the input determine the size of the response. */
export const MAX_FAULTS = 50;

/** Names that a message about an unknown one lists: a policy may have 64 tiers, and an account more limits. */
const MAX_NAMES = 50;

/** What a message about an unknown name ends with: "(known: anon, free)", or "(none is defined)". */
export function knownNames(names: Iterable<string>, most = MAX_NAMES): string {
  const all = [...names];
  if (all.length === 0) return "(none is defined)";
  const list = all.length > most ? [...all.slice(0, most), "…"] : all;
  return `(known: ${list.join(", ")})`;
}

/** A JSON Pointer from keys and indices. */
export function pointer(keys: readonly PropertyKey[]): string {
  return keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The faults of a failed parse. An unknown field is reported at the field itself. */
export function faultsOf(error: z.core.$ZodError): Fault[] {
  return faultsOfIssues(error.issues, []).slice(0, MAX_FAULTS);
}

function faultsOfIssues(issues: readonly z.core.$ZodIssue[], place: readonly PropertyKey[]): Fault[] {
  return issues.slice(0, MAX_FAULTS).flatMap((issue): Fault[] => {
    const path = [...place, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys
        .slice(0, MAX_FAULTS)
        .map((key) => ({ path: pointer([...path, key]), message: "is not a known field" }));
    }
    const meant = issue.code === "invalid_union" ? meantBy(issue.errors) : keyIssues(issue);
    return meant ? faultsOfIssues(meant, path) : [{ path: pointer(path), message: messageOf(issue) }];
  });
}

/** Of an absent field, that it is missing; of a value that no option of a union takes, what the options are. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_union") {
    return issue.message.replace(/^Invalid input: (expected .*), received undefined$/, "is missing: $1");
  }
  const expected = issue.errors.flatMap(([first]) => {
    if (first?.code === "invalid_value") return first.values.map((value) => JSON.stringify(value));
    return first?.code === "invalid_type" ? [first.expected] : [];
  });
  return expected.length > 0 ? `must be one of: ${expected.join(", ")}` : issue.message;
}

/** What is wrong with a key of a record. */
function keyIssues(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] | null {
  return issue.code === "invalid_key" ? issue.issues : null;
}

/** The faults of the only option of a union that the input is of the right type for; null if there is not exactly one. */
function meantBy(options: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | null {
  const [meant, ...others] = options.filter((issues) => !issues.some(isOfAnotherType));
  return meant && others.length === 0 ? meant : null;
}

function isOfAnotherType({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "invalid_value");
}

/** The result of parsing: the value, or every fault found. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: Fault[] };

/** Parses an input by a schema. Never throws. */
export function parseBy<T>(schema: z.ZodMiniType<T>, input: unknown): Parsed<T> {
  const result = schema.safeParse(input);
  return result.success ? { ok: true, value: result.data } : { ok: false, faults: faultsOf(result.error) };
}
