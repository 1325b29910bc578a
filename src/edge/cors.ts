/** Applies a policy's CORS rules to a response from any source, through Hono's own middleware. */
import type { Context } from "hono";
import { cors } from "hono/cors";
import type { Policy } from "../policy/compile.ts";
import { allowsOrigin } from "../policy/origins.ts";
import { honoApp } from "./hono-app.ts";
import { EXPOSED_HEADERS } from "./rate-limit-headers.ts";

export type CorsRules = NonNullable<Policy["cors"]>;
type Next = () => Response | Promise<Response>;

const EXPOSE = "Access-Control-Expose-Headers";
/** Headers of an upstream that would let others read a response than the policy does. */
const CORS_HEADERS = ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"];

/** One request's input to the app below, passed as its bindings. */
interface CorsInput {
  readonly rules: CorsRules;
  readonly next: Next;
}

const around = honoApp<{ Bindings: CorsInput }>()
  .all("*", (c) => withCorsHeaders(c))
  // The caller handles exceptions.
  .onError((thrown) => {
    throw thrown;
  });

/** The response of `next` with CORS headers; that of a preflight without `next`. */
export function answerCors(request: Request, rules: CorsRules, next: Next): Response | Promise<Response> {
  // Hono takes any OPTIONS for a preflight, and reads nothing of the request but method, URL and headers.
  const isDisguised = request.method === "OPTIONS" && !isPreflight(request);
  const asked = isDisguised ? new Request(request.url, { headers: request.headers }) : request;
  return around.fetch(asked, { rules, next });
}

/** The response to a preflight (Fetch standard, CORS protocol). */
export function answerPreflight(request: Request, rules: CorsRules): Response | Promise<Response> {
  return around.fetch(request, { rules, next: () => new Response(null, { status: 204 }) });
}

/** Whether a request is a browser's CORS preflight. */
export function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("Access-Control-Request-Method");
}

async function withCorsHeaders(c: Context<{ Bindings: CorsInput }>): Promise<Response> {
  const { rules, next } = c.env;
  const isPublic = rules.origins.includes("*");
  const isAllowed = isPublic || allowsOrigin(rules.origins, c.req.header("Origin") ?? "");
  const handler = cors({
    origin: isPublic ? "*" : (origin) => (isAllowed ? origin : null),
    credentials: isAllowed && (rules.credentials ?? false),
    exposeHeaders: EXPOSED_HEADERS,
    ...(rules.maxAgeSeconds === undefined ? {} : { maxAge: rules.maxAgeSeconds }),
  });
  const answered = await handler(c, async () => {
    const response = await next();
    const exposed = response.headers.get(EXPOSE);
    c.res = withoutUpstreamCors(response);
    // What the upstream lets scripts read stays readable.
    if (exposed !== null) c.res.headers.set(EXPOSE, [...EXPOSED_HEADERS, exposed].join(", "));
  });
  return answered ?? c.res;
}

/** The policy alone decides who may read a response: CORS headers of the upstream are dropped. */
function withoutUpstreamCors(response: Response): Response {
  if (!CORS_HEADERS.some((name) => response.headers.has(name))) return response;
  // The headers of a fetched response are immutable.
  const copy = new Response(response.body, response);
  for (const name of CORS_HEADERS) copy.headers.delete(name);
  return copy;
}
