/**
 * The judge of G2 from outside: a request is denied only if one of its limits does not hold it at some moment between its sending and its
 * answer, by what was really admitted. What is lent and not spent does not count; what was spent of a lease refills from its settlement
 * on. For histories without faults and changes.
 */
import type { Asked, History } from "./history.ts";
import { counterOf } from "./model.ts";
import { type Rule, type TierName, VARIANTS } from "./policies.ts";

/** A change of what is used of a user's limits. Millitokens. */
interface Use {
  readonly atMs: number;
  readonly counters: ReadonlySet<string>;
  /** From now on, it refills. */
  readonly charged: number;
  /** Spent of a lease, and not settled. */
  readonly unsettled: number;
}

/** The denied requests that their limits hold. @param tier of the user, throughout. */
export function unfoundedDenials(history: History, tier: TierName): Asked[] {
  const uses = usesOf(history, tier);
  return history.asked.filter((one) => {
    if (one.decision?.outcome !== "denied") return false;
    return rulesOf(tier, one.request).every(([counter, rule]) => {
      const ofCounter = uses.filter(({ counters }) => counters.has(counter));
      return mostUsedMilli(rule, ofCounter, one.fromMs, one.decidedMs) + one.costMilli <= rule.capacityMilli;
    });
  });
}

/** In order of time. */
function usesOf({ entries }: History, tier: TierName): Use[] {
  const uses: Use[] = [];
  const spent = new Map<string, Use[]>();
  for (const entry of entries) {
    const { atMs } = entry;
    if (entry.kind === "spend") {
      const { request, costMilli } = entry.asked;
      const use = { atMs, counters: countersOf(tier, request), charged: 0, unsettled: costMilli };
      spent.set(entry.lease.id, [...(spent.get(entry.lease.id) ?? []), use]);
      uses.push(use);
    }
    if (entry.kind !== "turn") continue;
    for (const { leaseId } of entry.settlements) {
      for (const { counters, unsettled } of spent.get(leaseId ?? "") ?? [])
        uses.push({ atMs, counters, charged: unsettled, unsettled: -unsettled });
    }
    entry.answers.forEach(({ decision }, i) => {
      const request = entry.questions[i]?.request;
      if (!request || request.peek || !decision?.allowed || decision.replayed) return;
      uses.push({ atMs, counters: countersOf(tier, request), charged: decision.cost * 1_000, unsettled: 0 });
    });
  }
  return uses;
}

/** The most that is used of a limit at any moment from one time to another. */
function mostUsedMilli({ milliPerMs }: Rule, uses: readonly Use[], fromMs: number, toMs: number): number {
  let [charged, unsettled, lastMs] = [0, 0, 0];
  let most = 0;
  const bring = (atMs: number): void => {
    charged = Math.max(0, charged - milliPerMs * (atMs - lastMs));
    lastMs = atMs;
    if (atMs >= fromMs) most = Math.max(most, charged + unsettled);
  };
  for (const use of [...uses.filter(({ atMs }) => atMs <= toMs), null]) {
    if (lastMs < fromMs && (use?.atMs ?? toMs) >= fromMs) bring(fromMs);
    if (!use) break;
    bring(use.atMs);
    charged += use.charged;
    unsettled += use.unsettled;
    bring(use.atMs);
  }
  return most;
}

type Counted = Pick<Asked["request"], "route" | "keyId">;

function countersOf(tier: TierName, request: Counted): ReadonlySet<string> {
  return new Set(rulesOf(tier, request).map(([counter]) => counter));
}

function rulesOf(tier: TierName, { route, keyId }: Counted): (readonly [string, Rule])[] {
  const variant = VARIANTS[0];
  if (!variant) throw new Error("there is no policy");
  const rules = route === "/own" ? [...variant.tiers[tier], variant.own] : variant.tiers[tier];
  return rules.flatMap((rule) => {
    const counter = counterOf(rule, keyId);
    return counter === null ? [] : [[counter, rule] as const];
  });
}
