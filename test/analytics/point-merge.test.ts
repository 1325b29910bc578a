/** Merging points changes no sum and no percentile of a report. */
import { expect, it } from "vitest";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import { mergePoints } from "../../src/analytics/point-merge.ts";
import { randomRows } from "../reports/random-rows.ts";

/** Points as an isolate has them: many, of few users. */
function points(): WaitingPoint[] {
  return randomRows(5, 2_000, 3).map(({ weight: _none, limits: _text, ...row }, i) => {
    const like = {
      reason: "ok",
      route: "/identify",
      tier: "free",
      keyId: "",
      method: "GET",
      colo: "",
      country: "",
    };
    const same = { upstreamStatus: "2xx", revision: 1 } as const;
    const source = i % 2 === 0 ? "strict" : "lease";
    const outcome = i % 10 === 0 ? "denied" : "allowed";
    return Object.assign(row, like, same, {
      outcome,
      source,
      limiterMs: i % 4,
      requests: 1,
      limits: null,
    } as const);
  });
}

/** The latency of each request. */
function latencies(all: readonly WaitingPoint[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { limiterMs, source, account, requests } of all) {
    const name = `${source} ${account} ${limiterMs}`;
    counts[name] = (counts[name] ?? 0) + requests;
  }
  return counts;
}

const cost = (all: readonly WaitingPoint[]): number => all.reduce((sum, point) => sum + point.cost, 0);

it("merging reduces the number of points and keeps every request, cost and latency", () => {
  const merged = mergePoints(points());
  expect(merged.length).toBeLessThan(300);
  expect(latencies(merged)).toEqual(latencies(points()));
  expect(cost(merged)).toBeCloseTo(cost(points()), 6);
});

it("denials by an object are not merged", () => {
  const denied = mergePoints(points()).filter(({ outcome }) => outcome === "denied");
  expect(denied).toHaveLength(200);
  expect(denied.every(({ requests }) => requests === 1)).toBe(true);
});
