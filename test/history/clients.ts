/** What clients were told, against what the object said and lent: each its own answer, in time, and nothing spent that was not lent. */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Question } from "../../src/objects/object-call.ts";
import { type Asked, DEADLINE_MS, type History } from "./history.ts";
import type { Granted, Wrong } from "./replay.ts";

/** A denial is repeated so long at most. */
const DENIAL_MS = 1_000;

/** Every request has an answer, its own, within the deadline, and of the object only what it gave. */
export function checkAnswers({ entries, asked, lives, faults }: History, wrong: Wrong): void {
  const given = new Map<string, { readonly decision: Decision; readonly question: Question }>();
  for (const entry of entries) {
    if (entry.kind !== "turn" || !entry.kept) continue;
    entry.answers.forEach(({ decision }, i) => {
      const question = entry.questions[i];
      if (decision && question) given.set(decision.decisionId, { decision, question });
    });
  }
  const told = new Set<string>();
  for (const one of asked) {
    const { decision, request, costMilli } = one;
    if (one.failed !== null) wrong("G6", `the limiter threw ${String(one.failed)}`, one);
    if (!decision) {
      if (!one.left && one.failed === null && lives[one.isolate] === one.life)
        wrong("G6", "never answered", one);
      continue;
    }
    if (one.decidedMs - one.atMs > 2 * DEADLINE_MS) wrong("G6", `took ${one.decidedMs - one.atMs} ms`, one);
    if (decision.source === "fallback" && faults === 0) wrong("G6", "decided without the object", one);
    // Under one key even another question gets the first one's answer.
    if (request.idempotencyKey !== null) continue;
    if (decision.cost * 1_000 !== costMilli)
      wrong("G3", `a cost of ${decision.cost} for ${request.route}`, one);
    if (decision.source === "deny-cache" && !isRepeated(one, asked))
      wrong("G2", "refused out of nothing", one);
    if (decision.source !== "strict") continue;
    const from = given.get(decision.decisionId);
    if (!from) wrong("G1", "an answer that the object never gave", one);
    else if (from.question.request.route !== request.route || from.question.request.keyId !== request.keyId) {
      wrong("G3", "somebody else's answer", one);
    }
    if (told.has(decision.decisionId)) wrong("G1", "one decision for two requests", one);
    told.add(decision.decisionId);
  }
}

/** No question reaches the object twice: what is answered without it is not asked, and what fails is not asked again. */
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
    for (const { request, decide } of entry.questions) {
      if (decide && count(request, -1) < 0) wrong("G2", "one request was decided twice", entry);
    }
  }
}

/** Whether this isolate was refused the same a moment ago, until later than now. */
function isRepeated({ isolate, life, request, atMs }: Asked, asked: readonly Asked[]): boolean {
  return asked.some((other) => {
    const { decision } = other;
    if (other.isolate !== isolate || other.life !== life || decision?.outcome !== "denied") return false;
    if (other.request.route !== request.route || other.request.keyId !== request.keyId) return false;
    const elapsedMs = atMs - other.atMs;
    const forMs = Math.min(DENIAL_MS, decision.retryAfterMs ?? DENIAL_MS);
    return decision.source === "strict" && other.decidedMs <= atMs && elapsedMs < forMs;
  });
}

/** No isolate spends more than it was lent, nor later than it may, nor for nobody. */
export function checkLeases(
  { spends, asked }: History,
  granted: ReadonlyMap<string, Granted>,
  wrong: Wrong,
): void {
  const spent = new Map<string, number>();
  for (const spend of spends) {
    const from = granted.get(spend.leaseId);
    if (!from) {
      wrong("G1", "spent of a lease that was never granted", spend);
      continue;
    }
    const milli = (spent.get(spend.leaseId) ?? 0) + spend.costMilli;
    spent.set(spend.leaseId, milli);
    if (milli > from.lease.milli) wrong("G1", `spent ${milli} of a lease of ${from.lease.milli}`, spend);
    if (spend.atMs >= from.atMs + from.lease.forMs) wrong("G4", "spent of a lease that is over", spend);
  }
  const told = asked.filter(({ decision }) => decision?.source === "lease");
  if (told.length !== spends.length)
    wrong("G5", `${spends.length} spent for ${told.length} requests`, { atMs: 0 });
}
