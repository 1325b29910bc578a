/** What the simulator asks and what it is answered (POST /api/v1/admin/simulate). Pure but for the call; never trusts a shape. */
import type { Range } from "../overview/range.ts";
import { call, type Failed, isRecord, type Outcome } from "../shell/api-client.ts";
import {
  isFlag,
  isListOf,
  isNullOr,
  isNumber,
  isShape,
  isText,
  parseAs,
  type Shape,
} from "../shell/shape.ts";

const isTotals = isShape({ allowed: isNumber, denied: isNumber });
const isChanged = isListOf(isShape({ account: isText, route: isText, tier: isText, requests: isNumber }));
const isResult = isShape({
  from: isText,
  to: isText,
  /** Of the policy that was replayed as "before". */
  revision: isNumber,
  decisions: isNumber,
  sampled: isFlag,
  truncated: isFlag,
  firstAt: isNullOr(isText),
  lastAt: isNullOr(isText),
  /** As they were answered then, and as both policies answer them in a replay. */
  totals: isShape({ recorded: isTotals, before: isTotals, after: isTotals }),
  newlyDenied: isChanged,
  newlyAllowed: isChanged,
  changedAccounts: isShape({ denied: isNumber, allowed: isNumber }),
});
const isSimulation = isShape({
  valid: isFlag,
  errors: isListOf(isShape({ path: isText, message: isText })),
  result: isNullOr(isResult),
});

export type Simulation = Shape<typeof isSimulation>;
export type SimulationResult = Shape<typeof isResult>;
export type Totals = Shape<typeof isTotals>;
/** Requests of one account on one route that would be decided otherwise. */
export type ChangedRequests = Shape<typeof isChanged>[number];

export const parseSimulation = parseAs(isSimulation);

/** Recorded decisions are kept for so long. */
export const KEPT_MS = 86_400_000;

/** What the API takes as the time; no more of it than is kept, which may be less than the URL names. */
export function timeOf(range: Range, nowMs: number): { readonly from: string; readonly to: string } {
  const toMs = range.kind === "last" ? nowMs : range.toMs;
  const fromMs = range.kind === "last" ? nowMs - Math.min(range.seconds * 1_000, KEPT_MS) : range.fromMs;
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** Replays what was recorded in a time against a document. */
export const simulate = (
  document: unknown,
  range: Range,
  nowMs: number,
  signal: AbortSignal,
): Promise<Outcome<Simulation>> =>
  call("POST", "/api/v1/admin/simulate", parseSimulation, {
    body: { document, ...timeOf(range, nowMs) },
    signal,
  });

/** Whether the same simulation may be asked for again soon: another is running (503), or there were too many (429). */
export function isBusy(outcome: Outcome<unknown>): outcome is Failed {
  if (outcome.kind !== "failed") return false;
  if (outcome.status === 429) return true;
  if (outcome.status !== 503) return false;
  return isRecord(outcome.body) && outcome.body["code"] === "temporary_reduced_capacity";
}

/** In a sentence or two: what somebody would want to know before they activate it. */
export function summaryOf({ totals, changedAccounts, decisions, sampled }: SimulationResult): string {
  const more = totals.after.denied - totals.before.denied;
  const { denied, allowed } = changedAccounts;
  if (more === 0 && denied === 0 && allowed === 0) {
    return "Every recorded request would be decided as it is by the policy in force.";
  }
  const share = decisions > 0 ? ` (${((Math.abs(more) / decisions) * 100).toFixed(1)} % of all)` : "";
  const requests = Math.abs(more) === 1 ? "request" : "requests";
  const parts = [
    more === 0
      ? "As many requests would be denied as now, but others."
      : `${sampled ? "About " : ""}${inFull(Math.abs(more))} ${more > 0 ? "more" : "fewer"} ${requests}${share} would be denied.`,
  ];
  if (denied > 0) parts.push(`${users(denied)} would be denied something that passes now.`);
  if (allowed > 0) parts.push(`${users(allowed)} would pass something that is denied now.`);
  return parts.join(" ");
}

function users(count: number): string {
  return count === 1 ? "One user" : `${inFull(count)} users`;
}

function inFull(value: number): string {
  return new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
}
