/**
 * `/identify`: the caller's fingerprint, and who the gateway says the caller is. Must never answer with a
 * header that is not in the trait list or one of the gateway's two identity headers.
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

/** Else the answer could not be posted to `/compare` as it is. */
const TOO_MANY = {
  path: "/traits",
  message: `must be at most ${MAX_TRAITS} together with the headers' traits`,
};

const body = z.object({ traits: postedTraits }, "must be an object with traits");

/** GET: the headers alone. */
export function identifyHeaders(c: Context): Promise<Response> {
  return identified(c.req.raw.headers, headerTraits(c.req.raw.headers));
}

/** POST `{traits}`: laid over the headers' traits, name by name. */
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
 * Believed as it stands: only the gateway can reach this Worker, and it sets both headers or takes both away.
 */
function caller(headers: Headers): { caller?: { user: string; tier: string } } {
  const user = headers.get("X-User-Id");
  const tier = headers.get("X-User-Tier");
  return user === null || tier === null ? {} : { caller: { user, tier } };
}
