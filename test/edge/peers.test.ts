/**
 * Complaints about other rate limiters that no other test covers: limits that hold in one isolate only, counters in KV, and a hot
 * user. test/peers/README.md lists all complaints and their tests.
 */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { admin, customer } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";

/** No units return while the test runs. */
const HUNDRED_A_DAY = policyOfTier({
  limits: [{ name: "day", kind: "quota", amount: 100, per: "day" }],
});

async function statuses(edges: readonly Edge[], headers: Record<string, string>, count: number) {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, i) => edges[i % edges.length]!.request("/one", { headers })),
  );
  return answers.map(({ status }) => status);
}

function admitted(all: readonly number[]): number {
  return all.filter((status) => status === 200).length;
}

it("one limit holds across all isolates together, one after the other and at once", async () => {
  // markusahlstrand/cloudworker-proxy#80
  const first = await startEdge({ policy: HUNDRED_A_DAY });
  const { headers } = await customer(first, { tier: "only" });
  const isolates = [first, ...(await Promise.all([1, 2, 3].map(() => startEdge({ policy: null }))))];
  const before: number[] = [];
  for (const isolate of isolates) before.push(...(await statuses([isolate], headers, 15)));
  expect(admitted(before)).toBe(60);
  const after = await statuses(isolates, headers, 120);
  expect(new Set(after)).toEqual(new Set([200, 429]));
  expect(admitted(after)).toBe(40);
});

it("counting writes nothing to KV, so no update is lost, however many requests per second one key makes", async () => {
  // rhinobase/hono-rate-limiter#34, rhinobase/hono-rate-limiter#44
  const written: string[] = [];
  const config = new Proxy(env.CONFIG, {
    get(kv, name) {
      const member: unknown = Reflect.get(kv, name);
      if (typeof member !== "function") return member;
      return (...rest: unknown[]): unknown => {
        if (name === "put" || name === "delete") written.push(String(rest[0]));
        return Reflect.apply(member, kv, rest);
      };
    },
  });
  const edge = await startEdge({ policy: HUNDRED_A_DAY, variables: { CONFIG: config } });
  const { user, headers } = await customer(edge, { tier: "only" });
  written.length = 0;
  expect(admitted(await statuses([edge], headers, 130))).toBe(100);
  await edge.backgroundDone();
  expect(written).toEqual([]);
  const usage = await (await admin(edge, "GET", `/accounts/${user}/usage?granularity=day`)).json();
  expect(usage).toMatchObject({ usage: [{ requests: 100, cost: 100 }] });
});

it("a hot user's burst of requests becomes a few calls of its object, and each is decided exactly", async () => {
  // cloudflare/cloudflare-docs#10550
  let calls = 0;
  const edge = await startEdge({
    policy: HUNDRED_A_DAY,
    variables: {
      USER_LIMITER: objectsWith((_subject, method) => {
        if (method === "serve") calls += 1;
      }),
    },
  });
  const { headers } = await customer(edge, { tier: "only" });
  expect(admitted(await statuses([edge], headers, 500))).toBe(100);
  // One by one, these would be 500 calls.
  expect(calls).toBeLessThan(50);
});
