/**
 * Limits in shadow foretell what enforcing them denies: the same requests at the same moments, under a policy that enforces limits and one
 * that has them in shadow. The real Limiter and the real object, in tiers that lend and in strict ones.
 */
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Decision } from "../../src/core/decision.ts";
import type { LimitDocument, PolicyDocument } from "../../src/policy/schema.ts";
import { tableUnder } from "../billing/worked-examples.ts";
import { addDocument } from "./policy-shelf.ts";
import type { Step } from "./schedule.ts";
import { after, ask, change, DIES, played, spend, stream } from "./scripted.ts";

const RUNS = Number(process.env["SHADOW_RUNS"] ?? 12);
const SEED = Number(process.env["HISTORY_SEED"] ?? 20_261_130);

/** Calls take two milliseconds: requests that are further apart meet no other on its way. */
const gapMs = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 6, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 41, max: 900 }) },
);
const pauseMs = fc.oneof(fc.integer({ min: 6, max: 1_200 }), fc.integer({ min: 4_000, max: 9_000 }));

const burst = fc.record({
  pauseMs,
  gapMs,
  times: fc.integer({ min: 1, max: 60 }),
  key: fc.constantFrom(null, null, 0, 1),
  route: fc.constantFrom("/one" as const, "/one" as const, "/two" as const, "/own" as const),
  costs: fc.constantFrom([null], [null], [null, null, 3_500], [500, null]),
  peekEach: fc.constantFrom(0, 0, 7),
});
/** Long enough for lending to resume after a denial, which it does five seconds later. */
const steady = fc.record({
  pauseMs: fc.integer({ min: 6, max: 900 }),
  gapMs: fc.integer({ min: 25, max: 90 }),
  times: fc.integer({ min: 100, max: 150 }),
  key: fc.constant(null),
  route: fc.constant("/one" as const),
  costs: fc.constantFrom([null], [null, null, 3_500]),
  peekEach: fc.constant(0),
});

const requests = fc
  .oneof({ weight: 1, arbitrary: steady }, { weight: 5, arbitrary: burst })
  .map(({ pauseMs: pause, gapMs: gap, times, key, route, costs, peekEach }) =>
    Array.from({ length: times }, (_, i) =>
      ask(i === 0 ? pause : gap, 1, {
        key,
        route,
        costMilli: costs[i % costs.length] ?? null,
        peek: peekEach > 0 && i % peekEach === 6,
      }),
    ),
  );

/** An operator's change. Its fence may wait for denials that isolates repeat, as there are none in shadow: nothing is asked meanwhile. */
const FENCED_MS = 1_200;
const changes = fc
  .oneof(
    fc.constantFrom("other" as const, "leased" as const).map((tier) => ({ kind: "tier" as const, tier })),
    fc.record({
      kind: fc.constant("grant" as const),
      limit: fc.constantFrom("minute" as const, "hour" as const),
      amount: fc.integer({ min: 1, max: 40 }),
      lastsMs: fc.integer({ min: 3_000, max: 9_000 }),
      untilMs: fc.constant(null),
      revokedAfterMs: fc.constant(null),
    }),
    fc.record({ kind: fc.constant("numbers" as const), burst: fc.constantFrom(null, 8, 90) }),
    fc.record({ kind: fc.constant("reset" as const), limits: fc.constantFrom(null, ["minute"], ["own"]) }),
  )
  .map((what) => [change(FENCED_MS, what), ask(FENCED_MS, 1)]);

/** Bursts of like requests, some of other costs, keys or routes, and changes of the account. */
const traffic: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof({ weight: 5, arbitrary: requests }, { weight: 1, arbitrary: changes }), {
    minLength: 3,
    maxLength: 9,
  })
  .map((parts) => parts.flat());

const bucket = fc
  .record({ perSecond: fc.integer({ min: 2, max: 20 }), seconds: fc.integer({ min: 1, max: 8 }) })
  .map(({ perSecond, seconds }) => ({
    kind: "bucket" as const,
    tokens: perSecond * 60,
    per: "minute" as const,
    burst: Math.max(6, perSecond * seconds),
  }));
const quota = fc
  .record({
    amount: fc.integer({ min: 5, max: 250 }),
    per: fc.constantFrom("hour" as const, "month" as const),
  })
  .map((numbers) => Object.assign({ kind: "quota" as const }, numbers));
const scope = fc.constantFrom("user" as const, "user" as const, "key" as const);
const limit = (name: string): fc.Arbitrary<LimitDocument> =>
  fc
    .tuple(fc.oneof(bucket, quota), scope)
    .map(([numbers, of]) => Object.assign({ name, scope: of }, numbers));

/** One or two limits of the tier, and perhaps one of a route. */
const limits = fc.record({
  tier: fc.oneof(
    limit("minute").map((a) => [a]),
    fc.tuple(limit("minute"), limit("hour")),
    // Both deny at once.
    limit("minute").map((a) => [a, { ...a, name: "hour" }]),
  ),
  own: fc.option(limit("own")),
});

/** A limit that never denies here. */
const AMPLE: LimitDocument = { name: "ample", kind: "bucket", tokens: 1e6, per: "second" };

function documentOf(
  { tier, own }: { readonly tier: readonly LimitDocument[]; readonly own: LimitDocument | null },
  mode: "auto" | "strict",
  shadow: boolean,
): PolicyDocument {
  const put = (one: LimitDocument): LimitDocument => (shadow ? { ...one, shadow } : one);
  return {
    schema: 1,
    anonymousTier: "leased",
    defaultTier: "leased",
    tiers: {
      leased: { limits: [AMPLE, ...tier.map(put)], mode },
      other: { limits: [AMPLE], mode },
    },
    routes: [
      { match: "/one" },
      { match: "/two", cost: 2 },
      { match: "/own", limits: own === null ? [] : [put(own)] },
    ],
  };
}

async function decisions(document: PolicyDocument, steps: readonly Step[]): Promise<Decision[]> {
  // Writes take no time, since two plans are not always written when one is: the object must decide at the same moments.
  const schedule = { variant: addDocument(document), skewsMs: [0], flushMs: 0 };
  const { asked } = await played(steps, schedule);
  return asked.map(({ decision }) => {
    if (!decision) throw new Error("a request had no answer");
    return decision;
  });
}

/** What denied each request, or would have: a cached denial repeats names of limits that may hold the request by then. */
function denials(made: readonly Decision[], enforced: readonly Decision[]): (string | null)[] {
  return made.map(({ violated, shadowed = violated }, i) => {
    if (shadowed.length === 0) return null;
    return enforced[i]?.source === "deny-cache" ? "denied" : shadowed.join(";");
  });
}

function areLeased(made: readonly Decision[]): boolean[] {
  return made.map(({ source }) => source === "lease");
}

const ANSWERED_OFTEN = Array.from({ length: 9 }, () => "answered" as const);
/** Calls that fail, and an object that dies between two parts of the traffic. */
const failing = fc.record({
  travels: fc.array(
    fc.record({
      upMs: fc.integer({ min: 0, max: 3 }),
      downMs: fc.integer({ min: 0, max: 3 }),
      fate: fc.constantFrom(...ANSWERED_OFTEN, "lost" as const, "unanswered" as const, "late" as const),
    }),
    { minLength: 2, maxLength: 9 },
  ),
  parts: fc.array(traffic, { minLength: 2, maxLength: 2 }),
});

it("whatever fails, limits in shadow deny nothing", { timeout: 30_000 + 1_000 * RUNS }, async () => {
  let shadowed = 0;
  const property = fc.asyncProperty(limits, failing, async (of, { travels, parts }) => {
    const variant = addDocument(documentOf(of, "auto", true));
    const steps = parts.flatMap((part) => [...part, after(20, DIES)]);
    const { asked } = await played(steps, { variant, skewsMs: [0, 0], travels });
    for (const { decision } of asked) {
      expect(["allowed", "overloaded"]).toContain(decision?.outcome ?? "allowed");
      shadowed += decision?.shadowed ? 1 : 0;
    }
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
  expect(shadowed).toBeGreaterThan(RUNS);
});

it("docs/shadow.md: its example is what the product decides", async () => {
  const text = await readFile("docs/shadow.md", "utf8");
  const [, json = ""] = /```json\n(.*?)```/s.exec(text) ?? [];
  const rows = tableUnder(text, "## A worked example");
  let lastMs = 0;
  const steps = rows.map(([at = "", cost = ""]) => {
    const atMs = Number(at) * 1_000;
    const afterMs = Math.max(10, atMs - lastMs);
    lastMs = Math.max(lastMs, atMs);
    return spend(afterMs, Number(cost));
  });
  const made = await decisions(JSON.parse(json), steps);
  const found = made.map(({ allowed, shadowed = [] }) => [
    allowed ? "200" : "429",
    shadowed.map((name) => `\`${name}\``).join(", "),
  ]);
  expect(found).toEqual(rows.map(([, , answer, shadowed]) => [answer, shadowed]));
  expect(found.length).toBeGreaterThan(4);
});

it("lending resumes after a denial in shadow when it would after a denial that an isolate repeats", async () => {
  const small: LimitDocument = { name: "minute", kind: "bucket", tokens: 120, per: "minute", burst: 10 };
  const of = { tier: [small], own: null };
  const steps = [
    spend(6, 10),
    spend(6, 3.5),
    // Repeated by the isolate if the limit is enforced.
    spend(950, 3.5),
    ...stream(8, 100, { costMilli: 500 }).with(0, spend(4_100, 0.5)),
    ...stream(30, 6, { costMilli: 500 }),
  ];
  const enforced = await decisions(documentOf(of, "auto", false), steps);
  const foretold = await decisions(documentOf(of, "auto", true), steps);
  expect(enforced.map(({ source }) => source)).toContain("deny-cache");
  expect(areLeased(foretold)).toEqual(areLeased(enforced));
  expect(areLeased(foretold)).toContain(true);
  expect(denials(foretold, enforced)).toEqual(denials(enforced, enforced));
});

it.each(["auto", "strict"] as const)(
  `limits in shadow foretell the denials of enforcement exactly, all or none, if the mode is %s`,
  { timeout: 30_000 + 1_000 * RUNS },
  async (mode) => {
    let [denied, both, leased] = [0, 0, 0];
    const property = fc.asyncProperty(limits, traffic, async (of, steps) => {
      const enforced = await decisions(documentOf(of, mode, false), steps);
      const foretold = await decisions(documentOf(of, mode, true), steps);
      expect(foretold.every(({ allowed }) => allowed)).toBe(true);
      expect(denials(foretold, enforced)).toEqual(denials(enforced, enforced));
      expect(areLeased(foretold)).toEqual(areLeased(enforced));
      denied += enforced.filter(({ outcome }) => outcome === "denied").length;
      both += enforced.filter(({ violated }) => violated.length > 1).length;
      leased += areLeased(enforced).filter(Boolean).length;
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    expect([denied > 5 * RUNS, both > 0, leased > 5 * RUNS]).toEqual([true, true, mode === "auto"]);
  },
);
