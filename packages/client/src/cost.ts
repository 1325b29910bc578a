/** Costs in requests and in other units, and their place in a decision. */
import type { Cost, Decision, LimitView } from "./types.ts";

/** What a cost charges to a limit: 0 if it does not name the limit's unit. */
export function amountIn({ unit = "requests" }: LimitView, cost: Cost): number {
  if (typeof cost === "number") return unit === "requests" ? cost : 0;
  return cost[unit] ?? 0;
}

/** As decisions have it. */
export function amountsOf(cost: Cost): Pick<Decision, "cost" | "units"> {
  if (typeof cost === "number") return { cost };
  const { requests = 0, ...units } = cost;
  return { cost: requests, units };
}

export function costOf({ cost, units }: Pick<Decision, "cost" | "units">): Cost {
  return units ? { requests: cost, ...units } : cost;
}
