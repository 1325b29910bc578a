/**
 * What a decision left of each limit, and what was there before it. The log records what was left (src/analytics/limit-levels.ts);
 * the level before follows from what was charged. Pure.
 */
import type { LiveRow } from "../shell/answers.ts";

export interface LimitLevel {
  readonly name: string;
  readonly unit: string;
  readonly isSlots: boolean;
  /** The most that the limit can hold. */
  readonly limit: number;
  readonly before: number;
  readonly after: number;
  /** What one request costs of it. */
  readonly cost: number;
}

/** `unknown`: not recorded. `none`: the limiter was not asked, or no limit applied. */
export type LimitLevels =
  | { readonly kind: "unknown" | "none" }
  | { readonly kind: "levels"; readonly levels: readonly LimitLevel[] };

type Recorded = Pick<LiveRow, "limits" | "outcome" | "reason" | "cost" | "requests" | "units">;

const PART = /^([^=]+)=(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)(?:( slots)| of (.+))?$/;

export function levelsOf(decision: Recorded): LimitLevels {
  const { limits } = decision;
  if (limits === "" || limits === "none") return { kind: limits === "" ? "unknown" : "none" };
  const charged = isCharged(decision);
  const levels = limits.split(";").flatMap((part): LimitLevel[] => {
    const [, name, left, limit, slots, unit] = PART.exec(part) ?? [];
    if (name === undefined) return [];
    const after = Number(left);
    const isSlots = slots !== undefined;
    const spent = isSlots ? 1 : costOfOne(decision, unit);
    return [
      {
        name,
        unit: isSlots ? "slots" : (unit ?? requestsUnit(decision)),
        isSlots,
        limit: Number(limit),
        before: charged ? thousandths(after + spent) : after,
        after,
        cost: spent,
      },
    ];
  });
  return { kind: "levels", levels };
}

/** Whether the limits were charged: also if the upstream failed after they had admitted the request. */
export function isCharged({ outcome, reason }: Pick<LiveRow, "outcome" | "reason">): boolean {
  return outcome === "allowed" || (outcome === "error" && reason.startsWith("upstream_"));
}

/** What one request of the line cost, in requests or in another unit. */
export function costOfOne(
  { cost, requests, units }: Pick<LiveRow, "cost" | "requests" | "units">,
  unit?: string,
): number {
  const all = unit === undefined ? cost : (unitsOf(units).find(([name]) => name === unit)?.[1] ?? 0);
  return thousandths(requests > 0 ? all / requests : all);
}

/** Costs in other units than requests: `rows=2;tokens=4000`. */
export function unitsOf(units: string): (readonly [unit: string, amount: number])[] {
  return units === ""
    ? []
    : units.split(";").map((part) => [part.split("=")[0] ?? "", Number(part.split("=")[1])]);
}

/** What costs of requests are called: tokens, unless another unit could be meant. */
export function requestsUnit({ units }: Pick<LiveRow, "units">): string {
  return units === "" ? "tokens" : "requests";
}

/**
 * The highest cost with which the request would have passed at once; null if cost was not what denied it, or is unknown. 0: none.
 */
export function passingCost(levels: LimitLevels): number | null {
  if (levels.kind !== "levels" || levels.levels.some(({ isSlots, after }) => isSlots && after < 1))
    return null;
  const tokens = levels.levels.filter(({ isSlots }) => !isSlots).map(({ after }) => after);
  return tokens.length === 0 ? null : Math.floor(Math.min(...tokens) * 1_000) / 1_000;
}

/** Costs are multiples of a thousandth: anything finer is a rounding error. */
function thousandths(tokens: number): number {
  return Math.round(tokens * 1_000) / 1_000;
}
