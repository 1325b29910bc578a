/**
 * One turn of a user's object: settlements, then questions in order, then one write of the state they rest on. Synchronous, so nothing
 * interleaves. The output gate holds the answers until the write is on disk.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Lease, ObjectAnswer, Question, Settlement } from "../../src/objects/object-call.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { decide, mismatch, replay, unremembered } from "./decide.ts";
import { lend } from "./lease-desk.ts";
import { chargeExpired, settle } from "./lease-settlement.ts";
import type { Memory } from "./memory.ts";
import { isSameQuestion, type Remembered } from "./remembered-decisions.ts";

export interface Turn {
  /** In the order of the questions. */
  readonly answers: ObjectAnswer[];
  /** Whether a decision was stored for its idempotency key, to be deleted later. */
  readonly remembers: boolean;
  /** Whether the account has changed, since a billing period has ended, or an event was queued: publish it. */
  readonly publishes: boolean;
}

/** How a turn differs from most others. */
export interface TurnKind {
  /** Write the exact state in this turn: no other request came lately, and probably none follows before the user pauses. */
  readonly isAlone: boolean;
  /** Lend nothing: a reset waits until nothing is lent. */
  readonly isResetting: boolean;
  /** The isolate holds leases of the user, which it can give up. */
  readonly holdsLeases: boolean;
}

export function takeTurn(
  memory: Memory,
  policy: Policy,
  settlements: readonly Settlement[],
  questions: readonly Question[],
  { isAlone, isResetting, holdsLeases }: TurnKind,
  nowMs: number,
): Turn {
  const publishes = memory.advanceBilling(policy, nowMs);
  // A peek writes no row, not even for the revision it saw: nothing rests on the answer.
  const asking = questions.find(
    ({ request, decide: isAsked, wantMilli }) => (isAsked && !request.peek) || wantMilli > 0,
  );
  if (asking) memory.adoptPolicy(policy, asking.request.tier, nowMs);
  if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
  memory.expireReservations(nowMs);
  for (const settlement of settlements) settle(memory, policy, settlement, nowMs);
  const toRemember = new Map<string, Remembered>();
  const answers: { readonly decision: Decision | null; lease: Lease | null }[] = [];
  let wantsLease = false;
  for (const { request, decide: isAsked, wantMilli, isLast = false } of questions) {
    const mayAskAgain = holdsLeases && !isLast;
    const decision = isAsked ? decideOnce(memory, policy, request, mayAskAgain, toRemember, nowMs) : null;
    wantsLease ||= wantMilli > 0;
    answers.push({ decision, lease: null });
  }
  if (wantsLease && !isResetting) lend(memory, policy, questions, answers, nowMs);
  if (toRemember.size > 0) memory.mustWrite = true;
  const isExact = isAlone && memory.needsCheckpoint;
  if (memory.isWriteDue(nowMs) || isExact) {
    if (isExact) memory.makeExact(nowMs);
    if (toRemember.size === 0) memory.save(nowMs);
    else {
      memory.transact(() => {
        memory.writeState(nowMs);
        for (const [key, decided] of toRemember) memory.remembered.put(key, decided, nowMs);
      });
    }
  }
  const reports = policy.events !== null && memory.reportAlerts(policy, nowMs);
  return { answers, remembers: toRemember.size > 0, publishes: publishes || reports };
}

/** One decision, or the one that is remembered for its idempotency key. Adds a new allowed one to `toRemember`. */
function decideOnce(
  memory: Memory,
  policy: Policy,
  request: DecisionRequest,
  mayAskAgain: boolean,
  toRemember: Map<string, Remembered>,
  nowMs: number,
): Decision {
  const { idempotencyKey, peek, fingerprint = null, decisionId } = request;
  if (idempotencyKey === null) return decide(memory, policy, request, nowMs, mayAskAgain);
  const { remembered } = memory;
  const before = toRemember.get(idempotencyKey) ?? remembered.find(idempotencyKey, nowMs);
  if (before) return isSameQuestion(request, before) ? replay(before.decision) : mismatch(before.decision);
  const fullForMs = peek ? 0 : remembered.fullForMs(toRemember.size, nowMs);
  if (fullForMs > 0) {
    const peeked = decide(memory, policy, { ...request, peek: true }, nowMs, mayAskAgain);
    // A retry of a charge that cannot be remembered would be charged again. A denial charges nothing.
    if (peeked.allowed) return unremembered(peeked, fullForMs);
  }
  const decided = decide(memory, policy, request, nowMs, mayAskAgain);
  const decision = decisionId === undefined ? decided : { ...decided, decisionId };
  if (decision.allowed && !peek) toRemember.set(idempotencyKey, { decision, fingerprint });
  return decision;
}
