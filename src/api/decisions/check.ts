/**
 * The logic of the decision API, for HTTP and RPC: operations in, decisions out, in the same order.
 *
 * All operations of one user take one call. An invalid operation fails alone.
 */
import { pointOf, resultOf } from "../../analytics/decision-point.ts";
import type { Place } from "../../analytics/place.ts";
import { type Decision, decisionOf, type DecisionRequest } from "../../core/decision.ts";
import { MILLI, toMilli } from "../../core/units.ts";
import { countRule, ruleReason, tierByRule } from "../../edge/rule-effects.ts";
import type { Services } from "../../edge/services.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { nextDecisionId } from "../../limiter/decision-id.ts";
import type { Policy } from "../../policy/compile.ts";
import type { WaitUntil } from "../../wait-until.ts";
import { type Fault, parseBy } from "../../policy/fault.ts";
import type { Rule, RuleMatch } from "../../policy/rule.ts";
import type { RuleIndex } from "../../policy/rule-index.ts";
import { loadRuleIndex } from "../../rule-module.ts";
import { unknownName } from "../known-names.ts";
import { type Operation, operationSchema } from "./operation.ts";
import { inWaves } from "./waves.ts";

/** The result of one operation. */
export type CheckResult =
  | { readonly kind: "decision"; readonly decision: Decision }
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
  const byUser = new Map<string, Item[]>();
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
    const { rule, shadow } = ruleFor(services, rules, user, read.request);
    const request = rule ? { ...read.request, tier: tierByRule(rule, read.request.tier) } : read.request;
    const item: Item = { index, request, rule, shadow };
    if (rule?.action === "deny") {
      const decision = deniedBy(rule, request, policy);
      results[index] = { kind: "decision", decision };
      record(user, item, decision, Date.now(), 0);
      return;
    }
    const group = byUser.get(user);
    if (group) group.push(item);
    else byUser.set(user, [item]);
  });

  await inWaves([...byUser], async ([user, items]) => {
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

function deniedBy(rule: Rule, { route, costMilli, tier }: DecisionRequest, policy: Policy): Decision {
  const cost = costMilli ?? (route === null ? null : policy.routes.byId(route)?.costMilli) ?? MILLI;
  const by = { tier, revision: policy.revision };
  return decisionOf(by, "none", nextDecisionId(), cost, "denied_by_rule", [], null, [ruleReason(rule)]);
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

type ReadOperation =
  | { readonly kind: "operation"; readonly user: string; readonly request: DecisionRequest }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/** For a line of NDJSON that cannot be read. */
const UNREADABLE: readonly Fault[] = [{ path: "", message: "is not JSON, or the line is too long" }];

function readOperation(input: unknown, policy: Policy, caller: string): ReadOperation {
  if (input === undefined) return { kind: "invalid", faults: UNREADABLE };
  const parsed = parseBy(operationSchema, input);
  if (!parsed.ok) return { kind: "invalid", faults: parsed.faults };
  const operation: Operation = parsed.value;
  const { idempotencyKey } = operation;
  const route = operation.route === undefined ? null : policy.routes.byName(operation.route);
  if (operation.route !== undefined && !route) {
    const message = `unknown route "${operation.route}": send the "match" of one of the policy's routes`;
    return { kind: "invalid", faults: [{ path: "/route", message }] };
  }
  if (operation.tier !== undefined && !policy.tiers.has(operation.tier)) {
    const fault = unknownName("/tier", "tier", operation.tier, policy.tiers.keys());
    return { kind: "invalid", faults: [fault] };
  }
  return {
    kind: "operation",
    user: operation.user,
    request: {
      revision: policy.revision,
      tier: operation.tier ?? policy.defaultTier,
      route: route?.id ?? null,
      costMilli: operation.cost === undefined ? null : toMilli(operation.cost),
      keyId: null,
      peek: operation.peek ?? false,
      ...(idempotencyKey === undefined
        ? { idempotencyKey: null }
        : { idempotencyKey: `${caller} ${idempotencyKey}`, fingerprint: fingerprintOf(operation) }),
    },
  };
}

/** Of the operation as sent, not as the policy reads it: a policy change between two equal requests is not a mismatch. */
function fingerprintOf({ cost, route, tier, peek = false }: Operation): string {
  return JSON.stringify([cost, route, tier, peek]);
}
