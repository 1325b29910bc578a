/** What a request of a route with `usage` reserves before it is forwarded: its cost is known only from its response. */
import type { DecisionRequest } from "../core/decision.ts";
import { REQUESTS, unitCosts } from "../core/unit-costs.ts";
import type { Route, RouteUsage } from "../policy/compiled.ts";
import { loadUsage } from "../usage-module.ts";
import type { Admitted } from "./exchange.ts";
// The number alone: the rest of that file is in the module.
import { MAX_READ } from "./reserve-from-body.ts";

/**
 * How long a reservation may be open: as long as one may be. A request that takes longer is charged what it has reserved, as is one whose
 * isolate dies.
 */
const TTL_MS = 3_600_000;

/** The part of a question that says what to reserve. */
export type ReservedCost = Pick<DecisionRequest, "costMilli" | "units" | "reserve">;

/** Null: the client broke off its body. Reads the body if the route takes the amount from there, and puts it back. */
export function reservedCost(
  { exchange, route }: Admitted,
  usage: RouteUsage,
): ReservedCost | null | Promise<ReservedCost | null> {
  const { body, headers, method } = exchange.request;
  const { reserveFrom, reserveMilli } = usage;
  const isUnread = method === "GET" || method === "HEAD" || Number(headers.get("Content-Length")) > MAX_READ;
  if (reserveFrom === null || body === null || isUnread) return costOf(route, usage, reserveMilli);
  return loadUsage()
    .then(({ readReserve }) => readReserve(body, reserveFrom))
    .then((read) => {
      if (read === null) return null;
      exchange.body = read.body;
      return costOf(route, usage, Math.min(read.milli ?? reserveMilli, reserveMilli));
    });
}

function costOf({ costMilli, units }: Route, { unit }: RouteUsage, milli: number): ReservedCost {
  const reserve = { ttlMs: TTL_MS };
  const amounts = new Map(units ?? []).set(REQUESTS, costMilli).set(unit, milli);
  const others = unitCosts(amounts);
  const requestsMilli = amounts.get(REQUESTS) ?? 0;
  return others === null
    ? { costMilli: requestsMilli, reserve }
    : { costMilli: requestsMilli, units: others, reserve };
}
