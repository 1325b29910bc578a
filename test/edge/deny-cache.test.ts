/**
 * The deny cache: a client that keeps sending over its limit is rejected without a call, by the same denial, and admitted at
 * the moment when the object would admit it. The clock stands still unless a test moves it.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { admin, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, publishPolicy, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

const NOW_MS = 1_950_000_000_000;
const POLICY = policyWith({
  tiers: { ...TEST_POLICY.tiers, free: { limits: [THREE_A_MINUTE] } },
  routes: [{ match: "/one" }, { match: "/half", cost: 0.5 }, { match: "/three", cost: 3 }],
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An edge that counts its calls for decisions. */
async function countingEdge(policy = POLICY) {
  const calls: string[] = [];
  const edge = await startEdge({
    policy,
    variables: {
      USER_LIMITER: objectsWith((subject, method) => {
        if (method === "serve") calls.push(subject);
      }),
    },
  });
  return { edge, calls };
}

async function ask(edge: Edge, headers: Record<string, string>, path = "/one") {
  const response = await edge.request(path, { headers });
  const source = /desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1];
  return { status: response.status, source, retryAfter: response.headers.get("Retry-After"), response };
}

/** A client that has used up its limit of three. */
async function exhausted(edge: Edge): Promise<Record<string, string>> {
  const headers = newAddress();
  for (let i = 0; i < 3; i++) expect((await ask(edge, headers)).status).toBe(200);
  return headers;
}

describe("a client over its limit", () => {
  it("costs one object call a second, however often it asks, and gets an exact Retry-After", async () => {
    const { edge, calls } = await countingEdge();
    const headers = await exhausted(edge);
    calls.length = 0;
    const first = await ask(edge, headers);
    for (let i = 0; i < 50; i++) {
      const again = await ask(edge, headers);
      expect([again.status, again.source, again.retryAfter]).toEqual([429, "deny-cache", first.retryAfter]);
      expect(await again.response.json()).toMatchObject({
        code: "quota_exceeded",
        "violated-policies": ["minute"],
      });
    }
    expect(calls).toHaveLength(1);
    vi.setSystemTime(NOW_MS + 999);
    expect((await ask(edge, headers)).source).toBe("deny-cache");
    vi.setSystemTime(NOW_MS + 1_000);
    expect(await ask(edge, headers)).toMatchObject({ status: 429, source: "strict", retryAfter: "19" });
    expect(calls).toHaveLength(2);
  });

  it("is admitted at the moment when the object would admit it", async () => {
    const { edge } = await countingEdge();
    const headers = await exhausted(edge);
    vi.setSystemTime(NOW_MS + 19_500);
    expect(await ask(edge, headers)).toMatchObject({ status: 429, source: "strict", retryAfter: "1" });
    vi.setSystemTime(NOW_MS + 19_999);
    expect(await ask(edge, headers)).toMatchObject({ status: 429, source: "deny-cache", retryAfter: "1" });
    vi.setSystemTime(NOW_MS + 20_000);
    expect(await ask(edge, headers)).toMatchObject({ status: 200, source: "strict" });
  });

  it("is admitted with a cheaper request that still fits the limit, and with no other", async () => {
    // upstash/ratelimit-js (blocks every cost until reset)
    const { edge } = await countingEdge();
    const headers = await exhausted(edge);
    vi.setSystemTime(NOW_MS + 10_000);
    expect((await ask(edge, headers)).status).toBe(429);
    expect((await ask(edge, headers, "/half")).status).toBe(200);
    expect((await ask(edge, headers, "/half")).status).toBe(429);
    expect(await ask(edge, headers, "/three")).toMatchObject({
      status: 429,
      source: "strict",
      retryAfter: "60",
    });
  });

  it("is admitted at a lower cost that still fits, on the same route and with the same key", async () => {
    const { edge } = await countingEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const body = { user: newUser(), tier: "free" };
    const check = async (cost: number): Promise<unknown> => {
      const asked = { method: "POST", headers, body: JSON.stringify({ ...body, cost }) };
      return (await edge.request("/api/v1/rate-limit/check", asked)).json();
    };
    expect(await check(2)).toMatchObject({ allowed: true });
    expect(await check(2)).toMatchObject({ allowed: false });
    expect(await check(1)).toMatchObject({ allowed: true });
    expect(await check(2)).toMatchObject({ allowed: false });
    expect(await check(3)).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
  });

  it("does not affect another client", async () => {
    const { edge } = await countingEdge();
    await ask(edge, await exhausted(edge));
    expect(await ask(edge, newAddress())).toMatchObject({ status: 200, source: "strict" });
  });

  it("is admitted under a new policy as soon as the isolate knows it", async () => {
    const { edge } = await countingEdge();
    const headers = await exhausted(edge);
    expect((await ask(edge, headers)).status).toBe(429);
    await publishPolicy({ ...POLICY, tiers: { ...POLICY.tiers, anonymous: { limits: [] } } });
    expect((await ask(edge, headers)).source).toBe("deny-cache");
    // The denial would last for a second.
    await edge.services.policies.refresh(NOW_MS);
    expect((await ask(edge, headers)).status).toBe(200);
  });

  it("is admitted at once after its account is reset through this isolate", async () => {
    const { edge } = await countingEdge();
    const { user, headers } = await customer(edge);
    vi.setSystemTime(NOW_MS + 2);
    for (let i = 0; i < 3; i++) await ask(edge, headers);
    expect((await ask(edge, headers)).status).toBe(429);
    expect((await ask(edge, headers)).source).toBe("deny-cache");
    await admin(edge, "POST", `/accounts/${user}/reset`, { reason: "test" });
    vi.setSystemTime(NOW_MS + 4);
    expect(await ask(edge, headers)).toMatchObject({ status: 200, source: "strict" });
  });
});

it("every denial is in the ledger, including those made without a call", async () => {
  const { edge } = await countingEdge();
  const { headers } = await customer(edge);
  for (let i = 0; i < 10; i++) await ask(edge, headers);
  vi.setSystemTime(NOW_MS + 20_000);
  expect((await ask(edge, headers)).status).toBe(200);
  const status = await edge.request("/api/v1/rate-limit/status", { headers });
  expect(await status.json()).toMatchObject({ usage: { hour: { requests: 4, denied: 7 } } });
});

it("denials made without a call are in the ledger of their own hour, even if the client never returns", async () => {
  const { edge, calls } = await countingEdge();
  const { user, headers } = await customer(edge);
  const beforeTheHour = NOW_MS - (NOW_MS % 3_600_000) + 3_600_000 - 100;
  vi.setSystemTime(beforeTheHour);
  for (let i = 0; i < 10; i++) await ask(edge, headers);
  const asked = calls.length;
  vi.setSystemTime(beforeTheHour + 1_100);
  await edge.backgroundDone();
  expect(calls.length).toBe(asked + 1);
  const from = new Date(beforeTheHour).toISOString();
  const usage = await admin(edge, "GET", `/accounts/${user}/usage?from=${from}`);
  expect(await usage.json()).toMatchObject({ usage: [{ requests: 3, denied: 7 }] });
});
