/** Sample points. */
import type { Point } from "../../src/analytics/point.ts";

/** A point with default values, except for these fields. */
export function point(fields: Partial<Point> = {}): Point {
  return {
    atMs: 1_763_690_000_000,
    account: "user:acme",
    route: "demo",
    tier: "free",
    outcome: "allowed",
    reason: "ok",
    source: "strict",
    method: "GET",
    colo: "",
    country: "",
    revision: 1,
    keyId: "",
    upstreamStatus: "2xx",
    requestId: "r-1",
    cost: 1,
    limiterMs: 2,
    upstreamMs: 20,
    remainingFraction: 0.9,
    retryAfterMs: 0,
    requests: 1,
    ...fields,
  };
}
