/** Health, readiness and metrics: response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { json, type OperationNotes, text } from "../notes.ts";
import { words } from "../scalars.ts";

const checks = z.strictObject({
  policy: words("`ok`, or what is wrong."),
  limiter: words("`ok`, or what is wrong."),
});

export const healthSchema = named(
  "Health",
  "The state of the Worker.",
  z.strictObject({
    status: about(
      "`degraded`: it works, but with an older policy, without its objects, or in another jurisdiction than before.",
      z.enum(["ok", "degraded"]),
    ),
    version: words("The product's version."),
    deployment: about(
      "Cloudflare's id of the deployed version, which tells versions apart during a rollout; null if there is none.",
      z.nullable(z.string()),
    ),
    revision: about("The policy revision in force; null if none is known.", z.nullable(z.int())),
    checks: z.strictObject({
      ...checks.shape,
      jurisdiction: words(
        "`ok`, or how `JURISDICTION` differs from that in which the deployment was first used: objects of another one are not found.",
      ),
    }),
  }),
);
export type HealthResponse = z.infer<typeof healthSchema>;

export const readySchema = named(
  "Readiness",
  "Whether the Worker can decide.",
  z.strictObject({ ready: z.boolean(), checks }),
);
export type ReadyResponse = z.infer<typeof readySchema>;

const health: OperationNotes = {
  tag: "Health",
  summary: "Whether the Worker is healthy",
  description: "200 as long as the Worker runs.",
  responses: [
    {
      status: 200,
      description: "The state of the Worker.",
      contents: [
        json(healthSchema, {
          ok: {
            status: "ok",
            version: "0.1.0",
            deployment: "3b9c5f0a-6f0f-4a58-9d2e-5b1a0e1f7c64",
            revision: 0,
            checks: { policy: "ok", limiter: "ok", jurisdiction: "ok" },
          },
        }),
      ],
      headers: ["Cache-Control"],
    },
  ],
};

const ready: OperationNotes = {
  tag: "Health",
  summary: "Whether the Worker can decide",
  description: "Calls an object, and checks that a policy is known.",
  responses: [
    {
      status: 200,
      description: "It can decide.",
      contents: [json(readySchema, { ready: { ready: true, checks: { policy: "ok", limiter: "ok" } } })],
      headers: ["Cache-Control"],
    },
    {
      status: 503,
      description: "It cannot decide now.",
      contents: [
        json(readySchema, {
          "not ready": { ready: false, checks: { policy: "ok", limiter: "not responding" } },
        }),
      ],
      headers: ["Cache-Control", "Retry-After"],
    },
  ],
};

const metricsResponse = (...lines: string[]): OperationNotes["responses"][0] => ({
  status: 200,
  description: "The metrics.",
  contents: [text("text/plain", `${lines.join("\n")}\n`)],
});

const metrics: OperationNotes = {
  tag: "Health",
  summary: "Metrics for Prometheus",
  description:
    "In Prometheus' text format. Sums over the whole deployment, not the answering isolate. Give monitoring its own token: an entry with the role `viewer` in ADMIN_TOKENS.",
  responses: [
    metricsResponse(
      "# HELP edge_limiter_requests_total Requests by outcome: allowed, denied (by a limit), turned_away (for another reason), error.",
      "# TYPE edge_limiter_requests_total counter",
      'edge_limiter_requests_total{route="/compare",tier="free",outcome="allowed",reason="ok",source="strict"} 1',
    ),
  ],
};

const adminMetrics: OperationNotes = {
  tag: "Reports",
  summary: "The metrics, for the dashboard",
  description: "The same as GET /api/v1/rate-limit/metrics, at a path that receives the dashboard's session.",
  responses: [
    metricsResponse(
      "# HELP edge_limiter_policy_revision Newest policy revision in force in any isolate.",
      "# TYPE edge_limiter_policy_revision gauge",
      "edge_limiter_policy_revision 7",
    ),
  ],
};

export const HEALTH_NOTES = { health, ready, metrics, adminMetrics };
