/**
 * `/compare`: how similar two clients are. Parses the request and builds the response; the calculation is in
 * `similarity.ts`. Must never use the caller's own headers.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { FINGERPRINT, fingerprint } from "./fingerprint.ts";
import { json } from "./json.ts";
import { jsonBody } from "./json-body.ts";
import { type FieldError, problem } from "./problem.ts";
import { type Comparison, compareTraits } from "./similarity.ts";
import { MAX_VALUE_LENGTH, postedTraits, type Traits } from "./traits.ts";
import { userAgentTraits } from "./user-agent-traits.ts";

type Side =
  | { readonly kind: "traits"; readonly traits: Traits }
  | { readonly kind: "fingerprint"; readonly fingerprint: string };

/**
 * Ignores other members, so that a response of `/identify` can be posted unchanged. If both traits and a fingerprint are
 * given, the traits count.
 */
const side = z.pipe(
  z.object(
    {
      traits: z.optional(postedTraits),
      fingerprint: z.optional(
        z.string("must be a string").check(z.regex(FINGERPRINT, "must be 64 lower-case hexadecimal digits")),
      ),
    },
    "must be an object with traits or a fingerprint",
  ),
  z.transform((given, context): Side => {
    if (given.traits !== undefined && given.traits.size > 0) return { kind: "traits", traits: given.traits };
    if (given.traits === undefined && given.fingerprint !== undefined) {
      return { kind: "fingerprint", fingerprint: given.fingerprint };
    }
    context.issues.push({ code: "custom", message: "must have a trait or a fingerprint", input: given });
    return z.NEVER;
  }),
);

const body = z.object({ a: side, b: side }, "must be an object with a and b");

/** POST `{a, b}`. A fingerprint does not reveal its traits, so a comparison with one gives 1 or 0. */
export async function compareSides(c: Context): Promise<Response> {
  const parsed = await jsonBody(c.req.raw, body);
  if (!parsed.ok) return problem(c.req.raw, parsed.fault);
  const { a, b } = parsed.value;
  if (a.kind === "traits" && b.kind === "traits") return json(compareTraits(a.traits, b.traits));
  return json(compareFingerprints(await fingerprintOf(a), await fingerprintOf(b)));
}

/** GET `?a=&b=`: two User-Agent strings, compared product by product. */
export function compareQuery(c: Context): Response {
  const a = c.req.query("a") ?? "";
  const b = c.req.query("b") ?? "";
  const errors = [...userAgentErrors("/a", a), ...userAgentErrors("/b", b)];
  if (errors.length > 0) return problem(c.req.raw, { kind: "malformed", errors });
  return json(compareTraits(userAgentTraits(a), userAgentTraits(b)));
}

function userAgentErrors(path: string, userAgent: string): FieldError[] {
  if (userAgent.trim() === "")
    return [{ path, message: "must be a user agent string; or POST {a, b} as JSON" }];
  if (userAgent.length <= MAX_VALUE_LENGTH) return [];
  return [{ path, message: `must be at most ${MAX_VALUE_LENGTH} characters` }];
}

function fingerprintOf(given: Side): string | Promise<string> {
  return given.kind === "fingerprint" ? given.fingerprint : fingerprint(given.traits);
}

function compareFingerprints(a: string, b: string): Comparison {
  return a === b
    ? { similarity: 1, same: true, matched: ["fingerprint"], differing: [] }
    : { similarity: 0, same: false, matched: [], differing: ["fingerprint"] };
}
