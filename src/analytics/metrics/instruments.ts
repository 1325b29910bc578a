/** Callbacks with which policy and identity count: they know nothing of metrics, so the composition root passes these to them. */
import type { KeyResult } from "../../identity/key-store.ts";
import type { PolicyResult, Reload } from "../../policy/policy-store.ts";
import type { MetricDeltas } from "./metric-deltas.ts";

/** Counts look-ups of API keys. On every request's path: one addition. */
export function countKeys(metrics: MetricDeltas): (result: KeyResult) => void {
  const counters = {
    hit: metrics.counter("cache", ["keys", "hit"]),
    miss: metrics.counter("cache", ["keys", "miss"]),
    stale: metrics.counter("cache", ["keys", "stale"]),
    failed: metrics.counter("cache", ["keys", "failed"]),
  };
  return (result) => counters[result].add();
}

/** Counts look-ups of the policy. On every request's path: one addition. */
export function countPolicies(metrics: MetricDeltas): (result: PolicyResult) => void {
  const counters = {
    hit: metrics.counter("cache", ["policy", "hit"]),
    miss: metrics.counter("cache", ["policy", "miss"]),
  };
  return (result) => counters[result].add();
}

/** Counts reads of the policy, and reports the revision in force and how stale it is. */
export function countReloads(metrics: MetricDeltas): (reload: Reload) => void {
  return ({ result, revision, staleMs }) => {
    metrics.add("policyReload", [result]);
    metrics.peak("policyStaleSeconds", [], staleMs / 1_000);
    if (revision !== null) metrics.set("policyRevision", [], revision);
  };
}
