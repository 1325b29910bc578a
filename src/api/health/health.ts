/** Health and readiness, for load balancers and people. Neither is ever limited, and neither needs a policy. */
import type { Context } from "hono";
import { version } from "../../../package.json";
import type { AppEnv } from "../../edge/app-env.ts";
import { loadControl } from "../../control-module.ts";
import type { Services } from "../../edge/services.ts";
import type { Endpoints } from "../endpoint.ts";

export const HEALTH = {
  health: { method: "GET", path: "/health", access: "none", handler: health },
  ready: { method: "GET", path: "/ready", access: "none", handler: ready },
} as const satisfies Endpoints;

/** The jurisdiction never changes while an isolate lives, and anybody may ask for its health: KV is read once in this time. */
const JURISDICTION_MS = 60_000;
/** Isolates of tests share this module. */
const jurisdictions = new WeakMap<Services, { readonly state: string; readonly atMs: number }>();

/**
 * 200 as long as the Worker runs. `degraded` if it uses an older policy, cannot reach its objects, or looks for them in another jurisdiction
 * than the one they were created in. `deployment` distinguishes versions during a rollout; null: local.
 */
async function health(c: Context<AppEnv>): Promise<Response> {
  const { policies, limiter } = c.var.services;
  const [jurisdiction] = await Promise.all([
    jurisdictionState(c.var.services, c.env.CONFIG),
    policies.current(Date.now(), (work) => c.executionCtx.waitUntil(work)),
  ]);
  const checks = {
    policy: policies.problem ?? "ok",
    limiter: limiter.isCircuitOpen ? "the circuit is open: objects are not responding" : "ok",
    jurisdiction,
  };
  const status = Object.values(checks).every((check) => check === "ok") ? "ok" : "degraded";
  const revision = policies.known?.revision ?? null;
  const deployment = c.env.CF_VERSION_METADATA?.id || null;
  return c.json({ status, version, deployment, revision, checks }, 200, { "Cache-Control": "no-store" });
}

async function jurisdictionState(services: Services, config: KVNamespace): Promise<string> {
  const known = jurisdictions.get(services);
  const nowMs = Date.now();
  if (known && nowMs >= known.atMs && nowMs < known.atMs + JURISDICTION_MS) return known.state;
  const control = await loadControl();
  const state = await control.jurisdictionState(config, services.settings.jurisdiction);
  jurisdictions.set(services, { state, atMs: nowMs });
  return state;
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
