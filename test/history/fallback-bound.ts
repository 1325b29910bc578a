/** Checks what isolates admit by themselves while the object does not answer. */
import { busyMs } from "./clients.ts";
import { DEADLINE_MS, type History, type Wrong } from "./history.ts";
import { type TierName, VARIANTS } from "./policies.ts";

interface Admission {
  readonly atMs: number;
  readonly milli: number;
}

/** An isolate whose object does not answer admits what the limits of the known tier, or of the default, allow a new user. */
export function checkFallback(history: History, tier: TierName, wrong: Wrong): void {
  const { asked, entries, variants, computedMs } = history;
  const changes = entries.filter(({ kind }) => kind === "change");
  const isSteady = variants.size === 1 && changes.length === 1;
  if (!isSteady || entries.some(({ atMs, localMs }) => atMs !== localMs)) return;
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
      burstMilli + milliPerMs * (2 * DEADLINE_MS + busyMs(computedMs)),
      admitted
        .map(({ decidedMs, costMilli }) => ({ atMs: decidedMs, milli: costMilli }))
        .toSorted((a, b) => a.atMs - b.atMs),
      "G6",
      wrong,
    );
  }
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
