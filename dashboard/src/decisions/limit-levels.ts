/**
 * What a decision left of each limit, and what was there before it. The log records what was left (src/analytics/limit-levels.ts);
 * the level before follows from what was charged. Pure.
 */
import type { LiveRow } from "../shell/answers.ts";

export interface LimitLevel {
  readonly name: string;
  readonly unit: "tokens" | "slots";
  /** The most that the limit can hold. */
  readonly limit: number;
  readonly before: number;
  readonly after: number;
}

/** `unknown`: not recorded. `none`: the limiter was not asked, or no limit applied. */
export type LimitLevels =
  | { readonly kind: "unknown" | "none" }
  | { readonly kind: "levels"; readonly levels: readonly LimitLevel[] };

type Recorded = Pick<LiveRow, "limits" | "outcome" | "reason" | "cost" | "requests">;

const PART = /^([^=]+)=(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)( slots)?$/;

export function levelsOf(decision: Recorded): LimitLevels {
  const { limits } = decision;
  if (limits === "" || limits === "none") return { kind: limits === "" ? "unknown" : "none" };
  const charged = isCharged(decision);
  const levels = limits.split(";").flatMap((part): LimitLevel[] => {
    const [, name, left, limit, slots] = PART.exec(part) ?? [];
    if (name === undefined) return [];
    const after = Number(left);
    const spent = slots === undefined ? costOfOne(decision) : 1;
    return [
      {
        name,
        unit: slots === undefined ? "tokens" : "slots",
        limit: Number(limit),
        before: charged ? thousandths(after + spent) : after,
        after,
      },
    ];
  });
  return { kind: "levels", levels };
}

/** Whether the limits were charged: also if the upstream failed after they had admitted the request. */
export function isCharged({ outcome, reason }: Pick<LiveRow, "outcome" | "reason">): boolean {
  return outcome === "allowed" || (outcome === "error" && reason.startsWith("upstream_"));
}

/** Tokens of one request of the line. */
export function costOfOne({ cost, requests }: Pick<LiveRow, "cost" | "requests">): number {
  return thousandths(requests > 0 ? cost / requests : cost);
}

/**
 * The highest cost with which the request would have passed at once; null if cost was not what denied it, or is unknown. 0: none.
 */
export function passingCost(levels: LimitLevels): number | null {
  if (levels.kind !== "levels" || levels.levels.some(({ unit, after }) => unit === "slots" && after < 1))
    return null;
  const tokens = levels.levels.filter(({ unit }) => unit === "tokens").map(({ after }) => after);
  return tokens.length === 0 ? null : Math.floor(Math.min(...tokens) * 1_000) / 1_000;
}

/** Costs are multiples of a thousandth: anything finer is a rounding error. */
function thousandths(tokens: number): number {
  return Math.round(tokens * 1_000) / 1_000;
}
