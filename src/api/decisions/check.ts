/**
 * The logic of the decision API, for HTTP and RPC: operations in, decisions out, in the same order.
 *
 * All operations of one user take one call. An invalid operation fails alone.
 */
import { pointOf, resultOf } from "../../analytics/decision-point.ts";
import type { Place } from "../../analytics/place.ts";
import type { Decision, DecisionRequest } from "../../core/decision.ts";
import { toMilli } from "../../core/units.ts";
import type { Services } from "../../edge/services.ts";
import { userSubject } from "../../identity/authenticate.ts";
import type { Policy } from "../../policy/compile.ts";
import type { WaitUntil } from "../../wait-until.ts";
import { type Fault, parseBy } from "../../policy/fault.ts";
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
  services: Pick<Services, "limiter" | "recorder">,
  policy: Policy,
  waitUntil: WaitUntil,
  origin: Origin,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const byUser = new Map<string, { index: number; request: DecisionRequest }[]>();
  operations.forEach((operation, index) => {
    const read = readOperation(operation, policy, origin.caller);
    if (read.kind === "invalid") {
      results[index] = read;
      return;
    }
    const group = byUser.get(read.user);
    if (group) group.push({ index, request: read.request });
    else byUser.set(read.user, [{ index, request: read.request }]);
  });

  await inWaves([...byUser], async ([user, items]) => {
    const requests = items.map(({ request }) => request);
    const startedMs = performance.now();
    const nowMs = Date.now();
    const decisions = await services.limiter.decideAll(userSubject(user), requests, policy, nowMs, waitUntil);
    const limiterMs = performance.now() - startedMs;
    items.forEach(({ index }, i) => {
      const decision = decisions[i];
      const request = requests[i];
      if (!decision || !request) return;
      const isMismatch = decision.outcome === "mismatch";
      results[index] = isMismatch ? { kind: "mismatch" } : { kind: "decision", decision };
      // Like the ledger, reports count only what was decided now.
      if (request.peek || isMismatch || decision.replayed) return;
      const point = pointOf(
        { ...pointAbout(user, request, origin), atMs: nowMs, limiterMs },
        decision,
        ...resultOf(decision),
      );
      services.recorder.record(point, waitUntil);
    });
  });
  return results;
}

/** Where a request comes from. Analytics gets everything but the caller. */
export interface Origin {
  /** The owner of the idempotency keys: the id of the calling API key, or one name for all of RPC. Without spaces. */
  readonly caller: string;
  readonly method: string;
  readonly place: Place;
  readonly requestId: string;
}

function pointAbout(user: string, request: DecisionRequest, { method, place, requestId }: Origin) {
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
