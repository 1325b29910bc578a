/** Checks the clients' side: each request got its own answer in time, and no isolate spent more than it was lent. */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Question } from "../../src/objects/object-call.ts";
import { type Asked, CLOCK_ERROR_MS, DEADLINE_MS, type History, type Wrong } from "./history.ts";
import { SLOTS } from "./policies.ts";

/** How long a denial is repeated at most. */
const DENIAL_MS = 1_000;

/** In an isolate that is busy, a wait lasts at most this many deadlines (docs/consistency.md). */
const MAX_STRETCH = 3;

/** By how much an isolate that computed for so long answers later at most: its two waits last longer, and begin later. */
export function busyMs(computedMs: number): number {
  return computedMs > 0 ? computedMs + 2 * (MAX_STRETCH - 1) * DEADLINE_MS : 0;
}

/** Every request has its own answer within the deadline, and every answer by the object was really given. */
export function checkAnswers(
  { schedule, entries, asked, lives, faults, computedMs }: History,
  wrong: Wrong,
): void {
  const given = new Map<string, { readonly decision: Decision; readonly question: Question }>();
  for (const entry of entries) {
    if (entry.kind !== "turn" || !entry.kept) continue;
    entry.answers.forEach(({ decision }, i) => {
      const question = entry.questions[i];
      if (decision && question) given.set(decision.decisionId, { decision, question });
    });
  }
  const seen = new Set<string>();
  // Isolates that compute answer later, and a clock that steps back makes a deadline longer.
  const hasSteps = schedule.steps.some(({ what }) => what.kind === "isolate-clock-steps");
  // Two waits by the isolate's clock, which may run slow.
  const waitMs = DEADLINE_MS * (1 + Math.max(...schedule.slowPpm) / 1_000_000);
  const patienceMs = hasSteps ? Infinity : Math.ceil(2 * waitMs) + busyMs(computedMs);
  for (const one of asked) {
    const { decision, request, costMilli } = one;
    if (one.failed !== null) wrong("G6", `the limiter threw ${String(one.failed)}`, one);
    if (!decision) {
      if (!one.left && one.failed === null && lives[one.isolate] === one.life)
        wrong("G6", "never answered", one);
      continue;
    }
    if (one.decidedMs - one.fromMs > patienceMs) wrong("G6", `took ${one.decidedMs - one.fromMs} ms`, one);
    // A request whose time is up in the queue may still learn what is known of its user.
    const isKnown = decision.outcome === "blocked" || decision.outcome === "revoked";
    if (decision.source === "fallback" && !isKnown && faults === 0 && isAlive(one, asked))
      wrong("G6", "decided without the object", one);
    // With the same idempotency key, even another question gets the first one's answer.
    if (request.idempotencyKey !== null) continue;
    const isLocal = decision.source === "lease" || decision.source === "deny-cache";
    if (isLocal && decision.revision < request.revision)
      wrong("G4", `decided by revision ${decision.revision} after ${request.revision}`, one);
    if (decision.cost * 1_000 !== costMilli)
      wrong("G3", `a cost of ${decision.cost} for ${request.route}`, one);
    if (decision.source === "deny-cache" && !hasSteps && !isRepeated(one, decision, asked))
      wrong(
        "G2",
        `repeated a denial, to be retried in ${decision.retryAfterMs} ms, that was never made`,
        one,
      );
    if (decision.source !== "strict") continue;
    const from = given.get(decision.decisionId);
    if (!from) wrong("G1", "an answer that the object never gave", one);
    else if (from.question.request.route !== request.route || from.question.request.keyId !== request.keyId) {
      wrong("G3", "the answer to another request", one);
    }
    if (seen.has(decision.decisionId)) wrong("G1", "one decision for two requests", one);
    seen.add(decision.decisionId);
  }
}

/**
 * Whether the isolate must know that the object is alive: it has seen an answer within the last deadline, or nothing took answers from it, as
 * clients do that leave while their requests carry the questions of others.
 */
function isAlive({ isolate, life, decidedMs }: Asked, asked: readonly Asked[]): boolean {
  const own = asked.filter((other) => other.isolate === isolate && other.life === life);
  if (!own.some(({ left }) => left)) return true;
  return own.some(
    (other) =>
      other.decision?.source === "strict" &&
      other.decidedMs <= decidedMs &&
      decidedMs - other.decidedMs < DEADLINE_MS,
  );
}

/**
 * No question reaches the object twice: requests decided at the edge are not sent, and failed ones are not sent again. A denial charges
 * nothing: an isolate that holds a lease may ask again, or spend it.
 */
export function checkQuestions({ entries, asked }: History, wrong: Wrong): void {
  const left = new Map<string, number>();
  const count = ({ route, keyId }: DecisionRequest, by: number): number => {
    const name = `${route} ${keyId}`;
    const sum = (left.get(name) ?? 0) + by;
    left.set(name, sum);
    return sum;
  };
  for (const { request, decision } of asked) {
    if (decision?.source !== "lease" && decision?.source !== "deny-cache") count(request, 1);
  }
  for (const entry of entries) {
    if (entry.kind !== "turn") continue;
    entry.questions.forEach(({ request, decide }, i) => {
      if (!decide || entry.answers[i]?.decision?.outcome === "denied") return;
      if (count(request, -1) < 0) wrong("G2", "one request was decided twice", entry);
    });
  }
}

/**
 * Whether the object denied the same request of this isolate a moment ago, for longer than until now, and the repeated denial says the same
 * moment: that counts from when the object was asked.
 */
function isRepeated(one: Asked, { retryAfterMs }: Decision, asked: readonly Asked[]): boolean {
  const { isolate, life, request, costMilli, decidedMs } = one;
  return asked.some((other) => {
    const { decision } = other;
    if (other.isolate !== isolate || other.life !== life || decision?.outcome !== "denied") return false;
    if (other.request.route !== request.route || other.request.keyId !== request.keyId) return false;
    if (other.costMilli !== costMilli || decision.source !== "strict" || other.decidedMs > decidedMs)
      return false;
    // A slot may be free at any time.
    if (decision.violated.includes(SLOTS.name)) return false;
    const elapsedMs = decidedMs - other.fromMs;
    if (decision.retryAfterMs === null)
      return retryAfterMs === null && elapsedMs < DENIAL_MS + CLOCK_ERROR_MS;
    const forMs = Math.min(DENIAL_MS, decision.retryAfterMs) + CLOCK_ERROR_MS;
    const leftMs = Math.max(1, decision.retryAfterMs - elapsedMs);
    return elapsedMs < forMs && Math.abs((retryAfterMs ?? Infinity) - leftMs) <= CLOCK_ERROR_MS;
  });
}

/** No isolate spends more of a lease than it was lent, or after its end; and each spend belongs to a request. */
export function checkLeases({ schedule, entries, asked, computedMs }: History, wrong: Wrong): void {
  const mayLag = computedMs > 0 || schedule.slowPpm.some((ppm) => ppm > 0);
  const sums = new Map<string, number>();
  let spends = 0;
  for (const entry of entries) {
    if (entry.kind !== "spend") continue;
    const { lease, askedMs, asked: by, atMs } = entry;
    spends += 1;
    const milli = (sums.get(lease.id) ?? 0) + by.costMilli;
    sums.set(lease.id, milli);
    if (milli > lease.milli) wrong("G1", `spent ${milli} of a lease of ${lease.milli}`, entry);
    if (atMs >= askedMs + lease.forMs + (mayLag ? CLOCK_ERROR_MS : 0))
      wrong("G4", "spent a lease after its end", entry);
  }
  const leased = asked.filter(({ decision }) => decision?.source === "lease").length;
  if (leased !== spends)
    wrong("G5", `${spends} spends for ${leased} requests decided by a lease`, { atMs: 0 });
}
