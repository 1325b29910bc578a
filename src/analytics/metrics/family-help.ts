/** The help text of each metric, for the exposition. Apart from the families, so that isolates that only count do not load it. */
import type { FamilyName } from "./families.ts";

const HELP: Readonly<Record<FamilyName, string>> = {
  edge_limiter_requests_total:
    "Requests by outcome: allowed, denied (by a limit), turned_away (for another reason), error.",
  edge_limiter_cost_total: "Tokens charged.",
  edge_limiter_shadow_denials_total:
    "Allowed requests that a limit in shadow would have denied, by limit: a request may count for several.",
  edge_limiter_decision_seconds:
    "What the limiter took to decide, of decided requests only (source is not none).",
  edge_limiter_upstream_seconds: "What the upstream took until its response headers.",
  edge_limiter_upstream_requests_total: "Requests to targets of pools by result; target is its index.",
  edge_limiter_upstream_retries_total: "Retries in pools: ok, failed, over_budget (not made).",
  edge_limiter_upstream_ejected: "1 if an isolate has ejected the target.",
  edge_limiter_upstream_list_age_seconds:
    "Age of the discovered list of targets, the worst isolate's of the last five minutes.",
  edge_limiter_limiter_failures_total:
    "Calls to users' objects that failed: timeout, overloaded, error, or held back by a circuit.",
  edge_limiter_circuit_state: "Circuit breaker of a target, the worst isolate's: 0 closed, 1 open.",
  edge_limiter_cache_total: "Look-ups in the isolates' caches by result.",
  edge_limiter_rule_matches_total:
    "Requests that a rule of the policy applied to: allow, deny, tier; of a rule in shadow would_allow, would_deny, would_tier.",
  edge_limiter_shield_rejections_total: "Requests that a shield rejected with 429: flood, credential.",
  edge_limiter_lease_tokens_total: "Tokens leased to isolates: granted, spent, returned, lost.",
  edge_limiter_reservations_total:
    "Reservations: reserved, settled, extended, expired (unsettled, so they stay charged), gone (a settlement or heartbeat that came too late), rejected (too many open).",
  edge_limiter_reserved_total: "Amounts reserved, by unit.",
  edge_limiter_settle_ratio: "What settled reservations have cost, as a share of what they reserved.",
  edge_limiter_rows_written_total: "Rows that Durable Objects wrote, by class.",
  edge_limiter_policy_revision: "Newest policy revision in force in any isolate.",
  edge_limiter_policy_reload_total:
    "Reads of the policy from KV: unchanged, loaded, refused (the last good one stays), failed.",
  edge_limiter_policy_stale_seconds:
    "For how long an isolate has not had the newest policy in force, the worst isolate's in the last five minutes.",
  edge_limiter_active_users: "Users and addresses seen in the last five minutes; an estimate above 512.",
  edge_limiter_users_near_limit:
    "Users and addresses that had at most a tenth left of their tightest limit in the last five minutes; an estimate above 512.",
  edge_limiter_outbox_lag_seconds:
    "Age of the oldest change that is not published to KV or the directory, the worst of the last five minutes.",
  edge_limiter_build_info: "1 for each version that an isolate runs.",
  edge_limiter_points_dropped_total: "Decisions that are in no report because they could not be recorded.",
  edge_limiter_response_cache_total:
    "Requests to cached routes: hit, stale (sent all the same), revalidated, miss (fetched and stored), unstored (fetched), bypass (not a request that the cache answers).",
  edge_limiter_proxy_calls_total:
    "What proxies asked, by what (authorize: requests; envoy: descriptors) and result (docs/proxies.md).",
  edge_limiter_stripe_lag_seconds:
    "Age of the oldest invoice that waits for Stripe, the worst of the last five minutes.",
  edge_limiter_stripe_failures_total: "Invoices and top-ups at Stripe that wait for an operator.",
  edge_limiter_webhook_attempts_total:
    "Attempts to deliver an event to an endpoint: delivered, failed (tried again), dead (not tried again).",
  edge_limiter_webhook_waiting: "Deliveries of events that wait, for all endpoints.",
  edge_limiter_webhook_oldest_seconds:
    "Age of the oldest event that waits for an endpoint, the worst of the last five minutes.",
  edge_limiter_webhook_disabled:
    "Endpoints that were disabled because they answered 410, or failed while too much waited for them.",
};

/** @param name of a family. */
export function helpOf(name: string): string {
  const [, help = ""] = Object.entries(HELP).find(([known]) => known === name) ?? [];
  return help;
}
