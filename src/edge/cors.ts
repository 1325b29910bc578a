/** CORS as a policy wants it, by Hono's own middleware: around an answer that may come from anywhere. */
import type { Context } from "hono";
import { cors } from "hono/cors";
import type { Policy } from "../policy/compile.ts";
import { honoApp } from "./hono-app.ts";
import { EXPOSED_HEADERS } from "./rate-limit-headers.ts";

export type CorsRules = NonNullable<Policy["cors"]>;
type Next = () => Response | Promise<Response>;

const LEAVE = ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"];

/** What the app below is told of one request, as its bindings. */
interface Around {
  readonly rules: CorsRules;
  readonly next: Next;
}

const around = honoApp<{ Bindings: Around }>()
  .all("*", (c) => answer(c))
  // Whoever called knows what to do about it.
  .onError((thrown) => {
    throw thrown;
  });

/** The answer of `next` with the headers that CORS asks for. It never sees a preflight. */
export function answerCors(request: Request, rules: CorsRules, next: Next): Response | Promise<Response> {
  return request.method === "OPTIONS" && !isPreflight(request)
    ? next()
    : around.fetch(request, { rules, next });
}

/** The answer to a preflight. */
export function answerPreflight(request: Request, rules: CorsRules): Response | Promise<Response> {
  return around.fetch(request, { rules, next: () => new Response(null, { status: 204 }) });
}

/** Whether a browser asks before it asks. */
export function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("Access-Control-Request-Method");
}

async function answer(c: Context<{ Bindings: Around }>): Promise<Response> {
  const { rules, next } = c.env;
  const handler = cors({
    origin: rules.origins.includes("*") ? "*" : [...rules.origins],
    credentials: rules.credentials ?? false,
    exposeHeaders: EXPOSED_HEADERS,
    ...(rules.maxAgeSeconds === undefined ? {} : { maxAge: rules.maxAgeSeconds }),
  });
  const answered = await handler(c, async () => {
    c.res = withoutLeave(await next());
  });
  return answered ?? c.res;
}

/** Who may read an answer is for the policy to say: an upstream that lets everybody in opens nothing that the policy closes. */
function withoutLeave(response: Response): Response {
  if (!LEAVE.some((name) => response.headers.has(name))) return response;
  // Headers of what was fetched elsewhere cannot be changed.
  const copy = new Response(response.body, response);
  for (const name of LEAVE) copy.headers.delete(name);
  return copy;
}
