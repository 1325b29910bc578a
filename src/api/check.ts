/**
 * The decision API's logic, behind HTTP and RPC alike: operations in, decisions out, in the same order.
 *
 * One call per user whatever the number of operations; a bad operation fails alone.
 */
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { toMilli } from "../core/units.ts";
import type { Services } from "../gateway/services.ts";
import { userSubject } from "../identity/authenticate.ts";
import type { Policy } from "../policy/compile.ts";
import type { Keep } from "../limiter/combiner.ts";
import { type Fault, parseBy } from "../policy/fault.ts";
import { type Operation, operationSchema } from "./schemas.ts";

/** Calls to objects under way at once in one batch. */
const PARALLEL_USERS = 32;

/** What one operation comes to. */
export type CheckResult =
  | { readonly kind: "decision"; readonly decision: Decision }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/** Checks untrusted operations. Never rejects. `keep` is the caller's `waitUntil`. */
export async function checkMany(
  operations: readonly unknown[],
  services: Pick<Services, "limiter">,
  policy: Policy,
  keep: Keep,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const byUser = new Map<string, { index: number; request: DecisionRequest }[]>();
  operations.forEach((operation, index) => {
    const read = readOperation(operation, policy);
    if (read.kind === "invalid") {
      results[index] = read;
      return;
    }
    const group = byUser.get(read.user);
    if (group) group.push({ index, request: read.request });
    else byUser.set(read.user, [{ index, request: read.request }]);
  });

  const groups = [...byUser];
  const worker = async (): Promise<void> => {
    for (let group = groups.shift(); group; group = groups.shift()) {
      const [user, items] = group;
      const requests = items.map(({ request }) => request);
      const decisions = await services.limiter.decideAll(
        userSubject(user),
        requests,
        policy,
        Date.now(),
        keep,
      );
      items.forEach(({ index }, i) => {
        const decision = decisions[i];
        if (decision) results[index] = { kind: "decision", decision };
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_USERS, groups.length) }, worker));
  return results;
}

type ReadOperation =
  | { readonly kind: "operation"; readonly user: string; readonly request: DecisionRequest }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

function readOperation(input: unknown, policy: Policy): ReadOperation {
  const parsed = parseBy(operationSchema, input);
  if (!parsed.ok) return { kind: "invalid", faults: parsed.faults };
  const operation: Operation = parsed.value;
  const route = operation.route === undefined ? null : policy.routes.byName(operation.route);
  if (operation.route !== undefined && !route) {
    return { kind: "invalid", faults: [{ path: "/route", message: "is no route of the policy" }] };
  }
  if (operation.tier !== undefined && !policy.tiers.has(operation.tier)) {
    return { kind: "invalid", faults: [{ path: "/tier", message: "is no tier of the policy" }] };
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
      idempotencyKey: operation.idempotencyKey ?? null,
    },
  };
}
