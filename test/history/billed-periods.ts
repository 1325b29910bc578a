/** What holds of the stored periods of an account, however it came to them. */
import { expect } from "vitest";
import type { BilledPeriod } from "../../src/billing/billed-period.ts";
import { usageBySegment } from "../../src/billing/segment.ts";
import type { UsageRow } from "../../src/billing/usage.ts";
import type { BilledUser } from "./billed-user.ts";

/** By route: a sum of bills and ledgers in any order. */
export function sumOf(rows: readonly UsageRow[]): Record<string, [count: number, costMilli: number]> {
  const sums: Record<string, [number, number]> = {};
  for (const { route: name, count, costMilli } of rows) {
    const [sum, cost] = sums[name] ?? [0, 0];
    sums[name] = [sum + count, cost + costMilli];
  }
  return sums;
}

/** Segments cover their period without gaps, no periods overlap, and the usage of a period's segments adds up to the ledger's of its hours. */
export function checkPeriods(user: BilledUser, periods: readonly BilledPeriod[]): void {
  for (const [i, { period, segments, usageAtEnd, anchorDay }] of periods.entries()) {
    const ends = [period.startMs, ...segments.map(({ endMs }) => endMs)];
    expect(segments.map(({ startMs }) => startMs)).toEqual(ends.slice(0, -1));
    expect(ends.at(-1)).toBe(period.endMs);
    expect(segments.length).toBeLessThanOrEqual(64);
    expect(period.startMs).toBeGreaterThanOrEqual(periods[i - 1]?.period.endMs ?? 0);
    const ledger = usageAtEnd ?? user.ledger(period.startMs, period.endMs);
    const before = segments[0]?.usageAtStart ?? [];
    expect(sumOf([...before, ...usageBySegment(segments, ledger).flat()])).toEqual(sumOf(ledger));
    if (usageAtEnd === null) {
      expect(new Date(period.endMs).getUTCDate()).toBe(Math.min(anchorDay, lastDayOf(period.endMs)));
    }
  }
}

function lastDayOf(ms: number): number {
  const date = new Date(ms);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}
