/**
 * The state of the limiter itself, computed from its metrics and health checks. Pure. Never reports something unmeasured as healthy:
 * a metric that no isolate has reported is null, or missing from its list.
 */
import type { Health } from "../shell/answers.ts";
import { isShape, isText } from "../shell/guards.ts";
import { greatest, type Metrics, parseExposition, type Sample, samplesOf } from "./exposition.ts";

/** A counter: its total, and its growth since the screen was opened. */
export interface Counted {
  readonly total: number;
  readonly since: number;
}

export interface CacheUse {
  readonly cache: string;
  readonly lookups: Counted;
  readonly hits: Counted;
}

/** A target of a pool: what its requests came to, and whether an isolate has ejected it. */
export interface TargetUse {
  readonly pool: string;
  /** Its index in the pool's list. */
  readonly target: string;
  readonly tries: Counted;
  readonly failed: Counted;
  readonly isEjected: boolean;
  /** Age of the list that named it, the worst isolate's; null: the policy names it. */
  readonly listAgeSeconds: number | null;
}

export interface SystemReport {
  readonly versions: readonly string[];
  readonly revision: number | null;
  readonly policyStaleSeconds: number | null;
  readonly outboxLagSeconds: number | null;
  readonly activeUsers: number | null;
  readonly usersNearLimit: number | null;
  readonly circuits: readonly { readonly target: string; readonly isOpen: boolean }[];
  readonly failures: ReadonlyMap<string, Counted>;
  readonly reloads: ReadonlyMap<string, Counted>;
  readonly rowsWritten: ReadonlyMap<string, Counted>;
  readonly leaseTokens: ReadonlyMap<string, Counted>;
  /** What shields rejected. */
  readonly shields: ReadonlyMap<string, Counted>;
  /** Requests that a rule applied to. */
  readonly rules: ReadonlyMap<string, Counted>;
  readonly targets: readonly TargetUse[];
  /** Retries in pools, by what they came to. */
  readonly retries: ReadonlyMap<string, Counted>;
  readonly caches: readonly CacheUse[];
  readonly requests: Counted;
  readonly pointsDropped: Counted;
}

/** Null for anything but the Worker's metrics. */
export function parseMetrics(body: unknown): Metrics | null {
  const metrics = typeof body === "string" ? parseExposition(body) : null;
  if (!metrics || ![...metrics.keys()].some((name) => name.startsWith("edge_limiter_"))) return null;
  const lookups = [...samplesOf(metrics, "cache_total"), ...responseLookups(metrics)];
  return new Map([...metrics, ["edge_limiter_cache_total", lookups]]);
}

/** Sent from the store. */
const HITS: ReadonlySet<string> = new Set(["hit", "stale", "revalidated"]);

/** Requests to cached routes, each route as a cache. */
function responseLookups(metrics: Metrics): Sample[] {
  return samplesOf(metrics, "response_cache_total")
    .filter(({ labels }) => labels["result"] !== "bypass")
    .map(({ labels: { route = "", result = "" }, value }) => ({
      labels: { cache: route, result: HITS.has(result) ? "hit" : result },
      value,
    }));
}

/** @param first the metrics when the screen was opened. */
export function systemReport(now: Metrics, first: Metrics): SystemReport {
  const counted = (name: string, label: string) => countedBy(now, first, name, label);
  const cache = (result?: string) => countedBy(now, first, "cache_total", "cache", result);
  const hits = cache("hit");
  return {
    versions: samplesOf(now, "build_info").map(({ labels }) => labels["version"] ?? ""),
    revision: greatest(now, "policy_revision"),
    policyStaleSeconds: greatest(now, "policy_stale_seconds"),
    outboxLagSeconds: greatest(now, "outbox_lag_seconds"),
    activeUsers: greatest(now, "active_users"),
    usersNearLimit: greatest(now, "users_near_limit"),
    circuits: samplesOf(now, "circuit_state").map(({ labels, value }) => ({
      target: labels["target"] ?? "",
      isOpen: value > 0,
    })),
    failures: counted("limiter_failures_total", "kind"),
    reloads: counted("policy_reload_total", "result"),
    rowsWritten: counted("rows_written_total", "object"),
    leaseTokens: counted("lease_tokens_total", "event"),
    shields: counted("shield_rejections_total", "shield"),
    rules: counted("rule_matches_total", "rule"),
    targets: targetsOf(now, first),
    retries: counted("upstream_retries_total", "result"),
    caches: [...cache()].map(([name, lookups]) => ({
      cache: name,
      lookups,
      hits: hits.get(name) ?? { total: 0, since: 0 },
    })),
    requests: sumOf(counted("requests_total", "outcome")),
    pointsDropped: sumOf(counted("points_dropped_total", "")),
  };
}

export function sumOf(counts: ReadonlyMap<string, Counted>): Counted {
  const all = [...counts.values()];
  return {
    total: all.reduce((sum, { total }) => sum + total, 0),
    since: all.reduce((sum, { since }) => sum + since, 0),
  };
}

function targetsOf(now: Metrics, first: Metrics): TargetUse[] {
  const tries = (result?: string) => countedBy(now, first, "upstream_requests_total", "pool target", result);
  // What a client caused is no failure.
  const [ok, left] = [tries("ok"), tries("left")];
  return [...tries()].map(([key, all]) => {
    const [pool = "", target = ""] = key.split(" ");
    const of = (labels: Readonly<Record<string, string>>) => labels["pool"] === pool;
    const rest = (part: keyof Counted) =>
      all[part] - (ok.get(key)?.[part] ?? 0) - (left.get(key)?.[part] ?? 0);
    return {
      pool,
      target,
      tries: all,
      failed: { total: rest("total"), since: rest("since") },
      isEjected: samplesOf(now, "upstream_ejected").some(
        ({ labels, value }) => of(labels) && labels["target"] === target && value > 0,
      ),
      listAgeSeconds:
        samplesOf(now, "upstream_list_age_seconds").find(({ labels }) => of(labels))?.value ?? null,
    };
  });
}

/** Sums by the values of a label, or of several. A counter that shrank has restarted from 0. */
function countedBy(now: Metrics, first: Metrics, name: string, label: string, result?: string) {
  const sums = (metrics: Metrics) => {
    const by = new Map<string, number>();
    for (const { labels, value } of samplesOf(metrics, name)) {
      if (result !== undefined && labels["result"] !== result) continue;
      const key = label
        .split(" ")
        .map((each) => labels[each] ?? "")
        .join(" ");
      by.set(key, (by.get(key) ?? 0) + value);
    }
    return by;
  };
  const before = sums(first);
  const counts = new Map<string, Counted>();
  for (const [key, total] of sums(now)) {
    const was = before.get(key) ?? 0;
    counts.set(key, { total, since: total < was ? total : total - was });
  }
  return counts;
}

const isProbe = isShape<{ readonly checks: Pick<Health["checks"], "policy" | "limiter"> }>({
  checks: isShape({ policy: isText, limiter: isText }),
});

/** The checks in an answer of `/health` or `/ready`, by name; null for anything else. */
export function parseChecks(body: unknown): ReadonlyMap<string, string> | null {
  return isProbe(body) ? new Map(Object.entries(body.checks)) : null;
}
