/**
 * The logic of the decision API, for HTTP and RPC: operations in, decisions out, in the same order.
 *
 * All operations of one user take one call. An invalid operation fails alone. A decision's id is that of the request, or of its operation
 * (`<request id>-<n>` from 1 in a batch), so that reports find what a caller has seen.
 */
import { pointOf, resultOf } from "../../analytics/decision-point.ts";
import type { Place } from "../../analytics/place.ts";
import { type Decision, decisionOf, type DecisionRequest, withUnits } from "../../core/decision.ts";
import { MILLI } from "../../core/units.ts";
import { countRule, ruleReason, tierByRule } from "../../edge/rule-effects.ts";
import type { Services } from "../../edge/services.ts";
import { userSubject } from "../../identity/authenticate.ts";
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
import { operationId } from "../operation-id.ts";
import { readOperation } from "./read-operation.ts";
import { inWaves } from "./waves.ts";

/** The result of one operation. `id`: the decision's, or the error's. */
export type CheckResult = { readonly id: string } & (
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
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] }
);

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
  const fail = (why: string, outcome: "denied" | "error" = "denied"): void => {
    const about = { ...errorAbout(policy, origin), atMs: Date.now() };
    services.recorder.record(pointOf(about, null, outcome, why), waitUntil);
  };
  const record = (user: string, item: Item, decision: Decision, nowMs: number, limiterMs: number): void => {
    // Like the ledger, reports count only what was decided now.
    if (item.request.peek || decision.replayed) return;
    const about = { ...pointAbout(user, item, origin), atMs: nowMs, limiterMs };
    services.recorder.record(pointOf(about, decision, ...resultOf(decision)), waitUntil);
  };
  operations.forEach((operation, index) => {
    const id = idOf(origin, index);
    const read = readOperation(operation, policy, origin.caller, id);
    if (read.kind === "invalid") {
      results[index] = { id, ...read };
      fail("invalid_request");
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
      const decision = deniedBy(rule, request, policy, id);
      results[index] = { id, kind: "decision", decision };
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
        const result = settled[i] ?? UNAVAILABLE;
        results[index] = { id: idOf(origin, index), ...result };
        const { kind } = result;
        if (kind !== "reservation") fail(REASONS[kind], kind === "unavailable" ? "error" : "denied");
      });
    }
    if (items.length === 0) return;
    const requests = items.map(({ request }) => request);
    const startedMs = performance.now();
    const nowMs = Date.now();
    const decisions = await services.limiter.decideAll(userSubject(user), requests, policy, nowMs, waitUntil);
    const limiterMs = performance.now() - startedMs;
    items.forEach((item, i) => {
      const made = decisions[i];
      if (!made) return;
      const id = idOf(origin, item.index);
      if (made.outcome === "mismatch") {
        results[item.index] = { id, kind: "mismatch" };
        fail("idempotency_mismatch");
        return;
      }
      // A repeated decision has the id of the first.
      const decision = made.replayed ? made : { ...made, decisionId: id };
      results[item.index] = { id, kind: "decision", decision };
      record(user, item, decision, nowMs, limiterMs);
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
): Promise<readonly SettlementResult[]> {
  const subject = userSubject(user);
  const calls = settlements.map(({ call }) => call);
  const answers = await limiter.settle(subject, calls, policy, waitUntil);
  if (answers) return answers.map(resultOfAnswer);
  const kind = limiter.heard.isAlive(subject, Date.now()) ? "overloaded" : "unavailable";
  return calls.map(() => ({ kind }));
}

/** The result of a settlement or heartbeat. */
type SettlementResult =
  | { readonly kind: "reservation"; readonly answer: SettledReservation | ExtendedReservation }
  | { readonly kind: "gone" | "unavailable" | "overloaded" }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

const UNAVAILABLE: SettlementResult = { kind: "unavailable" };

/** What reports say of a settlement that failed. */
const REASONS = {
  gone: "reservation_gone",
  unavailable: "limiter_unavailable",
  overloaded: "overloaded",
  invalid: "invalid_request",
} as const;

function resultOfAnswer(answer: ReservationAnswer): SettlementResult {
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

function deniedBy(rule: Rule, request: DecisionRequest, policy: Policy, decisionId: string): Decision {
  const { route: id, costMilli, tier } = request;
  const route = id === null ? null : policy.routes.byId(id);
  const cost = costMilli ?? route?.costMilli ?? MILLI;
  const by = { tier, revision: policy.revision };
  const reasons = [ruleReason(rule)];
  const decision = decisionOf(by, "none", decisionId, cost, "denied_by_rule", [], null, reasons);
  return withUnits(decision, unitsOfRequest(request, route));
}

/** Where a request comes from. */
export interface Origin {
  /** The owner of the idempotency keys: the id of the calling API key, or one name for all of RPC. Without spaces. */
  readonly caller: string;
  /** The subject of the calling service; "" if it has none. Errors of its operations are its own. */
  readonly account: string;
  readonly method: string;
  readonly place: Place;
  readonly requestId: string;
  /** In a batch, how many operations came before these; null: there is only one operation. */
  readonly operationsBefore: number | null;
}

function idOf({ requestId, operationsBefore }: Origin, index: number): string {
  return operationsBefore === null ? requestId : operationId(requestId, operationsBefore + index + 1);
}

/** What the point of an operation that was not decided has: the error is its caller's, and no request of the user. */
function errorAbout(policy: Policy, { caller, account, method, place, requestId }: Origin) {
  return {
    method,
    place,
    requestId,
    account,
    route: "",
    tier: "",
    revision: policy.revision,
    keyId: account === "" ? null : caller,
    upstreamCode: 0,
    upstreamMs: 0,
    limiterMs: 0,
  };
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
