/**
 * The metrics as data: every family with its name, type and labels. Isolates count by this table, the hub sums and renders by it, and
 * dashboards, alert rules and docs are checked against it.
 *
 * No label ever holds a user, a key, an address or a path: values are ids from the policy or fixed words, and a family has at most
 * {@link Family.series} series. Families are only added: the meaning of a name does not change.
 */
import { MINUTE_MS } from "../../core/time.ts";

/**
 * - `counter`: only grows; the sum over all isolates.
 * - `histogram`: in buckets of the family's unit, which is seconds unless its help (family-help.ts) says otherwise.
 * - `gauge`: the last value of each isolate that still reports; the greatest of these.
 * - `peak`: like a gauge, but the greatest value of the last minutes, from any isolate.
 * - `distinct`: how many distinct things were seen in the last minutes. An estimate above {@link DISTINCT_EXACT}.
 */
export type FamilyType = "counter" | "histogram" | "gauge" | "peak" | "distinct";

export interface Family {
  readonly name: `edge_limiter_${string}`;
  readonly type: FamilyType;
  readonly labels: readonly string[];
  /** The most series; any more are counted in the series whose labels are all `other`. */
  readonly series: number;
  /** Values are integers in units of 1/scale, so that sums stay exact. */
  readonly scale: number;
  /** Upper bounds of a histogram, seconds, ascending. */
  readonly buckets: readonly number[];
}

/** Up to this many, a `distinct` family is exact; above, its standard deviation is 5 %. */
export const DISTINCT_EXACT = 512;
/** How far back `distinct` and `peak` families look. */
export const WINDOW_MS = 5 * MINUTE_MS;

const one = { series: 1, scale: 1, buckets: [] } as const;
/** For labels whose values are a few fixed words. */
const few = { series: 50, scale: 1, buckets: [] } as const;
/** For labels whose values come from the policy. */
const many = { series: 2_000, scale: 1, buckets: [] } as const;

/** Decisions: from an answer by a lease to the limiter's deadline. */
const DECISION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
/** Upstreams: up to the longest timeout that a route may have. */
const UPSTREAM_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** Shares of an amount, which may be exceeded. */
const RATIO_BUCKETS = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.25, 2, 5] as const;

/** By the ids that code uses. */
export const FAMILIES = {
  requests: {
    ...many,
    name: "edge_limiter_requests_total",
    type: "counter",
    labels: ["route", "tier", "outcome", "reason", "source"],
  },
  cost: {
    ...many,
    name: "edge_limiter_cost_total",
    type: "counter",
    labels: ["route", "tier"],
    scale: 1_000,
  },
  shadowDenials: {
    ...many,
    name: "edge_limiter_shadow_denials_total",
    type: "counter",
    labels: ["limit", "route", "tier"],
  },
  decisionSeconds: {
    ...few,
    name: "edge_limiter_decision_seconds",
    type: "histogram",
    labels: ["source"],
    scale: 1_000_000,
    buckets: DECISION_BUCKETS,
  },
  upstreamSeconds: {
    ...many,
    name: "edge_limiter_upstream_seconds",
    type: "histogram",
    labels: ["route"],
    series: 500,
    scale: 1_000_000,
    buckets: UPSTREAM_BUCKETS,
  },
  upstreamRequests: {
    ...many,
    name: "edge_limiter_upstream_requests_total",
    type: "counter",
    labels: ["pool", "target", "result"],
  },
  upstreamRetries: {
    ...many,
    name: "edge_limiter_upstream_retries_total",
    type: "counter",
    labels: ["pool", "result"],
    series: 200,
  },
  upstreamEjected: {
    ...many,
    name: "edge_limiter_upstream_ejected",
    type: "gauge",
    labels: ["pool", "target"],
  },
  upstreamListAge: {
    ...few,
    name: "edge_limiter_upstream_list_age_seconds",
    type: "peak",
    labels: ["pool"],
    scale: 1_000,
  },
  limiterFailures: {
    ...few,
    name: "edge_limiter_limiter_failures_total",
    type: "counter",
    labels: ["kind"],
  },
  circuitState: {
    ...few,
    name: "edge_limiter_circuit_state",
    type: "gauge",
    labels: ["target"],
  },
  cache: {
    ...few,
    name: "edge_limiter_cache_total",
    type: "counter",
    labels: ["cache", "result"],
  },
  responseCache: {
    ...many,
    name: "edge_limiter_response_cache_total",
    type: "counter",
    labels: ["route", "result"],
  },
  ruleMatches: {
    ...many,
    name: "edge_limiter_rule_matches_total",
    type: "counter",
    labels: ["rule", "action"],
    series: 200,
  },
  shieldRejections: {
    ...few,
    name: "edge_limiter_shield_rejections_total",
    type: "counter",
    labels: ["shield"],
  },
  proxyCalls: {
    ...few,
    name: "edge_limiter_proxy_calls_total",
    type: "counter",
    labels: ["api", "result"],
  },
  leaseTokens: {
    ...few,
    name: "edge_limiter_lease_tokens_total",
    type: "counter",
    labels: ["event"],
    scale: 1_000,
  },
  reservations: {
    ...few,
    name: "edge_limiter_reservations_total",
    type: "counter",
    labels: ["event"],
  },
  reserved: {
    ...few,
    name: "edge_limiter_reserved_total",
    type: "counter",
    labels: ["unit"],
    scale: 1_000,
  },
  settleRatio: {
    ...one,
    name: "edge_limiter_settle_ratio",
    type: "histogram",
    labels: [],
    scale: 1_000_000,
    buckets: RATIO_BUCKETS,
  },
  rowsWritten: {
    ...few,
    name: "edge_limiter_rows_written_total",
    type: "counter",
    labels: ["object"],
  },
  policyRevision: {
    ...one,
    name: "edge_limiter_policy_revision",
    type: "gauge",
    labels: [],
  },
  policyReload: {
    ...few,
    name: "edge_limiter_policy_reload_total",
    type: "counter",
    labels: ["result"],
  },
  policyStaleSeconds: {
    ...one,
    name: "edge_limiter_policy_stale_seconds",
    type: "peak",
    labels: [],
    scale: 1_000,
  },
  activeUsers: {
    ...one,
    name: "edge_limiter_active_users",
    type: "distinct",
    labels: [],
  },
  usersNearLimit: {
    ...one,
    name: "edge_limiter_users_near_limit",
    type: "distinct",
    labels: [],
  },
  outboxLagSeconds: {
    ...few,
    name: "edge_limiter_outbox_lag_seconds",
    type: "peak",
    labels: [],
    scale: 1_000,
  },
  stripeLagSeconds: {
    ...one,
    name: "edge_limiter_stripe_lag_seconds",
    type: "peak",
    labels: [],
    scale: 1_000,
  },
  stripeFailures: {
    ...few,
    name: "edge_limiter_stripe_failures_total",
    type: "counter",
    labels: ["kind"],
  },
  webhookAttempts: {
    ...few,
    name: "edge_limiter_webhook_attempts_total",
    type: "counter",
    labels: ["outcome"],
  },
  webhookWaiting: {
    ...one,
    name: "edge_limiter_webhook_waiting",
    type: "gauge",
    labels: [],
  },
  webhookOldestSeconds: {
    ...one,
    name: "edge_limiter_webhook_oldest_seconds",
    type: "peak",
    labels: [],
    scale: 1_000,
  },
  webhookDisabled: {
    ...one,
    name: "edge_limiter_webhook_disabled",
    type: "gauge",
    labels: [],
  },
  buildInfo: {
    ...few,
    name: "edge_limiter_build_info",
    type: "gauge",
    labels: ["version"],
  },
  pointsDropped: {
    ...one,
    name: "edge_limiter_points_dropped_total",
    type: "counter",
    labels: [],
  },
} as const satisfies Record<string, Family>;

export type FamilyId = keyof typeof FAMILIES;

export type FamilyName = (typeof FAMILIES)[FamilyId]["name"];

/** Ids of the families of these types. */
export type FamilyOf<T extends FamilyType> = {
  [F in FamilyId]: (typeof FAMILIES)[F]["type"] extends T ? F : never;
}[FamilyId];

/** A family's label values, in the order of its labels. */
export type LabelsOf<F extends FamilyId> = Strings<(typeof FAMILIES)[F]["labels"]>;
type Strings<T extends readonly string[]> = { readonly [K in keyof T]: string };

export const FAMILY_IDS: readonly FamilyId[] = Object.keys(FAMILIES).filter(isFamilyId);

export function isFamilyId(id: string): id is FamilyId {
  return Object.hasOwn(FAMILIES, id);
}

/** A family by its general type. */
export function familyOf(id: FamilyId): Family {
  return FAMILIES[id];
}
