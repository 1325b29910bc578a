/** Points for tests. */
import {
  FIELD_NAMES,
  isPoint,
  missingValue,
  type Point,
  type WaitingPoint,
} from "../../src/analytics/point.ts";

/** A point without values. Spread it first, so that a test names only the fields that matter to it. */
export const EMPTY_POINT: Point = emptyPoint();

/** An allowed request, with these fields changed. */
export function point(fields: Partial<Point> = {}): Point {
  return {
    ...EMPTY_POINT,
    atMs: 1_763_690_000_000,
    account: "user:acme",
    route: "demo",
    tier: "free",
    outcome: "allowed",
    reason: "ok",
    source: "strict",
    method: "GET",
    revision: 1,
    upstreamStatus: "2xx",
    requestId: "r-1",
    cost: 1,
    limiterMs: 2,
    upstreamMs: 20,
    remainingFraction: 0.9,
    requests: 1,
    ...fields,
  };
}

/** The same, before it is sent. */
export function waitingPoint(fields: Partial<WaitingPoint> = {}): WaitingPoint {
  return { ...point(), limits: null, ...fields };
}

function emptyPoint(): Point {
  const empty = Object.fromEntries(FIELD_NAMES.map((name) => [name, missingValue(name)]));
  if (isPoint(empty)) return empty;
  throw new TypeError("a point without values is not a point");
}
