/** The meaning of a policy: defaults written out, and nothing else changed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import embedded from "../../policy/default.json";
import { canonicalJson } from "../../src/canonical-json.ts";
import { differencesOf } from "../../packages/cli/src/policy-difference.ts";
import { poolSettings } from "../../src/gateway/pools/pool-settings.ts";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import { effectivePolicy } from "../../src/policy/effective.ts";
import { parseBy } from "../../src/policy/fault.ts";
import type { PoolDocument } from "../../src/policy/pool-schema.ts";
import { type PolicyDocument, policySchema } from "../../src/policy/schema.ts";

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const shadow = optional(fc.boolean());
const scope = optional(fc.constantFrom("user" as const, "key" as const, "route" as const));

const limitsOf = (prefix: string) =>
  fc.uniqueArray(
    fc
      .tuple(
        fc.constantFrom("a", "b", "c"),
        fc.oneof(
          fc.record({
            kind: fc.constant("bucket"),
            tokens: fc.integer({ min: 5, max: 100 }),
            per: fc.constantFrom("second", "minute"),
            burst: optional(fc.integer({ min: 5, max: 200 })),
            scope,
            shadow,
          }),
          fc.record({
            kind: fc.constant("quota"),
            amount: fc.integer({ min: 5, max: 100 }),
            per: fc.constantFrom("day", "month"),
            anchorDay: optional(fc.integer({ min: 1, max: 31 })),
            scope,
            shadow,
          }),
          fc.record({
            kind: fc.constant("concurrency"),
            max: fc.integer({ min: 1, max: 9 }),
            ttlMs: fc.constant(1_000),
            scope,
            shadow,
          }),
        ),
      )
      .map(([name, limit]) => Object.assign({ name: `${prefix}${name}` }, limit)),
    { selector: ({ name }) => name, maxLength: 3 },
  );

const documents = fc
  .record({
    schema: fc.constant(1),
    enforcement: optional(fc.constantFrom("on", "shadow")),
    anonymousTier: fc.constant("one"),
    defaultTier: fc.constantFrom("one", "two"),
    headers: optional(
      fc.record({ xRateLimit: optional(fc.boolean()), serverTiming: optional(fc.boolean()) }),
    ),
    tiers: fc.record({
      one: fc.record({
        limits: limitsOf("t"),
        shadow,
        mode: optional(fc.constantFrom("auto", "strict", "leased")),
      }),
      two: fc.record({
        limits: limitsOf("t"),
        shadow,
        durability: optional(fc.constantFrom("reserved", "exact")),
        onLimiterFailure: optional(fc.constantFrom("local", "open", "closed")),
      }),
    }),
    routes: fc.tuple(
      fc.record({
        match: fc.constant("/x/:id"),
        cost: optional(fc.constantFrom(0, 1, 2.5)),
        auth: optional(fc.constantFrom("optional", "required", "none")),
        methods: optional(fc.constantFrom(["GET"], ["POST", "GET", "POST"])),
        limits: optional(limitsOf("r")),
        timeoutMs: optional(fc.constantFrom(30_000, 1_000)),
        exactPath: optional(fc.boolean()),
        shadow,
      }),
      fc.record({ match: fc.constant("/*"), forwardKey: optional(fc.boolean()) }),
    ),
  })
  // As JSON: without undefined fields.
  .map((document): unknown => JSON.parse(JSON.stringify(document)));

function parsed(document: unknown): PolicyDocument {
  const read = parseBy(policySchema, document);
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  return read.value;
}

/** All that decides, as text; without the limits' documents, whose defaults may be left out. */
function decidingPart(document: unknown): string {
  const compiled = compilePolicy(document, 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const { tiers, routes, rules: _rules, ...policy }: Policy = compiled.value;
  const limits = (own: readonly { readonly document: { readonly name: string } }[]) =>
    own
      .map(({ document: _document, ...limit }) => limit)
      .toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  return canonicalJson({
    ...policy,
    tiers: [...tiers].map(([name, tier]) => [name, { ...tier, limits: limits(tier.limits) }]),
    routes: parsed(document).routes.map((route) => {
      const id = route.methods ? `${[...new Set(route.methods)].join(",")} ${route.match}` : route.match;
      const found = routes.byId(id);
      return [found && Object.assign({}, found, { limits: limits(found.limits) })];
    }),
  });
}

/** The effective policy as a document again: limits as lists. */
function asDocument(document: PolicyDocument): unknown {
  const asList = (limits: unknown) =>
    Object.entries({ ...Object(limits) }).map(([name, limit]) => {
      const { kind, anchorDay, ...fields }: { kind?: string; anchorDay?: number } = { ...Object(limit) };
      return Object.assign({ name, kind }, fields, kind === "quota" ? { anchorDay } : {});
    });
  const withLists = (value: unknown) => {
    const { limits, ...fields }: { limits?: unknown } = { ...Object(value) };
    return { ...fields, limits: asList(limits) };
  };
  const { tiers, routes, rules: _rules, ...others } = effectivePolicy(document);
  return {
    ...others,
    tiers: Object.fromEntries(
      Object.entries({ ...Object(tiers) }).map(([name, tier]) => [name, withLists(tier)]),
    ),
    routes: (Array.isArray(routes) ? routes : []).map(withLists),
  };
}

describe("an effective policy", () => {
  it("writes out defaults without changing what the policy decides", () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(decidingPart(asDocument(parsed(document)))).toBe(decidingPart(document));
      }),
      { numRuns: Number(process.env["POLICY_RUNS"] ?? 100) },
    );
  });

  it("is the same of a document and of itself, so nothing is written out in two ways", () => {
    fc.assert(
      fc.property(documents, (document) => {
        const once = effectivePolicy(parsed(document));
        expect(effectivePolicy(parsed(asDocument(parsed(document))))).toEqual(once);
      }),
      { numRuns: 50 },
    );
  });

  it("differs if anything that decides does", () => {
    fc.assert(
      fc.property(documents, documents, (one, other) => {
        const isSame =
          canonicalJson(effectivePolicy(parsed(one))) === canonicalJson(effectivePolicy(parsed(other)));
        if (isSame) expect(decidingPart(one)).toBe(decidingPart(other));
      }),
      { numRuns: 50 },
    );
    const burst = structuredClone(embedded);
    const [minute] = burst.tiers.free.limits;
    if (minute) minute.burst = 149;
    expect(effectivePolicy(parsed(burst))).not.toEqual(effectivePolicy(parsed(embedded)));
  });
});

describe("an effective pool", () => {
  const number = (max: number) => optional(fc.integer({ min: 1, max }));
  const target = fc.record(
    { url: fc.constantFrom("https://a.example", "https://b.example"), weight: fc.constantFrom(1, 2) },
    { requiredKeys: ["url"] },
  );
  const discover = fc.record(
    {
      url: fc.constant("https://consul.example"),
      format: fc.constantFrom("consul" as const, "http_sd" as const),
      everySeconds: fc.constantFrom(15, 60),
      scheme: fc.constantFrom("https" as const, "http" as const),
    },
    { requiredKeys: ["url", "format"] },
  );
  const failures = fc.constantFrom(
    "connect" as const,
    "timeout" as const,
    502 as const,
    503 as const,
    504 as const,
  );
  const settings = fc.record({
    balance: optional(fc.constantFrom("round-robin" as const, "user" as const)),
    retry: optional(
      fc.record({
        attempts: number(2),
        on: optional(fc.array(failures, { maxLength: 5 })),
        budget: optional(fc.constantFrom(0.2, 1)),
        tryTimeoutMs: number(2),
      }),
    ),
    eject: optional(
      fc.record({ failures: fc.constantFrom(undefined, 5, 6), forMs: fc.constantFrom(undefined, 10_000) }),
    ),
    probe: optional(fc.record({ path: fc.constant("/"), timeoutMs: fc.constantFrom(undefined, 2_000, 1) })),
  });
  const pools = fc
    .tuple(
      settings,
      fc.oneof(
        fc.record({ targets: fc.array(target, { minLength: 1, maxLength: 2 }) }),
        fc.record({ discover }),
      ),
    )
    // As JSON: without undefined fields.
    .map(([own, source]): PoolDocument => JSON.parse(JSON.stringify({ ...own, ...source })));
  const withPool = (pool: PoolDocument): PolicyDocument => ({
    ...parsed(embedded),
    upstreams: { api: pool },
  });
  const everything = ({ targets, discover: list, ...own }: PoolDocument): unknown => ({
    ...poolSettings(own),
    on: [...poolSettings(own).on].toSorted(),
    targets: targets?.map(({ url, weight = 1 }) => [url, weight]),
    discover: list && [list.url, list.format, list.everySeconds ?? 15, list.scheme ?? "https"],
  });

  it("is the same exactly if the gateway does the same", () => {
    fc.assert(
      fc.property(pools, pools, (one, other) => {
        const differences = differencesOf(withPool(one), withPool(other));
        expect(differences.length === 0).toBe(
          canonicalJson(everything(one)) === canonicalJson(everything(other)),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("does not differ from one whose defaults are spelled out", () => {
    const targets = [{ url: "https://a.example" }];
    const spelled: PoolDocument = {
      targets: [{ url: "https://a.example", weight: 1 }],
      balance: "round-robin",
      retry: { on: [504, "connect", 503, 502], attempts: 1, budget: 0.2 },
      eject: { failures: 5, forMs: 10_000 },
    };
    expect(differencesOf(withPool({ targets }), withPool(spelled))).toEqual([]);
    expect(differencesOf(withPool(spelled), withPool({ targets, eject: { failures: 2 } }))).toEqual([
      { path: "upstreams.api.eject.failures", before: 5, after: 2 },
    ]);
    expect(differencesOf({ ...parsed(embedded), upstreams: {} }, parsed(embedded))).toEqual([]);
  });
});
