/** Reads untrusted operations of the decision API: what to ask a user's object, or what is wrong with them. */
import type { DecisionRequest } from "../../core/decision.ts";
import { unknownName } from "../known-names.ts";
import type { ReservationCall } from "../../objects/reservation.ts";
import type { Policy } from "../../policy/compile.ts";
import { costOf } from "../../policy/costs.ts";
import { type Fault, parseBy } from "../../policy/fault.ts";
import type { CostDocument } from "../../policy/scalars.ts";
import { type Operation, operationSchema, settleSchema } from "./operation.ts";

export type ReadOperation =
  | { readonly kind: "check"; readonly user: string; readonly request: DecisionRequest }
  | { readonly kind: "settle"; readonly user: string; readonly call: ReservationCall }
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/** For a line of NDJSON that cannot be read. */
const UNREADABLE: readonly Fault[] = [{ path: "", message: "is not JSON, or the line is too long" }];

/** @param caller the owner of the idempotency keys. @param decisionId of a decision that is remembered for its key. */
export function readOperation(
  input: unknown,
  policy: Policy,
  caller: string,
  decisionId: string,
): ReadOperation {
  if (input === undefined) return { kind: "invalid", faults: UNREADABLE };
  return isSettlement(input) ? readSettlement(input) : readCheck(input, policy, caller, decisionId);
}

/** Of a batch, in which settlements and checks are mixed. */
function isSettlement(input: unknown): boolean {
  return typeof input === "object" && input !== null && Object.hasOwn(input, "reservation");
}

/** Reads one settlement or heartbeat. */
export function readSettlement(input: unknown): ReadOperation {
  const parsed = parseBy(settleSchema, input);
  if (!parsed.ok) return { kind: "invalid", faults: parsed.faults };
  const { user, reservation: id, cost, extendMs } = parsed.value;
  const call: ReservationCall =
    extendMs === undefined ? { kind: "settle", id, ...costOf(cost ?? 0) } : { kind: "extend", id, extendMs };
  return { kind: "settle", user, call };
}

function readCheck(input: unknown, policy: Policy, caller: string, decisionId: string): ReadOperation {
  const parsed = parseBy(operationSchema, input);
  if (!parsed.ok) return { kind: "invalid", faults: parsed.faults };
  const operation: Operation = parsed.value;
  const route = operation.route === undefined ? null : policy.routes.byName(operation.route);
  const faults = faultsOf(operation, route !== null, policy);
  if (faults.length > 0) return { kind: "invalid", faults };
  const { user, tier, cost, idempotencyKey, peek = false, reserve } = operation;
  const { costMilli, units } = cost === undefined ? { costMilli: null, units: null } : costOf(cost);
  return {
    kind: "check",
    user,
    request: {
      revision: policy.revision,
      tier: tier ?? policy.defaultTier,
      route: route?.id ?? null,
      costMilli,
      ...(units === null ? {} : { units }),
      keyId: null,
      peek,
      // Only by settling can a caller give slots back.
      reserve: reserve ?? "slots",
      ...(idempotencyKey === undefined
        ? { idempotencyKey: null }
        : {
            idempotencyKey: `${caller} ${idempotencyKey}`,
            fingerprint: fingerprintOf(operation),
            decisionId,
          }),
    },
  };
}

function faultsOf(
  { route, tier, cost, peek, reserve }: Operation,
  isRoute: boolean,
  policy: Policy,
): Fault[] {
  const faults: Fault[] = [];
  if (route !== undefined && !isRoute) {
    const message = `unknown route "${route}": send the "match" of one of the policy's routes`;
    faults.push({ path: "/route", message });
  }
  if (tier !== undefined && !policy.tiers.has(tier)) {
    faults.push(unknownName("/tier", "tier", tier, policy.tiers.keys()));
  }
  for (const unit of typeof cost === "object" ? Object.keys(cost) : []) {
    if (!policy.units.has(unit)) faults.push(unknownName(`/cost/${unit}`, "unit", unit, policy.units));
  }
  if (reserve !== undefined && peek === true) {
    faults.push({ path: "/reserve", message: "must be left out with peek, which charges nothing" });
  }
  if (reserve !== undefined && cost !== undefined && isFree(cost)) {
    faults.push({ path: "/cost", message: "must be above 0 to be reserved" });
  }
  return faults;
}

function isFree(cost: CostDocument): boolean {
  const { costMilli, units } = costOf(cost);
  return costMilli === 0 && units === null;
}

/** Of the operation as sent, not as the policy reads it: a policy change between two equal requests is not a mismatch. */
function fingerprintOf({ cost, route, tier, peek = false, reserve }: Operation): string {
  const amounts =
    typeof cost === "object" ? Object.entries(cost).toSorted(([a], [b]) => (a < b ? -1 : 1)) : cost;
  // A Worker from before reservations has stored fingerprints without them.
  return JSON.stringify([amounts, route, tier, peek, ...(reserve ? [reserve.ttlMs] : [])]);
}
