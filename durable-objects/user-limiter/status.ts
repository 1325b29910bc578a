/** A user's limits and usage, for the user and operators. Charges nothing. */
import { loadedBilling } from "../../src/billing-module.ts";
import { periodAt } from "../../src/core/calendar.ts";
import { limitView } from "../../src/core/decision.ts";
import { type Meter, read } from "../../src/core/limit.ts";
import { type Charge, decidePlan, effective } from "../../src/core/plan.ts";
import { addUnits, unitAmounts, type UnitCosts } from "../../src/core/unit-costs.ts";
import { toTokens } from "../../src/core/units.ts";
import type {
  LimitStatus,
  OpenReservations,
  StatusRequest,
  UserStatus,
} from "../../src/objects/user-status.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import { chargeExpired } from "./lease-settlement.ts";
import type { Usage } from "./ledger.ts";
import type { Memory } from "./memory.ts";

export function statusOf(memory: Memory, policy: Policy, request: StatusRequest, nowMs: number): UserStatus {
  // As a decision does: otherwise, after a crash with open leases, they would stay set aside until the next decision.
  if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
  const { accounts, counters, keys, leases, ledger, hasTables } = memory;
  const { account } = accounts;
  if (request.keyId !== null && !keys.isValid(request.keyId, nowMs)) return { kind: "revoked" };
  const tier = accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
  const { charges, shadow } = memory.chargesFor(tier, null, request.keyId);
  const limitsOf = (of: readonly Charge[]): LimitStatus[] => {
    counters.prepare(of, policy, leases, nowMs);
    const plan = decidePlan(of, memory.forecast(of, policy, nowMs), 0, nowMs, leases);
    // `before`, since even a request of cost 0 takes a slot.
    return effective({ ...plan, after: plan.before }).map((meter) => limitStatus(meter, nowMs));
  };
  const usage = (fromMs: number) => usageView(ledger.since(fromMs, hasTables));
  const [module, { billing: desk }] = [loadedBilling(), memory];
  const billing = module && desk && account && module.statusBilling(desk, policy, account);
  return {
    kind: "status",
    tier: tier.name,
    status: accounts.status,
    revision: policy.revision,
    limits: limitsOf(charges),
    ...(shadow ? { shadow: limitsOf(shadow) } : {}),
    usage: {
      hour: usage(periodAt("hour", nowMs).startMs),
      day: usage(periodAt("day", nowMs).startMs),
      month: usage(periodAt("month", nowMs).startMs),
    },
    ...(billing ? { billing } : {}),
    ...reservationsOf(memory, nowMs),
  };
}

/** What open reservations hold together; nothing if there are none. */
function reservationsOf({ reservations }: Memory, nowMs: number): { reservations?: OpenReservations } {
  const open = reservations.cells(nowMs);
  if (open.length === 0) return {};
  let units: UnitCosts | null = null;
  for (const reserved of open) if (reserved.units) units = addUnits(units, reserved.units);
  const cost = toTokens(open.reduce((sum, { costMilli }) => sum + costMilli, 0));
  return { reservations: { open: open.length, cost, ...(units ? { units: unitAmounts(units) } : {}) } };
}

function limitStatus(meter: Meter, nowMs: number): LimitStatus {
  const view = limitView(read(meter, nowMs));
  if (meter.kind !== "quota") return view;
  const { startMs, endMs, usedMilli } = meter.state;
  const [start, end] = [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
  return { ...view, period: { start, end, used: toTokens(usedMilli) } };
}

function usageView({ requests, costMilli, denied, units }: Usage) {
  return { requests, cost: toTokens(costMilli), denied, ...(units ? { units: unitAmounts(units) } : {}) };
}
