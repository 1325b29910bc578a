/** A simulation: its request (POST /api/v1/admin/simulate), its answer and a summary. Pure but for the call. */
import { DAY_MS } from "../shell/durations.ts";
import type { Simulation } from "../shell/answers.ts";
import { type ApiOutcome, call, type FailedCall, isRecord } from "../shell/api-client.ts";
import { percent } from "../shell/format.ts";
import { isFlag, isListOf, isNullOr, isNumber, isShape, isText, parseAs } from "../shell/guards.ts";
import { isTime } from "../shell/report-guards.ts";
import type { TimeRange } from "../shell/time-range.ts";

export type SimulationResult = NonNullable<Simulation["result"]>;
export type SimulationTotals = SimulationResult["totals"]["before"];
export type TierRow = SimulationResult["tiers"][number];
export type RouteRow = SimulationResult["routes"][number];
export type AccountRow = SimulationResult["newlyDenied"][number];
/** What the rows of tiers, routes and accounts have in common. */
export type Comparison = Pick<TierRow, keyof TierRow & keyof RouteRow & keyof AccountRow>;

const TOTALS = { allowed: isNumber, denied: isNumber };
const isTotals = isShape<SimulationTotals>({ ...TOTALS, overage: isNumber, shadowed: isNumber });
const COMPARISON = {
  requests: isNumber,
  deniedBefore: isNumber,
  deniedAfter: isNumber,
  newlyDenied: isNumber,
  newlyAllowed: isNumber,
  overageBefore: isNumber,
  overageAfter: isNumber,
};
const isChangedAccounts = isShape<SimulationResult["changedAccounts"]>({
  denied: isNumber,
  allowed: isNumber,
});
const isAccountRow = isShape<AccountRow>({
  account: isText,
  tier: isText,
  routes: isListOf(isText),
  ...COMPARISON,
});
const isResult = isShape<SimulationResult>({
  from: isText,
  to: isText,
  revision: isNumber,
  decisions: isNumber,
  sampled: isFlag,
  truncated: isFlag,
  firstAt: isNullOr(isText),
  lastAt: isNullOr(isText),
  totals: isShape({ recorded: isShape(TOTALS), before: isTotals, after: isTotals }),
  series: isShape({
    from: isTime,
    intervalSeconds: isNumber,
    requests: isListOf(isNumber),
    deniedBefore: isListOf(isNumber),
    deniedAfter: isListOf(isNumber),
  }),
  tiers: isListOf(isShape<TierRow>({ tier: isText, ...COMPARISON, changedAccounts: isChangedAccounts })),
  routes: isListOf(isShape<RouteRow>({ route: isText, ...COMPARISON, changedAccounts: isChangedAccounts })),
  newlyDenied: isListOf(isAccountRow),
  newlyAllowed: isListOf(isAccountRow),
  changedAccounts: isChangedAccounts,
});

export const parseSimulation = parseAs(
  isShape<Simulation>({
    valid: isFlag,
    errors: isListOf(isShape({ path: isText, message: isText })),
    result: isNullOr(isResult),
  }),
);

/** How long decisions are recorded for. */
export const KEPT_MS = DAY_MS;

/** The period for the API: a range that ends now is cut to what is recorded. */
export function periodOf(range: TimeRange, nowMs: number): { readonly from: string; readonly to: string } {
  const toMs = range.kind === "last" ? nowMs : range.toMs;
  const fromMs = range.kind === "last" ? nowMs - Math.min(range.seconds * 1_000, KEPT_MS) : range.fromMs;
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** Replays the decisions recorded in a range against a policy document. */
export const simulate = (
  document: unknown,
  range: TimeRange,
  nowMs: number,
  signal: AbortSignal,
): Promise<ApiOutcome<Simulation>> =>
  call("POST", "/api/v1/admin/simulate", parseSimulation, {
    body: { document, ...periodOf(range, nowMs) },
    signal,
  });

/** Whether a retry can succeed soon: another simulation is running (503), or there were too many (429). */
export function isBusy(outcome: ApiOutcome<unknown>): outcome is FailedCall {
  if (outcome.kind !== "failed") return false;
  if (outcome.status === 429) return true;
  if (outcome.status !== 503) return false;
  return isRecord(outcome.body) && outcome.body["code"] === "temporary_reduced_capacity";
}

/** The result in a sentence or two: what to know before activating the policy. */
export function summaryOf({ totals, changedAccounts, decisions, sampled }: SimulationResult): string {
  const more = totals.after.denied - totals.before.denied;
  const { denied, allowed } = changedAccounts;
  const { shadowed } = totals.after;
  const foretold =
    shadowed === 0 ? "" : ` Limits in shadow would deny ${inFull(shadowed)} of them if enforced.`;
  if (more === 0 && denied === 0 && allowed === 0) {
    return `Every recorded request would be decided as by the policy in force.${foretold}`;
  }
  const share = decisions > 0 ? ` (${percent(Math.abs(more), decisions)} of all)` : "";
  const requests = Math.abs(more) === 1 ? "request" : "requests";
  const parts = [
    more === 0
      ? "As many requests would be denied as now, but different ones."
      : `${sampled ? "About " : ""}${inFull(Math.abs(more))} ${more > 0 ? "more" : "fewer"} ${requests}${share} would be denied.`,
  ];
  if (denied > 0) parts.push(`${users(denied)} would be denied requests that are allowed now.`);
  if (allowed > 0) parts.push(`${users(allowed)} would be allowed requests that are denied now.`);
  if (shadowed > 0) parts.push(`Limits in shadow would deny ${inFull(shadowed)} more if enforced.`);
  return parts.join(" ");
}

/** A difference with its sign; 0 has none. */
export function signed(value: number): string {
  if (value === 0) return "0";
  return `${value > 0 ? "+" : "−"}${inFull(Math.abs(value))}`;
}

function users(count: number): string {
  return count === 1 ? "One user" : `${inFull(count)} users`;
}

function inFull(value: number): string {
  return new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
}
