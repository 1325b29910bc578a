/** Examples and answers of the decision API and the health endpoints. */
import {
  batchItemSchema,
  decisionSchema,
  healthSchema,
  readySchema,
  statusSchema,
} from "../bodies/decision.ts";
import { json, type Notes, text } from "../notes.ts";
import { operationsSchema } from "../requests.ts";
import * as z from "zod/mini";
import { operationSchema } from "../../src/api/schemas.ts";

const LIMITS = [
  { name: "minute", kind: "bucket", limit: 150, remaining: 148, resetMs: 1_200, windowMs: 90_000 },
  {
    name: "month",
    kind: "quota",
    limit: 50_000,
    remaining: 49_998,
    resetMs: 858_767_789,
    windowMs: 2_592_000_000,
  },
] as const;

const ALLOWED = {
  outcome: "allowed",
  allowed: true,
  cost: 2,
  limits: [...LIMITS],
  retryAfterMs: 0,
  violated: [],
  source: "strict",
  tier: "free",
  revision: 0,
  decisionId: "55393f1e-d649-457d-986e-e3434baf9f67",
  holds: [],
} satisfies z.infer<typeof decisionSchema>;

const DENIED = {
  outcome: "denied",
  allowed: false,
  cost: 2,
  limits: [{ ...LIMITS[0], remaining: 0.5, resetMs: 300 }, LIMITS[1]],
  retryAfterMs: 900,
  violated: ["minute"],
  source: "strict",
  tier: "free",
  revision: 0,
  decisionId: "5cc39a31-9c64-4816-938e-44c41ab0a314",
  holds: [],
} satisfies z.infer<typeof decisionSchema>;

const REPLAYED = { ...ALLOWED, replayed: true } satisfies z.infer<typeof decisionSchema>;

const NO_OPERATION = {
  error: {
    code: "invalid_request" as const,
    errors: [{ path: "/user", message: "must be 1 to 200 printable ASCII characters without spaces" }],
  },
};

const lines = (...values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

const status: Notes = {
  tag: "Rate limits",
  summary: "The caller's limits and usage",
  description: "Costs nothing. Without a credential: what the caller's address may do.",
  answers: [
    {
      status: 200,
      description: "The caller's limits and usage.",
      contents: [
        json(statusSchema, {
          status: {
            user: "demo-free",
            tier: "free",
            status: "active",
            revision: 0,
            limits: [...LIMITS],
            usage: {
              hour: { requests: 1, cost: 2, denied: 0 },
              day: { requests: 1, cost: 2, denied: 0 },
              month: { requests: 1, cost: 2, denied: 0 },
            },
          },
        }),
      ],
    },
  ],
};

const check: Notes = {
  tag: "Rate limits",
  summary: "May this user do this?",
  description:
    "Denied is an answer, not an error: the status is 200 either way. Needs an API key with the scope `check`.",
  request: [
    json(operationSchema, {
      route: { user: "user-42", route: "/compare", tier: "free" },
      cost: { user: "user-42", cost: 0.5, idempotencyKey: "order-7" },
      peek: { user: "user-42", peek: true },
    }),
  ],
  answers: [
    {
      status: 200,
      description: "The decision.",
      contents: [json(decisionSchema, { allowed: ALLOWED, denied: DENIED, replayed: REPLAYED })],
    },
  ],
  problems: ["idempotency_mismatch"],
};

const checkBatch: Notes = {
  tag: "Rate limits",
  summary: "Up to 1,000 checks, as a JSON array or NDJSON",
  description:
    "As JSON: an array of operations, answered by an array in the same order. As NDJSON: an operation a line, answered by a line each as they arrive; a line that is too long or no JSON fails alone, and so does what comes after 1,000. Needs an API key with the scope `check`.",
  request: [
    json(operationsSchema, { two: [{ user: "user-42", route: "/compare" }, { user: "user-43" }] }),
    text("application/x-ndjson", lines({ user: "user-42", route: "/compare" }, { user: "user-43" })),
  ],
  answers: [
    {
      status: 200,
      description: "A decision or an error for each operation. In NDJSON each line is one BatchItem.",
      contents: [
        json(z.array(batchItemSchema), { "one good, one bad": [ALLOWED, NO_OPERATION] }),
        text("application/x-ndjson", lines(ALLOWED, NO_OPERATION)),
      ],
    },
  ],
};

const health: Notes = {
  tag: "Health",
  summary: "Whether the Worker is healthy",
  description: "200 as long as the Worker runs.",
  answers: [
    {
      status: 200,
      description: "How it is doing.",
      contents: [
        json(healthSchema, {
          ok: { status: "ok", version: "0.1.0", revision: 0, checks: { policy: "ok", limiter: "ok" } },
        }),
      ],
      headers: ["Cache-Control"],
    },
  ],
};

const ready: Notes = {
  tag: "Health",
  summary: "Whether the limiter answers",
  description: "Asks an object, and whether a policy is known.",
  answers: [
    {
      status: 200,
      description: "It can decide.",
      contents: [json(readySchema, { ready: { ready: true, checks: { policy: "ok", limiter: "ok" } } })],
      headers: ["Cache-Control"],
    },
    {
      status: 503,
      description: "It cannot, at the moment.",
      contents: [
        json(readySchema, {
          "not ready": { ready: false, checks: { policy: "ok", limiter: "does not answer" } },
        }),
      ],
      headers: ["Cache-Control", "Retry-After"],
    },
  ],
};

const METRICS = [
  "# HELP edge_limiter_requests_total Requests by outcome: allowed, denied (by a limit), turned_away (for another reason), error.",
  "# TYPE edge_limiter_requests_total counter",
  'edge_limiter_requests_total{route="/compare",tier="free",outcome="allowed",reason="ok",source="strict"} 1',
  "",
].join("\n");

const metrics: Notes = {
  tag: "Health",
  summary: "Metrics, for Prometheus",
  description:
    "In Prometheus' text format. Sums of the whole deployment, not of the isolate that answers. Monitoring gets a token of its own: an entry of the role `viewer` in ADMIN_TOKENS.",
  answers: [
    {
      status: 200,
      description: "The metrics.",
      contents: [text("text/plain", METRICS)],
    },
  ],
};

export const RATE_LIMITS = { status, check, checkBatch, metrics, health, ready };
