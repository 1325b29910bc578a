/** Messages about an unknown name list the names that there are, or say that there is none. */
import { expect, it } from "vitest";
import { unknownName } from "../../src/api/known-names.ts";
import { overrideFaults } from "../../src/policy/adjust.ts";
import { billingFaults } from "../../src/policy/billing-faults.ts";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import { parseBy } from "../../src/policy/fault.ts";
import { ruleFaults } from "../../src/policy/rule-faults.ts";
import { type PolicyDocument, policySchema } from "../../src/policy/schema.ts";

const BASE = {
  schema: 1,
  tiers: { free: { limits: [] }, pro: { limits: [] } },
  routes: [],
  anonymousTier: "free",
  defaultTier: "free",
};

function compiled(document: object): { readonly source: PolicyDocument; readonly policy: Policy } {
  const [source, policy] = [parseBy(policySchema, document), compilePolicy(document, 1)];
  if (!source.ok || !policy.ok) throw new Error(JSON.stringify([source, policy]));
  return { source: source.value, policy: policy.value };
}

function messages(document: object): string[] {
  const result = compilePolicy(document, 1);
  if (!result.ok) return result.faults.map(({ path, message }) => `${path}: ${message}`);
  const { source, policy } = compiled(document);
  return [...billingFaults(source, policy), ...ruleFaults(source, policy)].map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

const PRICE = { model: "unit", unit: "1" };

it.each<[what: string, document: object, message: string]>([
  ["a tier, of some", { defaultTier: "gold" }, '/defaultTier: unknown tier "gold" (known: free, pro)'],
  ["a tier, of none", { tiers: {} }, '/defaultTier: unknown tier "free" (none is defined)'],
  [
    "a rule's tier",
    { rules: [{ name: "r", if: { ip: ["192.0.2.1"] }, then: { tier: "gold" } }] },
    '/rules/0/then/tier: unknown tier "gold" (known: free, pro)',
  ],
  [
    "a pool, of none",
    { routes: [{ match: "/a", upstream: "pool:api" }] },
    "/routes/0/upstream: unknown pool (none is defined)",
  ],
  [
    "a route with a price, of none",
    {
      billing: { currency: "USD" },
      tiers: { free: { limits: [], plan: { prices: [{ route: "/a", of: "count", price: PRICE }] } } },
    },
    "/tiers/free/plan/prices/0/route: is not a route of this policy (none is defined): name it as reports do, with its methods if it has any",
  ],
])("%s", (_what, change, message) => {
  expect(messages({ ...BASE, ...change })).toContain(message);
});

it("a limit of a tier without limits", () => {
  const free = compiled(BASE).policy.tiers.get("free");
  if (!free) throw new Error("there is no tier");
  expect(overrideFaults(free, { minute: { tokens: 1 } })).toEqual([
    { path: "/limits/minute", message: 'tier "free" has no limit "minute" (none is defined)' },
  ]);
});

it("any name of a request, at most 50", () => {
  expect(unknownName("/limit", "limit", "x", [])).toEqual({
    path: "/limit",
    message: 'unknown limit "x" (none is defined)',
  });
  const names = Array.from({ length: 51 }, (_, i) => `n${i}`);
  const { message } = unknownName("/limit", "limit", "x", names);
  expect(message.endsWith("n48, n49, …)")).toBe(true);
});
