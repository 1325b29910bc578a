/**
 * Fixtures for tests of the user's object: the clock, policies in KV, and requests.
 *
 * The object runs in the isolate of the test, so a fake clock is its clock too. Timers are faked as well, and nothing sleeps.
 */
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { DecisionRequest } from "../../src/core/decision.ts";
import type { Period } from "../../src/core/token-bucket.ts";
import { documentKey } from "../../src/policy/policy-store.ts";
import type { LimitDocument, PolicyDocument } from "../../src/policy/schema.ts";

/**
 * Noon of a day in the middle of a month, far from the end of any hour, day or month. Far in the future, because the runtime runs
 * alarms by its own clock, which is not faked, and would run an alarm in its past at once.
 */
export const START_MS = Date.UTC(2100, 9, 14, 12);

type TierDocument = PolicyDocument["tiers"][string];

const wait = scheduler.wait.bind(scheduler);

/** For `beforeEach`. */
export function startClock(): void {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: START_MS });
  hurry();
}

/** Background work (batches of points, fences) waits a millisecond at most, until `stopClock`. */
export function hurry(): void {
  vi.spyOn(scheduler, "wait").mockImplementation(async (ms) => wait(Math.min(ms, 1)));
}

/** For `afterEach`: restores the real clock and all mocked functions. */
export function stopClock(): void {
  vi.restoreAllMocks();
  vi.useRealTimers();
}

/** Advances the clock by `ms` without firing timers, as between two requests of a busy user. */
export function later(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Drops all pending timers. Keeps the time, which vitest would reset. */
export function dropTimers(): void {
  const nowMs = Date.now();
  vi.clearAllTimers();
  vi.setSystemTime(nowMs);
}

/** A bucket named `bucket`, `tokens` per period. */
export function bucket(tokens: number, per: Period, burst: number, name = "bucket"): LimitDocument {
  return { name, kind: "bucket", tokens, per, burst };
}

/** A quota named `quota`. */
export function quota(amount: number, per: "hour" | "day" | "month", name = "quota"): LimitDocument {
  return { name, kind: "quota", amount, per };
}

/** Files share a workerd: each continues beyond the revisions of the previous one. */
let revisions = Date.now();

/**
 * Puts a policy into KV. Revisions grow from test to test, since an isolate never goes back to an older one.
 * @returns its revision.
 */
export async function publish(
  tiers: Readonly<Record<string, TierDocument>>,
  routes: PolicyDocument["routes"] = [],
  others: Partial<PolicyDocument> = {},
): Promise<number> {
  const [first = ""] = Object.keys(tiers);
  const named = { anonymousTier: first, defaultTier: first };
  const document: PolicyDocument = { schema: 1, tiers, routes, ...named, ...others };
  const revision = nextRevision();
  await env.CONFIG.put(documentKey(revision), JSON.stringify(document));
  return revision;
}

/** A policy of one tier with these limits. */
export function publishLimits(...limits: LimitDocument[]): Promise<number> {
  return publish({ free: { limits } });
}

/** The next revision, without a document yet. */
export function nextRevision(): number {
  revisions += 1;
  return revisions;
}

/** A request for one token of the tier "free"; `given` overrides fields. */
export function request(given: Partial<DecisionRequest> = {}): DecisionRequest {
  return {
    revision: 0,
    tier: "free",
    route: null,
    costMilli: null,
    keyId: null,
    peek: false,
    idempotencyKey: null,
    ...given,
  };
}
