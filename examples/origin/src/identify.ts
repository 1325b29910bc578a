/**
 * `/identify`: the caller's fingerprint, and the caller's identity from the gateway. Must never reveal a header other than
 * the traits and the gateway's two identity headers.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { confidence } from "./entropy.ts";
import { fingerprint } from "./fingerprint.ts";
import { headerTraits } from "./header-traits.ts";
import { json } from "./json.ts";
import { jsonBody } from "./json-body.ts";
import { problem } from "./problem.ts";
import { MAX_TRAITS, merged, postedTraits, toRecord, type Traits } from "./traits.ts";

/** Without this limit, the response could not be posted to `/compare`. */
const TOO_MANY = {
  path: "/traits",
  message: `must be at most ${MAX_TRAITS} together with the headers' traits`,
};

const body = z.object({ traits: postedTraits }, "must be an object with traits");

/** GET: only the headers' traits. */
export function identifyHeaders(c: Context): Promise<Response> {
  return identified(c.req.raw.headers, headerTraits(c.req.raw.headers));
}

/** POST `{traits}`: these override the headers' traits, name by name. */
export async function identifyPosted(c: Context): Promise<Response> {
  const parsed = await jsonBody(c.req.raw, body);
  if (!parsed.ok) return problem(c.req.raw, parsed.fault);
  const { headers } = c.req.raw;
  const traits = merged(headerTraits(headers), parsed.value.traits);
  if (traits.size > MAX_TRAITS) return problem(c.req.raw, { kind: "invalid", errors: [TOO_MANY] });
  return identified(headers, traits);
}

async function identified(headers: Headers, traits: Traits): Promise<Response> {
  return json({
    fingerprint: await fingerprint(traits),
    confidence: confidence(traits),
    traits: toRecord(traits),
    ...caller(headers),
  });
}

/**
 * Trusts the headers: only the gateway can reach this Worker, and it sets or removes both.
 */
function caller(headers: Headers): { caller?: { user: string; tier: string } } {
  const user = headers.get("X-User-Id");
  const tier = headers.get("X-User-Tier");
  return user === null || tier === null ? {} : { caller: { user, tier } };
}
