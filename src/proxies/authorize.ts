/**
 * ANY /api/v1/authorize[/*]: answers a proxy's question about a request of its client with the gateway's own pipeline. Only the last step
 * differs: an admitted request is not forwarded but answered, and the proxy forwards it (docs/proxies.md).
 *
 * No body is read, the proxy's nor its client's.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { AUTHORIZE } from "../api/endpoint.ts";
import type { AppEnv } from "../edge/app-env.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import { answerCors, isPreflight } from "../edge/cors.ts";
import { problem } from "../edge/problem.ts";
import { pathnameOf, searchOf } from "../edge/url-parts.ts";
import type { Admitted } from "../gateway/exchange.ts";
import { USER_ID_HEADER, USER_TIER_HEADER } from "../header-names.ts";
import { type OriginalRequest, originalRequest } from "./original-request.ts";
import { disagreementOf } from "./path-agreement.ts";
import { PROXY_KEY_HEADER } from "./proxy-key.ts";

/** The status of a rejection that {@link withDenyStatus} has replaced. */
export const STATUS_HEADER = "X-Edge-Limiter-Status";
/** Asks for 403 in place of any other rejection: nginx takes no more than 401 and 403 from `auth_request`. */
const DENY_403 = "?deny=403";

/** The answer to a request that may pass: what its upstream is to know of its caller. The gateway adds the limit headers. */
export function admitted({ exchange, caller }: Admitted): Response {
  const { decision, policy, requestId } = exchange;
  const headers = new Headers({
    "Cache-Control": "no-store",
    "X-Request-Id": requestId,
    [USER_TIER_HEADER]: decision?.tier ?? reportedTier(caller, policy),
  });
  if (caller.user !== null) headers.set(USER_ID_HEADER, caller.user);
  return new Response(null, { headers });
}

/** Replaces the status of a rejection if the question asks for it. */
export const withDenyStatus = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { status } = c.res;
  if (status < 300 || status === 401 || !isDeny403(c.req.raw.url)) return;
  const headers = new Headers(c.res.headers);
  headers.set(STATUS_HEADER, String(status));
  const { body } = c.res;
  // Or else Hono would add the headers of the response that this one replaces.
  c.res = undefined;
  c.res = new Response(body, { status: 403, headers });
});

/** Whether the question itself has the query. Behind the endpoint's path, as Envoy asks, it is the client's. */
function isDeny403(url: string): boolean {
  return pathnameOf(url) === AUTHORIZE && searchOf(url) === DENY_403;
}

export async function authorize(c: Context<AppEnv>): Promise<Response> {
  const { services, requestId } = c.var;
  const { metrics } = services;
  const malformed = (detail: string): Response => {
    metrics.add("proxyCalls", ["authorize", "malformed"]);
    return problem("invalid_request", detail, requestId, { errors: [{ path: "", message: detail }] });
  };
  const question = c.req.raw;
  const path = pathnameOf(question.url);
  // Another spelling of this endpoint's path is not worth reading.
  if (path !== AUTHORIZE && !path.startsWith(`${AUTHORIZE}/`)) {
    return problem("not_found", "This path does not exist. See /docs for the API.", requestId);
  }
  const below = path.slice(AUTHORIZE.length);
  const read = originalRequest(
    question.headers,
    question.method,
    below === "" ? "" : `${below}${searchOf(question.url)}`,
  );
  if (read.kind === "invalid") return malformed(read.detail);
  const request = requestOf(read, question.headers);
  if (request === null) return malformed(`The method ${read.method} is not supported.`);
  const policy = await services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  const written = read.uri.replace(/\?.*$/s, "");
  const asked = pathnameOf(request.url);
  const method = isPreflight(request)
    ? (request.headers.get("Access-Control-Request-Method") ?? "")
    : request.method;
  const fault = policy && disagreementOf(policy, method, written, asked, question.headers);
  if (fault !== null) return malformed(fault);
  // The gateway records the request.
  c.set("isRecorded", true);
  const answer = () => c.var.authorized(request, c.env, c.executionCtx);
  const rules = policy?.cors ?? null;
  // The upstream answers preflights. Other answers have the policy's CORS headers, so that a page may read a rejection.
  const response = await (rules && !isPreflight(request) ? answerCors(request, rules, answer) : answer());
  metrics.add("proxyCalls", ["authorize", response.ok ? "allowed" : "rejected"]);
  return response;
}

/** The client's request, as if it had come to the gateway; null if the runtime knows no such method. */
function requestOf({ method, uri, address }: OriginalRequest, sent: Headers): Request | null {
  const headers = new Headers(sent);
  headers.delete(PROXY_KEY_HEADER);
  // Where the proxy is says nothing of its client. Nor has this request the `cf` of the proxy's.
  headers.delete("CF-IPCountry");
  headers.set("CF-Connecting-IP", address);
  try {
    return new Request(`http://proxied${uri}`, { method, headers });
  } catch {
    return null;
  }
}
