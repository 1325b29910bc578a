/**
 * Compacts questions and answers for the wire between an edge and an object: repeated questions of a call are sent once with their
 * number, and answers that differ only in what remains as the first of them and a few numbers for each other. The runtime copies objects
 * field by field and name by name, some ten microseconds for each question and its answer.
 *
 * Lossless, but for the ids of repeated decisions, which are derived from the first one's.
 */
import { changedView, type Decision, isReserving, type LimitView } from "../core/decision.ts";
import { isSameUnits } from "../core/unit-costs.ts";
import type { ObjectAnswer, Question, RepeatedAnswer, RepeatedQuestion } from "../objects/object-call.ts";

/** Joins equal questions that follow each other. */
export function compactQuestions(questions: readonly Question[]): RepeatedQuestion[] {
  const repeats: { question: Question; times: number }[] = [];
  for (const question of questions) {
    const last = repeats.at(-1);
    if (last && isSame(last.question, question)) last.times += 1;
    else repeats.push({ question, times: 1 });
  }
  return repeats;
}

/** The original questions, in order. */
export function expandQuestions(repeats: readonly RepeatedQuestion[]): Question[] {
  const questions: Question[] = [];
  for (const { question, times } of repeats) for (let i = 0; i < times; i++) questions.push(question);
  return questions;
}

/**
 * Joins similar answers to equal questions. `answers` are in the order of {@link expandQuestions}.
 * @param repeatMs of all answers; null: as long as they hold.
 */
export function compactAnswers(
  asked: readonly RepeatedQuestion[],
  answers: readonly ObjectAnswer[],
  repeatMs: number | null = null,
): RepeatedAnswer[] {
  const repeats: { answer: ObjectAnswer; further: number[]; times: number }[] = [];
  let at = 0;
  for (const { times } of asked) {
    for (let i = 0; i < times; i++) {
      const answer = answers[at++];
      const last = repeats.at(-1);
      if (answer?.decision && i > 0 && last && isSimilar(last.answer, answer)) {
        for (const { remaining, resetMs } of answer.decision.limits) last.further.push(remaining, resetMs);
        last.times += 1;
      } else if (answer) {
        repeats.push({ answer: repeatMs === null ? answer : { ...answer, repeatMs }, further: [], times: 0 });
      }
    }
  }
  return repeats;
}

/** The original answers, in order. */
export function expandAnswers(repeats: readonly RepeatedAnswer[]): ObjectAnswer[] {
  const answers: ObjectAnswer[] = [];
  for (const { answer, further, times } of repeats) {
    answers.push(answer);
    if (!answer.decision) continue;
    const { decision, repeatMs } = answer;
    const others = repeatMs === undefined ? { lease: null } : { lease: null, repeatMs };
    for (let i = 0; i < times; i++) {
      answers.push({ decision: furtherDecision(decision, further, i), ...others });
    }
  }
  return answers;
}

function furtherDecision(first: Decision, numbers: readonly number[], i: number): Decision {
  const { limits } = first;
  const from = 2 * i * limits.length;
  return {
    ...first,
    decisionId: `${first.decisionId}-${(i + 1).toString(36)}`,
    limits: limits.map((view, j) =>
      changedView(view, numbers[from + 2 * j] ?? 0, numbers[from + 2 * j + 1] ?? 0),
    ),
  };
}

function isSame(a: Question, b: Question): boolean {
  const [p, q] = [a.request, b.request];
  return (
    a.decide === b.decide &&
    a.wantMilli === b.wantMilli &&
    a.isLast === b.isLast &&
    p.revision === q.revision &&
    p.tier === q.tier &&
    p.route === q.route &&
    p.costMilli === q.costMilli &&
    isSameUnits(p.units, q.units) &&
    // Each reservation has an answer of its own.
    p.reserve === q.reserve &&
    !isReserving(p) &&
    p.keyId === q.keyId &&
    p.peek === q.peek &&
    // Each idempotency key has its own answer.
    p.idempotencyKey === null &&
    q.idempotencyKey === null
  );
}

/** Whether the second answer differs at most in its id and in the numbers of its limits. */
function isSimilar({ decision: a }: ObjectAnswer, { decision: b, lease }: ObjectAnswer): boolean {
  return (
    a !== null &&
    b !== null &&
    lease === null &&
    a.outcome === b.outcome &&
    a.cost === b.cost &&
    a.retryAfterMs === b.retryAfterMs &&
    a.source === b.source &&
    a.tier === b.tier &&
    a.revision === b.revision &&
    a.holds.length === 0 &&
    b.holds.length === 0 &&
    a.reservation === undefined &&
    b.reservation === undefined &&
    a.cap === b.cap &&
    isSameList(a.violated, b.violated) &&
    isSameList(a.shadowed, b.shadowed) &&
    a.limits.length === b.limits.length &&
    a.limits.every((view, i) => isSameLimit(view, b.limits[i]))
  );
}

function isSameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && (a?.every((name, i) => name === b?.[i]) ?? false));
}

function isSameLimit(a: LimitView, b: LimitView | undefined): boolean {
  return (
    a.name === b?.name &&
    a.kind === b.kind &&
    a.unit === b.unit &&
    a.limit === b.limit &&
    a.windowMs === b.windowMs &&
    a.included === b.included
  );
}
