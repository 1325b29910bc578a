/**
 * What goes over the wire between an edge and an object, put together where it is alike: of the questions of one call most are
 * the same, and of the answers most differ in what remains only. The runtime copies objects field by field and name by name, some
 * ten microseconds for each question and its answer; a run costs one of them and a few numbers.
 */
import type { Decision, LimitView } from "../core/decision.ts";
import type { Answer, AnswerRun, Question, QuestionRun } from "../objects/object-call.ts";

/** Puts equal questions that follow each other together. */
export function questionRuns(questions: readonly Question[]): QuestionRun[] {
  const runs: { question: Question; times: number }[] = [];
  for (const question of questions) {
    const run = runs.at(-1);
    if (run && isSame(run.question, question)) run.times += 1;
    else runs.push({ question, times: 1 });
  }
  return runs;
}

/** The questions again, in order. */
export function questionsOf(runs: readonly QuestionRun[]): Question[] {
  const questions: Question[] = [];
  for (const { question, times } of runs) for (let i = 0; i < times; i++) questions.push(question);
  return questions;
}

/** Puts answers to equal questions together where they are alike. `answers` are in the order of {@link questionsOf}. */
export function answerRuns(asked: readonly QuestionRun[], answers: readonly Answer[]): AnswerRun[] {
  const runs: { answer: Answer; further: number[]; times: number }[] = [];
  let at = 0;
  for (const { times } of asked) {
    for (let i = 0; i < times; i++) {
      const answer = answers[at++];
      const run = runs.at(-1);
      if (answer?.decision && i > 0 && run && isAlike(run.answer, answer)) {
        for (const { remaining, resetMs } of answer.decision.limits) run.further.push(remaining, resetMs);
        run.times += 1;
      } else if (answer) runs.push({ answer, further: [], times: 0 });
    }
  }
  return runs;
}

/** The answers again, in order. The ids of further ones are counted on from the first one's. */
export function answersOf(runs: readonly AnswerRun[]): Answer[] {
  const answers: Answer[] = [];
  for (const { answer, further, times } of runs) {
    answers.push(answer);
    if (!answer.decision) continue;
    const { decision } = answer;
    for (let i = 0; i < times; i++) {
      answers.push({ decision: furtherOne(decision, further, i), lease: null });
    }
  }
  return answers;
}

function furtherOne(first: Decision, numbers: readonly number[], i: number): Decision {
  const { limits } = first;
  const from = 2 * i * limits.length;
  return {
    ...first,
    decisionId: `${first.decisionId}-${(i + 1).toString(36)}`,
    limits: limits.map(({ name, kind, limit, windowMs }, j): LimitView => {
      const remaining = numbers[from + 2 * j] ?? 0;
      const resetMs = numbers[from + 2 * j + 1] ?? 0;
      return { name, kind, limit, remaining, resetMs, windowMs };
    }),
  };
}

function isSame(a: Question, b: Question): boolean {
  const [p, q] = [a.request, b.request];
  return (
    a.decide === b.decide &&
    a.wantMilli === b.wantMilli &&
    p.revision === q.revision &&
    p.tier === q.tier &&
    p.route === q.route &&
    p.costMilli === q.costMilli &&
    p.keyId === q.keyId &&
    p.peek === q.peek &&
    // What has a key of its own is answered by that key.
    p.idempotencyKey === null &&
    q.idempotencyKey === null
  );
}

/** Whether the second answer differs in the numbers of its limits, and in its id, at most. */
function isAlike({ decision: a }: Answer, { decision: b, lease }: Answer): boolean {
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
    a.violated.length === b.violated.length &&
    a.violated.every((name, i) => name === b.violated[i]) &&
    a.limits.length === b.limits.length &&
    a.limits.every((view, i) => isSameLimit(view, b.limits[i]))
  );
}

function isSameLimit(a: LimitView, b: LimitView | undefined): boolean {
  return a.name === b?.name && a.kind === b.kind && a.limit === b.limit && a.windowMs === b.windowMs;
}
