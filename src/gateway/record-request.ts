/** Records a request in analytics, after its response. */
import { pointOf, resultOf } from "../analytics/decision-point.ts";
import { placeOf } from "../analytics/place.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import type { Exchange } from "./exchange.ts";

export function recordRequest(exchange: Exchange): void {
  const { services, request, waitUntil, policy, route, caller, decision, reason, failed } = exchange;
  const about = {
    atMs: exchange.atMs,
    account: caller?.subject ?? "",
    route: route?.id ?? "",
    tier: caller ? reportedTier(caller, policy) : "",
    method: request.method,
    place: placeOf(request),
    revision: policy.revision,
    keyId: caller?.keyId ?? null,
    upstreamCode: exchange.upstreamCode,
    requestId: exchange.requestId,
    limiterMs: exchange.limiterMs,
    upstreamMs: exchange.upstreamMs,
    rule: exchange.rule?.name ?? "",
    shadowRule: exchange.shadowRule?.action === "deny" ? exchange.shadowRule.name : undefined,
  };
  if (reason !== null) {
    services.recorder.record(pointOf(about, decision, failed ? "error" : "denied", reason), waitUntil);
    return;
  }
  const [outcome, why] = decision ? resultOf(decision) : (["allowed", "exempt"] as const);
  services.recorder.record(pointOf(about, decision, outcome, why), waitUntil);
}
