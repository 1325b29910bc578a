/**
 * The logic of the decision API, for HTTP and RPC: operations in, decisions out, in the same order.
 *
 * All operations of one user take one call. An invalid operation fails alone.
 */
import { pointOf, resultOf } from "../../analytics/decision-point.ts";
import type { Place } from "../../analytics/place.ts";
import { type Decision, decisionOf, type DecisionRequest, withUnits } from "../../core/decision.ts";
import { MILLI } from "../../core/units.ts";
import { countRule, ruleReason, tierByRule } from "../../edge/rule-effects.ts";
import type { Services } from "../../edge/services.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { nextDecisionId } from "../../limiter/decision-id.ts";
import type { Policy } from "../../policy/compile.ts";
import { unitsOfRequest } from "../../policy/costs.ts";
import type { WaitUntil } from "../../wait-until.ts";
import type { Fault } from "../../policy/fault.ts";
import type { Rule, RuleMatch } from "../../policy/rule.ts";
import type { RuleIndex } from "../../policy/rule-index.ts";
import { loadRuleIndex } from "../../rule-module.ts";
import type {
  ExtendedReservation,
  ReservationAnswer,
  ReservationCall,
  SettledReservation,
} from "../../objects/reservation.ts";
import { readOperation } from "./read-operation.ts";
import { inWaves } from "./waves.ts";

/** The result of one operation. */
export type CheckResult =
  | { readonly kind: "decision"; readonly decision: Decision }
  | { readonly kind: "reservation"; readonly answer: SettledReservation | ExtendedReservation }
  /** The reservation is unknown or has expired. */
  | { readonly kind: "gone" }
  /** Of a settlement: the object does not answer. */
  | { readonly kind: "unavailable" }
  /** Of a settlement: the user's own requests exceed what the object can take. */
  | { readonly kind: "overloaded" }
  /** The idempotency key was used with other parameters. */
  | { readonly kind: "mismatch" }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/** Checks untrusted operations. Never rejects. */
export async function checkMany(
  operations: readonly unknown[],
  services: Pick<Services, "limiter" | "recorder" | "metrics">,
  policy: Policy,
  waitUntil: WaitUntil,
  origin: Origin,
): Promise<CheckResult[]> {
  const rules = policy.rules === null ? null : await policy.rules.index(loadRuleIndex);
  const results: CheckResult[] = [];
  const byUser = new Map<string, Work>();
  const workOf = (user: string): Work => {
    const work = byUser.get(user) ?? { checks: [], settlements: [] };
    byUser.set(user, work);
    return work;
  };
  const record = (user: string, item: Item, decision: Decision, nowMs: number, limiterMs: number): void => {
    // Like the ledger, reports count only what was decided now.
    if (item.request.peek || decision.replayed) return;
    const about = { ...pointAbout(user, item, origin), atMs: nowMs, limiterMs };
    services.recorder.record(pointOf(about, decision, ...resultOf(decision)), waitUntil);
  };
  operations.forEach((operation, index) => {
    const read = readOperation(operation, policy, origin.caller);
    if (read.kind === "invalid") {
      results[index] = read;
      return;
    }
    const { user } = read;
    if (read.kind === "settle") {
      workOf(user).settlements.push({ index, call: read.call });
      return;
    }
    const { rule, shadow } = ruleFor(services, rules, user, read.request);
    const request = rule ? { ...read.request, tier: tierByRule(rule, read.request.tier) } : read.request;
    const item: Item = { index, request, rule, shadow };
    if (rule?.action === "deny") {
      const decision = deniedBy(rule, request, policy);
      results[index] = { kind: "decision", decision };
      record(user, item, decision, Date.now(), 0);
      return;
    }
    workOf(user).checks.push(item);
  });

  await inWaves([...byUser], async ([user, { checks: items, settlements }]) => {
    // First, so that what they give back is there for the checks.
    if (settlements.length > 0) {
      const settled = await settleAll(user, settlements, services, policy, waitUntil);
      settlements.forEach(({ index }, i) => {
        results[index] = settled[i] ?? { kind: "unavailable" };
      });
    }
    if (items.length === 0) return;
    const requests = items.map(({ request }) => request);
    const startedMs = performance.now();
    const nowMs = Date.now();
    const decisions = await services.limiter.decideAll(userSubject(user), requests, policy, nowMs, waitUntil);
    const limiterMs = performance.now() - startedMs;
    items.forEach((item, i) => {
      const decision = decisions[i];
      if (!decision) return;
      const isMismatch = decision.outcome === "mismatch";
      results[item.index] = isMismatch ? { kind: "mismatch" } : { kind: "decision", decision };
      if (!isMismatch) record(user, item, decision, nowMs, limiterMs);
    });
  });
  return results;
}

/** Settles reservations of one user, in one call. */
async function settleAll(
  user: string,
  settlements: readonly Settlement[],
  { limiter }: Pick<Services, "limiter">,
  policy: Policy,
  waitUntil: WaitUntil,
): Promise<readonly CheckResult[]> {
  const subject = userSubject(user);
  const calls = settlements.map(({ call }) => call);
  const answers = await limiter.settle(subject, calls, policy, waitUntil);
  if (answers) return answers.map(resultOfAnswer);
  const kind = limiter.heard.isAlive(subject, Date.now()) ? "overloaded" : "unavailable";
  return calls.map(() => ({ kind }));
}

function resultOfAnswer(answer: ReservationAnswer): CheckResult {
  switch (answer.kind) {
    case "done":
      return { kind: "reservation", answer: answer.answer };
    case "gone":
      return answer;
    case "unknown-unit": {
      const message = `unknown unit "${answer.unit}": neither the policy nor the reservation has it`;
      return { kind: "invalid", faults: [{ path: `/cost/${answer.unit}`, message }] };
    }
  }
}

/** A settlement or heartbeat. */
interface Settlement {
  readonly index: number;
  readonly call: ReservationCall;
}

/** What to do for one user. */
interface Work {
  readonly checks: Item[];
  readonly settlements: Settlement[];
}

/** One operation to decide. */
interface Item {
  readonly index: number;
  readonly request: DecisionRequest;
  readonly rule: Rule | null;
  /** A rule in shadow. */
  readonly shadow: Rule | null;
}

/** The rule for an operation: of a user and a route, all else is unknown, and what is unknown never matches. */
function ruleFor(
  services: Pick<Services, "metrics">,
  rules: RuleIndex | null,
  user: string,
  { route, peek }: DecisionRequest,
): Pick<RuleMatch, "rule" | "shadow"> {
  if (rules === null) return NO_RULE;
  const known = rules.match(null, route);
  const match = known.pending === null ? known : rules.matchCaller(known.pending, null, user);
  const { rule, shadow } = match;
  if (rule && !peek) countRule(services, rule, false);
  if (shadow && !peek) countRule(services, shadow, true);
  return match;
}

const NO_RULE = { rule: null, shadow: null } as const;

function deniedBy(rule: Rule, request: DecisionRequest, policy: Policy): Decision {
  const { route: id, costMilli, tier } = request;
  const route = id === null ? null : policy.routes.byId(id);
  const cost = costMilli ?? route?.costMilli ?? MILLI;
  const by = { tier, revision: policy.revision };
  const reasons = [ruleReason(rule)];
  const decision = decisionOf(by, "none", nextDecisionId(), cost, "denied_by_rule", [], null, reasons);
  return withUnits(decision, unitsOfRequest(request, route));
}

/** Where a request comes from. Analytics gets everything but the caller. */
export interface Origin {
  /** The owner of the idempotency keys: the id of the calling API key, or one name for all of RPC. Without spaces. */
  readonly caller: string;
  readonly method: string;
  readonly place: Place;
  readonly requestId: string;
}

function pointAbout(user: string, { request, rule, shadow }: Item, { method, place, requestId }: Origin) {
  return {
    method,
    place,
    requestId,
    account: userSubject(user),
    route: request.route ?? "",
    tier: request.tier,
    revision: request.revision,
    keyId: null,
    upstreamCode: 0,
    upstreamMs: 0,
    rule: rule?.name ?? "",
    shadowRule: shadow?.action === "deny" ? shadow.name : undefined,
  };
}
