/**
 * Checks the bound itself, in real time and from outside: if the limits never changed and clocks agree, it holds in every window and
 * every period of the admissions.
 */
import { type Asked, DEADLINE_MS, type History } from "./history.ts";
import { isLeased, periodStartMs, type Rule, type TierName, VARIANTS } from "./policies.ts";
import type { Wrong } from "./replay.ts";

const LEASE_MS = 1_000;

interface Admission {
  readonly atMs: number;
  readonly milli: number;
}

export function checkWindows(history: History, tier: TierName, wrong: Wrong): void {
  const { entries, variants } = history;
  const changes = entries.filter(({ kind }) => kind === "change");
  const isSteady = variants.size === 1 && changes.length === 1;
  if (!isSteady || entries.some(({ atMs, localMs }) => atMs !== localMs)) return;
  const admitted = admissions(history);
  const lentMs = isLeased(tier) ? LEASE_MS : 0;
  for (const rule of VARIANTS[0]?.tiers[tier] ?? []) {
    if (rule.byKey) continue;
    if (rule.kind === "quota") checkPeriods(rule, admitted, wrong);
    else checkBucket(rule.milliPerMs, rule.capacityMilli + rule.milliPerMs * lentMs, admitted, "G1", wrong);
  }
  checkFallback(history.asked, tier, wrong);
}

/** What the object and its leases admitted, each once, in order of time. */
function admissions({ entries, spends }: History): Admission[] {
  const admitted = spends.map(({ atMs, costMilli }): Admission => ({ atMs, milli: costMilli }));
  const seen = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== "turn" || !entry.kept) continue;
    entry.answers.forEach(({ decision }, i) => {
      if (!decision?.allowed || entry.questions[i]?.request.peek || seen.has(decision.decisionId)) return;
      seen.add(decision.decisionId);
      admitted.push({ atMs: entry.atMs, milli: decision.cost * 1_000 });
    });
  }
  return admitted.toSorted((a, b) => a.atMs - b.atMs);
}

function checkBucket(
  milliPerMs: number,
  burstMilli: number,
  admitted: readonly Admission[],
  guarantee: string,
  wrong: Wrong,
): void {
  let sum = 0;
  let least = Infinity;
  for (const { atMs, milli } of admitted) {
    least = Math.min(least, sum - milliPerMs * atMs);
    sum += milli;
    if (sum - milliPerMs * atMs - least > burstMilli) {
      wrong(guarantee, `a window with more than ${burstMilli} + ${milliPerMs} per millisecond`, { atMs });
      return;
    }
  }
}

function checkPeriods(rule: Rule, admitted: readonly Admission[], wrong: Wrong): void {
  const byStart = new Map<number, number>();
  for (const { atMs, milli } of admitted) {
    const startMs = periodStartMs(rule, atMs);
    const used = (byStart.get(startMs) ?? 0) + milli;
    byStart.set(startMs, used);
    if (used > rule.capacityMilli)
      wrong("G1", `${used} of ${rule.capacityMilli} in one ${rule.per}`, { atMs });
  }
}

/** An isolate whose object does not answer admits what the limits of the known tier, or of the default, allow a new user. */
function checkFallback(asked: readonly Asked[], tier: TierName, wrong: Wrong): void {
  const rules = [...(VARIANTS[0]?.tiers[tier] ?? []), ...(VARIANTS[0]?.tiers.tight ?? [])];
  const buckets = rules.filter(({ name }) => name === "minute");
  // For other tiers, an isolate admits a whole period's amount, or everything.
  if (!VARIANTS[0]?.tiers[tier].some(({ name }) => name === "minute")) return;
  const isolates = Map.groupBy(
    asked.filter(
      ({ decision, request }) => decision?.source === "fallback" && decision.allowed && !request.peek,
    ),
    ({ isolate, life }) => `${isolate}.${life}`,
  );
  const milliPerMs = Math.max(...buckets.map((rule) => rule.milliPerMs));
  const burstMilli = Math.max(...buckets.map(({ capacityMilli }) => capacityMilli));
  for (const admitted of isolates.values()) {
    checkBucket(
      milliPerMs,
      // It counts from the request's arrival, and decides after the object's deadline.
      burstMilli + milliPerMs * 2 * DEADLINE_MS,
      admitted
        .map(({ decidedMs, costMilli }) => ({ atMs: decidedMs, milli: costMilli }))
        .toSorted((a, b) => a.atMs - b.atMs),
      "G6",
      wrong,
    );
  }
}
