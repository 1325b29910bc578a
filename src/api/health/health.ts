/** Health and readiness, for load balancers and people. Neither is ever limited, and neither needs a policy. */
import type { Context } from "hono";
import { version } from "../../../package.json";
import type { AppEnv } from "../../edge/app-env.ts";
import type { Endpoints } from "../endpoint.ts";

export const HEALTH = {
  health: { method: "GET", path: "/health", access: "none", handler: health },
  ready: { method: "GET", path: "/ready", access: "none", handler: ready },
} as const satisfies Endpoints;

/** 200 as long as the Worker runs. `degraded` if it uses an older policy or cannot reach its objects. */
async function health(c: Context<AppEnv>): Promise<Response> {
  const { policies, limiter } = c.var.services;
  await policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work));
  const checks = {
    policy: policies.problem ?? "ok",
    limiter: limiter.isCircuitOpen ? "the circuit is open: objects are not responding" : "ok",
  };
  const status = Object.values(checks).every((check) => check === "ok") ? "ok" : "degraded";
  const revision = policies.known?.revision ?? null;
  return c.json({ status, version, revision, checks }, 200, { "Cache-Control": "no-store" });
}

/** 503 until a limiter object answers and a policy is known. */
async function ready(c: Context<AppEnv>): Promise<Response> {
  const { policies, limiter } = c.var.services;
  const [policy, answers] = await Promise.all([
    policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work)),
    limiter.ping(),
  ]);
  const checks = { policy: policy ? "ok" : "not known yet", limiter: answers ? "ok" : "not responding" };
  const isReady = policy !== null && answers;
  const headers = { "Cache-Control": "no-store", ...(isReady ? {} : { "Retry-After": "1" }) };
  return c.json({ ready: isReady, checks }, isReady ? 200 : 503, headers);
}
