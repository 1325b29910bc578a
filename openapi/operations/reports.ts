/** Examples and answers of the reports. */
import type * as z from "zod/mini";
import { reportSchema } from "../bodies/report.ts";
import { json, type Notes, text } from "../notes.ts";

type Report = z.infer<typeof reportSchema>;

const HEAD = {
  backend: "embedded",
  sampled: false,
  from: "2026-11-21T08:00:00.000Z",
  to: "2026-11-21T09:00:00.000Z",
  intervalSeconds: 60,
} as const;

const OVERVIEW = {
  ...HEAD,
  report: "overview",
  current: {
    requests: 7_200,
    allowed: 6_700,
    denied: 290,
    turnedAway: 200,
    errors: 10,
    decided: 7_000,
    cost: 7_420,
    latencyMs: { p50: 1, p95: 6, p99: 14 },
    perSecond: 2,
    coveredSeconds: 3_600,
    hopsSaved: 3_100,
  },
  previous: {
    requests: 0,
    allowed: 0,
    denied: 0,
    turnedAway: 0,
    errors: 0,
    decided: 0,
    cost: 0,
    latencyMs: null,
    perSecond: 0,
    coveredSeconds: 3_600,
    hopsSaved: 0,
  },
} satisfies Report;

const DENIALS = {
  ...HEAD,
  report: "denials",
  denied: 290,
  reasons: [
    { reason: "minute", denied: 280, share: 0.9655172413793104 },
    { reason: "month", denied: 10, share: 0.034482758620689655 },
  ],
  top: [{ reason: "minute", account: "user:acme", denied: 170 }],
} satisfies Report;

const DECISIONS = {
  ...HEAD,
  report: "decisions",
  decisions: [
    {
      at: "2026-11-21T08:59:58.120Z",
      requestId: "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d",
      account: "user:acme",
      route: "/identify",
      tier: "free",
      outcome: "denied",
      reason: "minute",
      source: "deny-cache",
      method: "GET",
      colo: "FRA",
      country: "DE",
      revision: 7,
      keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
      upstreamStatus: "none",
      cost: 1,
      limiterMs: 0,
      upstreamMs: 0,
      remainingFraction: 0,
      retryAfterMs: 412,
      requests: 1,
      weight: 1,
    },
  ],
  cursor: "WzE3NjM3MTU1OTgxMjAsImMxNDQ4NjE0IiwxXQ",
} satisfies Report;

const FIGURES = { requests: 6_900, cost: 7_420, denied: 290 };
const NO_DIFFERENCE = { count: 0, percent: 0 };
const DRIFT = {
  ledger: FIGURES,
  analytics: FIGURES,
  difference: { requests: NO_DIFFERENCE, cost: NO_DIFFERENCE, denied: NO_DIFFERENCE },
};

const getReport: Notes = {
  tag: "Reports",
  summary: "A report of the decisions that were made",
  description:
    "From Analytics Engine if its token is configured, else from the hub's embedded store, which has the last day. A period that reaches into the future ends now. Requests without a caller, a route or a tier are in no ranking of users, routes or tiers.",
  answers: [
    {
      status: 200,
      description: "The report.",
      contents: [
        json(reportSchema, {
          overview: OVERVIEW,
          denials: DENIALS,
          decisions: DECISIONS,
          "ledger drift": {
            ...HEAD,
            report: "ledger-drift",
            accounts: [{ account: "user:acme", ...DRIFT }],
            total: DRIFT,
          },
        }),
        text("text/csv", "at,requestId,account\r\n2026-11-21T08:59:58.120Z,c1448614,user:acme\r\n"),
      ],
      headers: ["Link"],
    },
  ],
  problems: ["not_found"],
};

const METRICS = [
  "# HELP edge_limiter_policy_revision Newest policy revision in force in any isolate.",
  "# TYPE edge_limiter_policy_revision gauge",
  "edge_limiter_policy_revision 7",
  "",
].join("\n");

const adminMetrics: Notes = {
  tag: "Reports",
  summary: "The metrics, for the dashboard",
  description: "The same as GET /api/v1/rate-limit/metrics, where the dashboard's session is taken.",
  answers: [
    {
      status: 200,
      description: "The metrics.",
      contents: [text("text/plain", METRICS)],
    },
  ],
};

const live: Notes = {
  tag: "Reports",
  summary: "Decisions as they are made, over a WebSocket",
  description:
    'A WebSocket of JSON text frames. The server sends {"seq", "rows", "skipped"}: decisions that pass the filters, at most 20 a second, and how many were left out since the frame before. Answer each frame with {"ack": seq}: with five unanswered nothing more is sent until you do. {"filters": {...}} and {"pause": true} may be sent at any time. An administrator (a token with its sessions, or a user of Cloudflare Access) has five streams at most: one more closes the oldest with code 4001. Clients must not reopen it by themselves. At most 50 streams are open in all. Beyond that, the administrator with the most loses its oldest to one with fewer; if all have one, a new stream is 503. Code 1008 means that the session is over.',
  answers: [{ status: 101, description: "The stream is open." }],
  problems: ["upgrade_required"],
};

export const REPORTS = { getReport, adminMetrics, live };
