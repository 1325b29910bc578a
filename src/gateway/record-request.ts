/** Tells analytics of a request, once it is answered. */
import { pointOf, resultOf } from "../analytics/decision-point.ts";
import { placeOf } from "../analytics/place.ts";
import type { Keep } from "../analytics/recorder.ts";
import type { Policy } from "../policy/compile.ts";
import { type Seen, tierOfCaller } from "./exchange.ts";
import type { Services } from "./services.ts";

export function recordRequest(
  request: Request,
  { recorder }: Services,
  policy: Policy,
  requestId: string,
  seen: Seen,
  atMs: number,
  keep: Keep,
): void {
  const { route, caller, decision, reason, failed } = seen;
  const about = {
    atMs,
    account: caller?.subject ?? "",
    route: route?.id ?? "",
    tier: caller ? tierOfCaller(caller, policy) : "",
    method: request.method,
    place: placeOf(request),
    revision: policy.revision,
    keyId: caller?.keyId ?? null,
    upstreamStatus: seen.upstreamStatus,
    requestId,
    limiterMs: seen.limiterMs,
    upstreamMs: seen.upstreamMs,
  };
  if (reason !== null) {
    recorder.record(pointOf(about, decision, failed ? "error" : "denied", reason), keep);
    return;
  }
  const [outcome, why] = decision ? resultOf(decision) : (["allowed", "exempt"] as const);
  recorder.record(pointOf(about, decision, outcome, why), keep);
}
