/** The log's lines about decisions and about rejections by a rule, sampled alike (src/edge/decision-log.ts). */
import { resultOf } from "../analytics/decision-point.ts";
import type { Decision } from "../core/decision.ts";
import type { Exchange } from "./exchange.ts";
import { traceIdOf } from "./spans.ts";

export function logDecision(exchange: Exchange, decision: Decision): void {
  const { services, atMs, limiterMs } = exchange;
  const { allowed, shadowed, outcome, source } = decision;
  // Nothing denied it, or would have.
  const isPlain = allowed && shadowed === undefined;
  if (!services.decisions.takes(isPlain, atMs)) return;
  services.decisions.write(isPlain, {
    ...about(exchange),
    outcome,
    reason: resultOf(decision)[1],
    source,
    ms: limiterMs,
  });
}

/** A request that a rule rejected: no decision was made. */
export function logRejection(exchange: Exchange): void {
  const { services, atMs, reason } = exchange;
  if (!services.decisions.takes(false, atMs)) return;
  services.decisions.write(false, { ...about(exchange), outcome: "denied", reason, source: "none" });
}

function about({ requestId, request, context, caller, route, rule }: Exchange) {
  const traceId = traceIdOf(request.headers, context) ?? undefined;
  return { requestId, traceId, user: caller?.subject, route: route?.id, rule: rule?.name };
}
