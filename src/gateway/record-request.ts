/** Records a request in analytics, after its response. */
import { pointOf, resultOf } from "../analytics/decision-point.ts";
import { placeOf } from "../analytics/place.ts";
import type { Services } from "../edge/services.ts";
import type { WaitUntil } from "../wait-until.ts";
import { reportedTier } from "../edge/caller-tier.ts";
import type { Exchange } from "./exchange.ts";

/** Records a request that no policy could decide. */
export function recordNoPolicy(
  { recorder }: Services,
  request: Request,
  requestId: string,
  atMs: number,
  waitUntil: WaitUntil,
): void {
  const about = {
    atMs,
    account: "",
    route: "",
    tier: "",
    method: request.method,
    place: placeOf(request),
    revision: 0,
    keyId: null,
    upstreamCode: 0,
    requestId,
    limiterMs: 0,
    upstreamMs: 0,
  };
  recorder.record(pointOf(about, null, "error", "policy_unavailable"), waitUntil);
}

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
