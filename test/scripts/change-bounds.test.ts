/** The bounds of bench/changes.ts: an exact limiter keeps them, and one that is wrong by a single request does not. */
import { expect, it } from "vitest";
import {
  type Answered,
  asAcknowledged,
  type Change,
  heldBy,
  outdatedAnswers,
  overAdmission,
  staleAnswers,
} from "../../bench/change-bounds.ts";

const LARGE = { capacity: 4, perMs: 0.001 };
const SMALL = { capacity: 2, perMs: 0.001 };

const answer = (sentMs: number, others: Partial<Answered> = {}): Answered => ({
  isolate: 0,
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
  isolate: 0,
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
  expect(staleAnswers(LARGE, blocked, [answer(100), rejected])).toHaveLength(0);
  expect(staleAnswers(LARGE, blocked, [answer(101)])).toHaveLength(1);
  expect(staleAnswers(LARGE, [change(0, { limits: SMALL })], [answer(101)])).toHaveLength(1);
});

it("lets a lease of before a grant be spent", () => {
  const grows = [change(0, { limits: { ...LARGE, capacity: 6 } })];
  expect(staleAnswers(LARGE, grows, [answer(200, { source: "lease" })])).toHaveLength(0);
  expect(staleAnswers(LARGE, grows, [answer(200)])).toHaveLength(1);
});

/** Revisions of a policy: the capacity is the number. */
const revisionOf = (capacity: number): number => capacity;
const revised = (sentMs: number, capacity: number, isolate = 0): Change =>
  change(sentMs, { limits: { ...SMALL, capacity }, isolate });

it("finds answers by an older policy: where it was changed, of the object, and anywhere after a second", () => {
  const changes = [revised(0, 2)];
  const outdated = (...answers: Answered[]): number => outdatedAnswers(changes, answers, revisionOf).length;
  const by = (sentMs: number, capacity: number, others: Partial<Answered> = {}): Answered =>
    answer(sentMs, { capacity, isolate: 1, ...others });
  // In the isolate of the change, from its acknowledgement on.
  expect(outdated(by(100, 1, { isolate: 0 }))).toBe(0);
  expect(outdated(by(101, 1, { isolate: 0, source: "lease" }))).toBe(1);
  expect(outdated(by(101, 2, { isolate: 0, source: "lease" }))).toBe(0);
  // Elsewhere, the object knows of it with the first question of an isolate that does, and never goes back.
  expect(outdated(by(150, 1), by(200, 2), by(205, 1), by(300, 1, { source: "lease" }))).toBe(0);
  expect(outdated(by(200, 2), by(211, 1))).toBe(1);
  expect(
    outdated(by(200, 2), by(1_250, 1, { source: "lease" }), by(1_250, 1, { source: "deny-cache" })),
  ).toBe(0);
  expect(
    outdated(by(200, 2), by(1_270, 1, { source: "lease" }), by(1_270, 1, { source: "deny-cache" })),
  ).toBe(2);
});

it("counts by the larger limit until the object decides by the new policy and nothing is left of before", () => {
  const changes = [revised(0, 2)];
  const knows = answer(1_000, { capacity: 2, isAllowed: false });
  const late = asAcknowledged(changes, [knows], revisionOf);
  expect(late).toMatchObject([{ sentMs: 0, ackMs: 2_062 }]);
  expect(overAdmission(LARGE, late, together(4, 2_000))).toBeLessThanOrEqual(0);
  expect(overAdmission(LARGE, late, together(5, 2_000))).toBeGreaterThan(0);
  expect(overAdmission(LARGE, late, together(3, 2_063))).toBeGreaterThan(0);
  expect(asAcknowledged(changes, [], revisionOf)).toMatchObject([{ ackMs: Infinity }]);
});

it("lets a killed isolate take from the ledger what it admitted from leases shortly before, and nothing else", () => {
  const kills = [{ isolate: 0, atMs: 5_000 }];
  const leased = (sentMs: number, others: Partial<Answered> = {}) =>
    answer(sentMs, { source: "lease", ...others });
  expect(heldBy(kills, [leased(3_900), leased(3_990), leased(4_990)], 1_000)).toBe(2);
  expect(heldBy(kills, [answer(4_500), leased(4_500, { isolate: 1 }), leased(5_001)], 1_000)).toBe(0);
});
