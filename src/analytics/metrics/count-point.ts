/** Counts decisions in metrics. Called from the isolate's flush, so it delays no request. */
import type { Point } from "../point.ts";
import { isCharged, isDecided, outcomeOf } from "../outcome.ts";
import type { MetricDeltas } from "./metric-deltas.ts";
import { shadowedNames } from "../shadowed.ts";
import { subjectHash } from "./distinct.ts";

/** A user with at most this share of their tightest limit left counts as near it. */
const NEAR_FRACTION = 0.1;

export function countPoint(deltas: MetricDeltas, point: Omit<Point, "limits">): void {
  const { route, tier, outcome, reason, source, requests } = point;
  if (!(requests > 0 && Number.isFinite(requests))) return;
  const reported = outcomeOf(outcome, reason, source);
  deltas.add("requests", [route, tier, reported, reason, source], requests);
  if (isCharged(outcome, reason)) deltas.add("cost", [route, tier], point.cost);
  if (point.shadowed !== "") {
    for (const name of shadowedNames(point.shadowed))
      deltas.add("shadowDenials", [name, route, tier], requests);
  }
  if (isDecided(source)) deltas.observe("decisionSeconds", [source], point.limiterMs / 1_000, requests);
  if (point.upstreamStatus !== "none") {
    deltas.observe("upstreamSeconds", [route], point.upstreamMs / 1_000, requests);
  }
  if (point.account === "") return;
  const hash = subjectHash(point.account);
  deltas.see("activeUsers", hash);
  if (point.remainingFraction <= NEAR_FRACTION) deltas.see("usersNearLimit", hash);
}
