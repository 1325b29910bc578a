/** Compacting questions and answers for the wire loses nothing. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { changedView, type Decision } from "../../src/core/decision.ts";
import type { ObjectAnswer, Question } from "../../src/objects/object-call.ts";
import { compactAnswers, expandAnswers, compactQuestions, expandQuestions } from "../../src/limiter/wire.ts";

/** Few values of each field, so that many are alike. */
const question: fc.Arbitrary<Question> = fc.record({
  request: fc.record({
    revision: fc.constantFrom(1, 2),
    tier: fc.constantFrom("free", "pro"),
    route: fc.constantFrom("/a", null),
    costMilli: fc.constantFrom(1_000, null),
    keyId: fc.constantFrom("key_a", null),
    peek: fc.constantFrom(false, false, true),
    idempotencyKey: fc.constantFrom(null, null, "once"),
  }),
  decide: fc.constantFrom(true, true, false),
  wantMilli: fc.constantFrom(0, 0, 16_000),
});

const decision: fc.Arbitrary<Decision> = fc
  .record({
    outcome: fc.constantFrom("allowed" as const, "denied" as const),
    cost: fc.constantFrom(1, 2),
    limits: fc.array(
      fc
        .record(
          {
            name: fc.constantFrom("minute", "month"),
            kind: fc.constantFrom("bucket" as const, "quota" as const),
            limit: fc.constantFrom(10, 20),
            remaining: fc.nat(20),
            resetMs: fc.nat(9_999),
            windowMs: fc.constantFrom(60_000, 90_000),
            included: fc.constantFrom(5, 6),
          },
          { requiredKeys: ["name", "kind", "limit", "remaining", "resetMs", "windowMs"] },
        )
        .map((view) => changedView(view, view.remaining, view.resetMs)),
      { maxLength: 2 },
    ),
    retryAfterMs: fc.constantFrom(0, 0, null, 5),
    violated: fc.constantFrom([], ["minute"], ["month"]),
    source: fc.constant("strict" as const),
    tier: fc.constantFrom("free", "pro"),
    revision: fc.constantFrom(1, 2),
    decisionId: fc.uuid(),
    holds: fc.constantFrom([], [], [{ counter: "c", untilMs: 7 }]),
    cap: fc.constantFrom(undefined, undefined, "spend_cap" as const, "credits" as const),
    shadowed: fc.constantFrom(undefined, undefined, ["day"], ["day", "slots"]),
  })
  .map(({ cap, shadowed, ...fields }) =>
    Object.assign(
      fields,
      { allowed: fields.outcome === "allowed" },
      cap === undefined ? {} : { cap },
      shadowed === undefined ? {} : { shadowed },
    ),
  );

const lease = fc.constantFrom(null, null, {
  id: "lease",
  milli: 5_000,
  forMs: 1_000,
  revision: 1,
  tier: "pro",
  keyId: null,
  route: null,
  limits: [],
});

/** Questions with an answer each; many in a row are the same question. */
const exchange = fc
  .array(fc.tuple(question, fc.array(fc.tuple(decision, lease), { minLength: 1, maxLength: 5 })), {
    maxLength: 8,
  })
  .map((groups) =>
    groups.flatMap(([asked, answers]) =>
      answers.map(([given, granted]): [Question, ObjectAnswer] => [
        asked,
        { decision: asked.decide ? given : null, lease: granted },
      ]),
    ),
  );

const withoutId = (answer: ObjectAnswer): unknown => ({
  ...answer,
  decision: answer.decision && { ...answer.decision, decisionId: "" },
});

it("questions are restored in order", () => {
  fc.assert(
    fc.property(exchange, (pairs) => {
      const questions = pairs.map(([asked]) => asked);
      expect(expandQuestions(compactQuestions(questions))).toEqual(questions);
    }),
  );
});

it("answers are restored in order, each with a unique id", () => {
  fc.assert(
    fc.property(exchange, (pairs) => {
      const answers = pairs.map(([, answer]) => answer);
      const asked = compactQuestions(pairs.map(([one]) => one));
      const again = expandAnswers(structuredClone(compactAnswers(asked, answers)));
      expect(again.map(withoutId)).toEqual(answers.map(withoutId));
      const ids = again.flatMap(({ decision: one }) => one?.decisionId ?? []);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

it("the answer of an idempotency key keeps its id", () => {
  fc.assert(
    fc.property(exchange, (pairs) => {
      const answers = pairs.map(([, answer]) => answer);
      const again = expandAnswers(compactAnswers(compactQuestions(pairs.map(([asked]) => asked)), answers));
      pairs.forEach(([{ request }], i) => {
        if (request.idempotencyKey === null) return;
        expect(again[i]?.decision?.decisionId).toBe(answers[i]?.decision?.decisionId);
      });
    }),
  );
});

it("64 equal requests are one question, and one answer with two numbers per further answer and limit", () => {
  const [asked] = fc.sample(
    question.filter(({ request, decide }) => request.idempotencyKey === null && decide),
    1,
  );
  if (!asked) throw new Error("no question");
  const answers = Array.from({ length: 64 }, (_, i): ObjectAnswer => {
    const view = { name: "minute", kind: "bucket" as const, limit: 100, windowMs: 60_000 };
    const limits = [{ ...view, remaining: 99 - i, resetMs: 600 * i }];
    return { decision: { ...ALLOWED, decisionId: String(i), limits }, lease: null };
  });
  const questions = compactQuestions(answers.map(() => ({ ...asked, request: { ...asked.request } })));
  expect(questions).toEqual([{ question: asked, times: 64 }]);
  const runs = compactAnswers(questions, answers);
  expect(runs.map(({ times, further }) => [times, further.length])).toEqual([[63, 126]]);
});

it("answers that differ in what limits in shadow would deny are not joined", () => {
  const [asked] = fc.sample(question, { numRuns: 1, seed: 1 });
  if (!asked) throw new Error("no question");
  const answers = [undefined, undefined, ["day"], undefined].map((shadowed, i): ObjectAnswer => {
    const one = { ...ALLOWED, decisionId: String(i), limits: [] };
    return { decision: shadowed ? Object.assign(one, { shadowed }) : one, lease: null };
  });
  const restored = expandAnswers(compactAnswers([{ question: asked, times: 4 }], answers));
  expect(restored.map(({ decision: made }) => made?.shadowed ?? [])).toEqual([[], [], ["day"], []]);
});

const ALLOWED: Omit<Decision, "limits" | "decisionId"> = {
  outcome: "allowed",
  allowed: true,
  cost: 1,
  retryAfterMs: 0,
  violated: [],
  source: "strict",
  tier: "pro",
  revision: 1,
  holds: [],
};
