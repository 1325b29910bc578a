/** The bounds of bench/changes.ts: an exact limiter keeps them, and one that is wrong by a single request does not. */
import { expect, it } from "vitest";
import { type Answered, type Change, overAdmission, staleAnswers } from "../../bench/change-bounds.ts";

const LARGE = { capacity: 4, perMs: 0.001 };
const SMALL = { capacity: 2, perMs: 0.001 };

const answer = (sentMs: number, others: Partial<Answered> = {}): Answered => ({
  sentMs,
  knownMs: sentMs + 10,
  isAllowed: true,
  isBlocked: false,
  isKnown: true,
  source: "strict",
  capacity: LARGE.capacity,
  ...others,
});
const change = (sentMs: number, others: Partial<Change> = {}): Change => ({
  sentMs,
  ackMs: sentMs + 100,
  limits: LARGE,
  isReset: false,
  isBlocked: false,
  ...others,
});
const together = (count: number, sentMs: number): Answered[] =>
  Array.from({ length: count }, () => answer(sentMs));

it("allows a burst and its refill, and no request more", () => {
  expect(overAdmission(LARGE, [], together(4, 0))).toBeLessThanOrEqual(0);
  expect(overAdmission(LARGE, [], together(5, 0))).toBeGreaterThan(0);
  expect(overAdmission(LARGE, [], [...together(4, 0), ...together(3, 3_000)])).toBeLessThanOrEqual(0);
  expect(overAdmission(LARGE, [], [...together(4, 0), ...together(4, 3_000)])).toBeGreaterThan(0);
});

it("allows another burst with a reset, and only then", () => {
  const answers = [...together(4, 0), ...together(4, 500)];
  expect(overAdmission(LARGE, [change(200, { isReset: true })], answers)).toBeLessThanOrEqual(0);
  expect(overAdmission(LARGE, [change(2_000, { isReset: true })], answers)).toBeGreaterThan(0);
});

it("counts by the larger limit while a change is not acknowledged, and by the smaller one after it", () => {
  const shrinks = [change(0, { limits: SMALL })];
  expect(overAdmission(LARGE, shrinks, together(4, 50))).toBeLessThanOrEqual(0);
  expect(overAdmission(LARGE, shrinks, together(3, 200))).toBeGreaterThan(0);
});

it("finds answers by the state before an acknowledged change", () => {
  const blocked = [change(0, { isBlocked: true })];
  const rejected = answer(101, { isAllowed: false, isBlocked: true });
  expect(staleAnswers(LARGE, blocked, [answer(100), rejected])).toBe(0);
  expect(staleAnswers(LARGE, blocked, [answer(101)])).toBe(1);
  expect(staleAnswers(LARGE, [change(0, { limits: SMALL })], [answer(101)])).toBe(1);
});

it("lets a lease of before a grant be spent", () => {
  const grows = [change(0, { limits: { ...LARGE, capacity: 6 } })];
  expect(staleAnswers(LARGE, grows, [answer(200, { source: "lease" })])).toBe(0);
  expect(staleAnswers(LARGE, grows, [answer(200)])).toBe(1);
});
