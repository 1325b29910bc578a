/** The text of what was left of each limit. */
import { expect, it } from "vitest";
import { limitsText } from "../../src/analytics/limit-levels.ts";
import { WaitingPoints } from "../../src/analytics/point-merge.ts";
import type { LimitView } from "../../src/core/decision.ts";
import { waitingPoint } from "../metrics/points.ts";

const MINUTE: LimitView = {
  name: "minute",
  kind: "bucket",
  limit: 150,
  remaining: 149.125,
  resetMs: 525,
  windowMs: 90_000,
};
const UPLOADS: LimitView = { ...MINUTE, name: "uploads", kind: "concurrency", limit: 5, remaining: 3 };

it("names each limit with what is left, and distinguishes slots, no limits and no decision", () => {
  const tokens: LimitView = { ...MINUTE, name: "tpm", unit: "tokens" };
  expect(limitsText([MINUTE, tokens, UPLOADS])).toBe(
    "minute=149.125/150;tpm=149.125/150 of tokens;uploads=3/5 slots",
  );
  expect([limitsText([]), limitsText(null)]).toEqual(["none", ""]);
});

it("leaves out whole limits rather than be cut within a number", () => {
  const many = Array.from({ length: 40 }, (_, i) => ({ ...MINUTE, name: `limit-${i}` }));
  const text = limitsText(many);
  expect(text.length).toBeLessThan(512);
  expect(text.split(";").every((part) => /^limit-\d+=149\.125\/150$/.test(part))).toBe(true);
});

it("a merged point keeps the limits of its first request, whose id it has", () => {
  const points = Array.from({ length: 60 }, (_, i) =>
    waitingPoint({ requestId: `r-${i}`, source: "lease", limits: [{ ...MINUTE, remaining: 100 - i }] }),
  );
  const waiting = new WaitingPoints();
  for (const point of points) waiting.add(point);
  const [merged, ...others] = waiting.take(Infinity);
  expect(others).toEqual([]);
  expect([merged?.requestId, limitsText(merged?.limits ?? null)]).toEqual(["r-0", "minute=100/150"]);
});
