/**
 * `/batch`: many fingerprints in one request, in the order of the items. Must never let one invalid item fail the others:
 * each item has its own result or error.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { confidence } from "./entropy.ts";
import { fingerprint } from "./fingerprint.ts";
import { json } from "./json.ts";
import { fieldErrors, jsonBody } from "./json-body.ts";
import { type FieldError, problem } from "./problem.ts";
import { postedTraits } from "./traits.ts";

/** Per request. Each item takes one SHA-256; a hundred take less than a millisecond of CPU time. */
export const MAX_ITEMS = 100;

type BatchResult =
  | { readonly fingerprint: string; readonly confidence: number }
  | { readonly error: { readonly code: "invalid_request"; readonly errors: readonly FieldError[] } };

const item = z.object({ traits: postedTraits }, "must be an object with traits");

const body = z.object(
  {
    items: z
      .array(z.unknown(), "must be an array")
      .check(
        z.minLength(1, "must have an item"),
        z.maxLength(MAX_ITEMS, `must have at most ${MAX_ITEMS} items`),
      ),
  },
  "must be an object with items",
);

/** POST `{items}`. Unlike `/identify`, it ignores this request's headers, since the items describe other clients. */
export async function batch(c: Context): Promise<Response> {
  const parsed = await jsonBody(c.req.raw, body);
  if (!parsed.ok) return problem(c.req.raw, parsed.fault);
  return json({ results: await Promise.all(parsed.value.items.map(resultOf)) });
}

async function resultOf(raw: unknown, index: number): Promise<BatchResult> {
  const parsed = item.safeParse(raw);
  if (!parsed.success) {
    return { error: { code: "invalid_request", errors: fieldErrors(parsed.error, ["items", index]) } };
  }
  const { traits } = parsed.data;
  return { fingerprint: await fingerprint(traits), confidence: confidence(traits) };
}
