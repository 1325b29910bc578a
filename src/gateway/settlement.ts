/**
 * Gives back what an admitted request holds, once its response has ended: the slots of concurrency limits, and what its reservation has too
 * much (docs/units.md).
 */
import type { Decision } from "../core/decision.ts";
import { REQUESTS, unitCosts } from "../core/unit-costs.ts";
import { MILLI, toMilli } from "../core/units.ts";
import { type Pipe, plainPipe, watchEnd } from "./response-end.ts";
import type { Settle } from "../objects/reservation.ts";
import type { RouteUsage } from "../policy/compiled.ts";
import { loadUsage } from "../usage-module.ts";
import type { Admitted, Exchange } from "./exchange.ts";
import { headerCostMilli, usageCostMilli, type UpstreamOutcome } from "./usage-cost.ts";
import type { ReadUsage } from "./usage-reader.ts";

/** Whether a request has anything to give back. */
export function isHeld({ holds, reservation }: Decision): boolean {
  return holds.length > 0 || reservation !== undefined;
}

/** Keeps the request alive until it has a response, even if the client leaves, and gives back what it holds if it gets none. */
export function keepUntilAnswered(
  response: Response | Promise<Response>,
  admitted: Admitted,
  decision: Decision,
): void {
  const lost = (): Promise<void> => giveBack(admitted, decision, { kind: "failed" });
  admitted.exchange.waitUntil(Promise.resolve(response).then(() => undefined, lost));
}

/** The response to send: it is watched until its end. */
export function giveBackAtEnd(response: Response, admitted: Admitted, decision: Decision): Response {
  const { exchange, route } = admitted;
  const usage = decision.reservation === undefined ? null : route.usage;
  const pipe =
    usage && usage.from !== "header" && !hasFailed(exchange) ? readerOf(response, usage.from) : plainPipe;
  return watchEnd<ReadUsage | null>(response, exchange, pipe, (found) =>
    giveBack(admitted, decision, outcomeOf(exchange, found, usage)),
  );
}

function readerOf({ headers }: Response, format: "openai" | "anthropic"): Pipe<ReadUsage | null> {
  return async (source, sink) => {
    const { readUsage } = await loadUsage();
    return readUsage(source, sink, headers, format);
  };
}

async function giveBack(
  { exchange, route, caller }: Admitted,
  decision: Decision,
  outcome: UpstreamOutcome,
): Promise<void> {
  const { services, policy, waitUntil } = exchange;
  const { limiter } = services;
  if (decision.reservation === undefined) {
    await limiter.release(caller.subject, decision.holds, Date.now(), waitUntil);
    return;
  }
  const call = settlementOf(decision, decision.reservation.id, route.usage, outcome);
  const isSettled = await limiter.settleSurely(caller.subject, call, policy, waitUntil);
  // It stays charged in full.
  if (!isSettled) {
    services.log("error", "settlement_lost", { requestId: exchange.requestId, reservation: call.id });
  }
}

/** Whether there is no response of the upstream, or one that says that it failed. */
function hasFailed({ upstreamCode }: Exchange): boolean {
  return upstreamCode === 0 || upstreamCode >= 500;
}

function outcomeOf(exchange: Exchange, found: ReadUsage | null, usage: RouteUsage | null): UpstreamOutcome {
  const { upstreamCode: status, reportedCost, request } = exchange;
  const isLost = status === 0 && exchange.reason !== null;
  // A response to HEAD has no body, so it reports no usage, and the client gets nothing that would cost any.
  if (request.method === "HEAD" && usage && usage.from !== "header" && !isLost && status < 500) {
    return { kind: "responded", status, milli: 0 };
  }
  // If nothing failed and there is no response, the client broke off its request.
  if (status === 0) return { kind: isLost ? "failed" : "left" };
  if (hasFailed(exchange)) return { kind: "failed" };
  if (reportedCost !== null) return { kind: "responded", status, milli: headerCostMilli(reportedCost) };
  if (!found) return { kind: "responded", status, milli: null };
  const { end, tokens } = found;
  if (end === "left" && tokens === null) return { kind: "left" };
  return { kind: "responded", status, milli: tokens === null ? null : tokens * MILLI };
}

/** The whole cost of the request: as decided, but for the unit that `usage` counts; nothing if the upstream failed and the route refunds. */
function settlementOf(
  { cost, units = {} }: Decision,
  id: string,
  usage: RouteUsage | null,
  outcome: UpstreamOutcome,
): Settle {
  if (outcome.kind === "failed" && usage?.onError === "refund") {
    return { kind: "settle", id, costMilli: 0, units: null };
  }
  const milli = new Map(
    Object.entries({ ...units, [REQUESTS]: cost }).map(([unit, amount]) => [unit, toMilli(amount) ?? 0]),
  );
  if (usage) milli.set(usage.unit, usageCostMilli(usage, outcome, milli.get(usage.unit) ?? 0));
  return { kind: "settle", id, costMilli: milli.get(REQUESTS) ?? 0, units: unitCosts(milli) };
}
