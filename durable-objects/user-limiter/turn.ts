/**
 * One turn of a user's object: settlements, then questions in order, then one write of what they rest on. Synchronous, so nothing
 * comes between; the answers may leave once the write is on disk, which the output gate sees to.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Answer, Lease, Question, Settlement } from "../../src/objects/object-call.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { type Decided, decide, mismatch, replay, unremembered } from "./decide.ts";
import { giveUpLate, grant, settle } from "./lease-desk.ts";
import type { Memory } from "./memory.ts";
import { isSameQuestion, type Remembered } from "./remembered-decisions.ts";

export interface Turn {
  /** In the order of the questions. */
  readonly answers: Answer[];
  /** Whether a decision was kept for its idempotency key, to be forgotten some time. */
  readonly remembers: boolean;
}

/** @param isAlone write the state exactly, if at all: nothing else is expected before the user pauses. */
export function takeTurn(
  memory: Memory,
  policy: Policy,
  settlements: readonly Settlement[],
  questions: readonly Question[],
  isAlone: boolean,
  nowMs: number,
): Turn {
  // Who only peeks costs no row, not even for the revision seen: nothing rests on the answer.
  const charges = questions.some(({ request, decide: isAsked }) => isAsked && !request.peek);
  let mustWrite = charges && memory.revision < policy.revision;
  if (charges) memory.revision = Math.max(memory.revision, policy.revision);
  if (giveUpLate(memory, policy, nowMs)) memory.unsettled = true;
  for (const settlement of settlements) {
    if (settle(memory, policy, settlement, nowMs)) mustWrite = true;
  }
  const toRemember = new Map<string, Remembered>();
  const answers: { decision: Decision | null; lease: Lease | null }[] = [];
  let wantsLease = false;
  for (const { request, decide: isAsked, wantMilli } of questions) {
    const decided = isAsked ? decideOnce(memory, policy, request, toRemember, nowMs) : null;
    mustWrite ||= decided?.mustWrite ?? false;
    wantsLease ||= wantMilli > 0;
    answers.push({ decision: decided?.decision ?? null, lease: null });
  }
  if (wantsLease) {
    // A user that was just refused is near a limit.
    const asked = questions.map((question, i) => ({
      question,
      allowed: answers[i]?.decision?.allowed ?? true,
    }));
    grant(memory, policy, asked, nowMs).forEach((lease, i) => {
      const answer = answers[i];
      if (answer) answer.lease = lease;
      mustWrite ||= lease !== null;
    });
  }
  if (mustWrite || toRemember.size > 0 || memory.ledger.isLong) {
    if (isAlone) memory.makeExact(nowMs);
    if (toRemember.size === 0) memory.save(nowMs);
    else {
      memory.transact(() => {
        memory.writeState(nowMs);
        for (const [key, decided] of toRemember) memory.remembered.put(key, decided, nowMs);
      });
    }
  }
  return { answers, remembers: toRemember.size > 0 };
}

/** One decision, or the one that was remembered for its idempotency key; a new allowed one is added to `toRemember`. */
function decideOnce(
  memory: Memory,
  policy: Policy,
  request: DecisionRequest,
  toRemember: Map<string, Remembered>,
  nowMs: number,
): Decided {
  const { idempotencyKey, peek, fingerprint = null } = request;
  if (idempotencyKey === null) return decide(memory, policy, request, nowMs);
  const { remembered } = memory;
  const before = toRemember.get(idempotencyKey) ?? remembered.find(idempotencyKey, nowMs);
  if (before) return isSameQuestion(request, before) ? replay(before.decision) : mismatch(before.decision);
  const fullForMs = peek ? 0 : remembered.fullForMs(toRemember.size, nowMs);
  if (fullForMs > 0) {
    const peeked = decide(memory, policy, { ...request, peek: true }, nowMs);
    // A charge that cannot be remembered would be charged again by a retry. A denial charges nothing.
    if (peeked.decision.allowed) return unremembered(peeked.decision, fullForMs);
  }
  const decided = decide(memory, policy, request, nowMs);
  const { decision } = decided;
  if (decision.allowed && !peek) toRemember.set(idempotencyKey, { decision, fingerprint });
  return decided;
}
