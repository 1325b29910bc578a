/**
 * Steps that every request takes which needs the policy or a caller: shared by the gateway and the API.
 */
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { authenticate } from "../identity/authenticate.ts";
import type { AppEnv } from "./app-env.ts";
import { problem, unauthorized } from "./problem.ts";
import { EXPOSED_HEADERS } from "./rate-limit-headers.ts";

/** KV is tried again with the next request; a client need not wait longer. */
const RETRY_MS = 1_000;

/** Puts the policy in force into the context; 503 where none is known. */
export const withPolicy = createMiddleware<AppEnv>(async (c, next) => {
  const policy = await c.var.services.policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  if (!policy) {
    return problem(
      "temporary_reduced_capacity",
      "The policy is not at hand at the moment.",
      c.var.requestId,
      {
        retryAfterMs: RETRY_MS,
      },
    );
  }
  c.set("policy", policy);
  return next();
});

/** Answers CORS by the policy, where it says anything about it. Preflights never reach a limit or the upstream. */
export const withCors = createMiddleware<AppEnv>(async (c, next) => {
  const rules = c.var.policy.cors;
  if (!rules) return next();
  const isPreflight =
    c.req.method === "OPTIONS" && c.req.header("Access-Control-Request-Method") !== undefined;
  if (c.req.method === "OPTIONS" && !isPreflight) return next();
  const handler = cors({
    origin: rules.origins.includes("*") ? "*" : [...rules.origins],
    credentials: rules.credentials ?? false,
    exposeHeaders: EXPOSED_HEADERS,
    ...(rules.maxAgeSeconds === undefined ? {} : { maxAge: rules.maxAgeSeconds }),
  });
  return handler(c, next);
});

/** Puts the caller into the context; 401 where a credential is present but bad. */
export const withCaller = createMiddleware<AppEnv>(async (c, next) => {
  const result = await authenticate(c.req.raw.headers, c.var.services.credentials, Date.now());
  switch (result.kind) {
    case "caller":
      c.set("caller", result.caller);
      return next();
    case "invalid":
      c.var.services.log("info", "unauthenticated", { requestId: c.var.requestId, reason: result.detail });
      return unauthorized(result.detail, c.var.requestId);
    case "unavailable":
      return problem(
        "temporary_reduced_capacity",
        "Credentials cannot be checked at the moment.",
        c.var.requestId,
        {
          retryAfterMs: RETRY_MS,
        },
      );
  }
});
