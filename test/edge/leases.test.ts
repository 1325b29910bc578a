/**
 * Leases in the real runtime: the isolate decides most requests itself, never admits what the object would not, and reports all
 * of them to the object. test/core/lease-bound.test.ts proves the bound; this file tests the parts together.
 */
import { env } from "cloudflare:workers";
import { compactQuestions } from "../../src/limiter/wire.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { admin, customer, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, publishPolicy, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { objectsWhere } from "../fixtures/fault-objects.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";

/** Noon: no hour ends while a test runs. */
const NOW_MS = Date.UTC(2031, 4, 14, 12);
const HUNDRED = { name: "day", kind: "bucket", tokens: 100, per: "day", burst: 100 } as const;
/** Its headroom, and so the largest lease, is 20. */
const THOUSAND = { ...HUNDRED, burst: 1_000 } as const;
const FIVE = { ...HUNDRED, name: "five", tokens: 5, burst: 5 } as const;
const POLICY = policyWith({
  anonymousTier: "unlimited",
  tiers: {
    ...TEST_POLICY.tiers,
    unlimited: { limits: [], mode: "leased" },
    limited: { limits: [HUNDRED] },
    thousand: { limits: [THOUSAND], mode: "leased" },
    slots: { limits: [{ name: "parallel", kind: "concurrency", max: 100, ttlMs: 1_000 }], mode: "leased" },
    strict: { limits: [], mode: "strict" },
    five: { limits: [FIVE] },
    "by-route": { limits: [{ ...FIVE, scope: "route" }], mode: "leased" },
  },
  routes: [
    { match: "/one" },
    { match: "/two", cost: 2 },
    { match: "/own", limits: [{ ...HUNDRED, name: "own" }] },
  ],
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const freeze = (): void => void vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS });

async function leasingEdge(anonymousTier = "unlimited") {
  const calls: string[] = [];
  const failure = { now: false };
  const edge = await startEdge({
    policy: { ...POLICY, anonymousTier },
    variables: {
      USER_LIMITER: objectsWith((subject, method) => {
        if (method !== "serve") return;
        calls.push(subject);
        if (failure.now) throw new Error("down");
      }),
    },
  });
  return { edge, calls, failure };
}

async function ask(edge: Edge, headers: Record<string, string>, path = "/one") {
  const response = await edge.request(path, { headers });
  const source = /desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1];
  return { status: response.status, source, left: response.headers.get("X-RateLimit-Remaining") };
}

const usageOf = async (edge: Edge, headers: Record<string, string>): Promise<unknown> => {
  const response = await edge.request("/api/v1/rate-limit/status", { headers });
  const { usage }: { usage: { hour: unknown } } = await response.json();
  return usage.hour;
};

describe("a leased user", () => {
  it("is decided with few calls, and every request is metered by route", async () => {
    const { edge, calls } = await leasingEdge();
    const { user, headers } = await customer(edge, { tier: "unlimited" });
    for (let i = 0; i < 200; i++)
      expect((await ask(edge, headers, i % 4 === 0 ? "/two" : "/one")).status).toBe(200);
    expect(calls.length).toBeLessThan(30);
    // The lease is settled when its time is over, even without another request.
    await edge.backgroundDone();
    expect(await usageOf(edge, headers)).toEqual({ requests: 200, cost: 250, denied: 0 });
    const rows = await admin(edge, "GET", `/accounts/${user}/usage?group=route`);
    expect(await rows.json()).toMatchObject({
      usage: [
        { route: "/one", requests: 150, cost: 150 },
        { route: "/two", requests: 50, cost: 100 },
      ],
    });
  });

  it("is decided by the object near the limit: the whole limit is admitted, and nothing beyond", async () => {
    freeze();
    const { edge, calls } = await leasingEdge("thousand");
    const headers = newAddress();
    const seen: string[] = [];
    for (let i = 0; i < 1_030; i++) {
      const { status, source } = await ask(edge, headers);
      seen.push(`${status} ${source}`);
    }
    expect(seen.filter((one) => one.startsWith("200"))).toHaveLength(1_000);
    expect(seen.filter((one) => one === "200 lease").length).toBeGreaterThan(900);
    expect(seen.slice(997, 1_000)).toEqual(Array.from({ length: 3 }, () => "200 strict"));
    expect(new Set(seen.slice(1_001))).toEqual(new Set(["429 deny-cache"]));
    expect(calls.length).toBeLessThan(130);
  });

  it("gets the remaining units as far as this isolate knows them", async () => {
    freeze();
    const { edge } = await leasingEdge("thousand");
    const headers = newAddress();
    for (let i = 0; i < 40; i++) {
      const { left, source } = await ask(edge, headers);
      // When the object decides, it cannot know how much of what it lent is unspent.
      if (source === "lease") expect(Math.abs(Number(left) - (999 - i))).toBeLessThanOrEqual(2);
      else expect(Number(left)).toBeLessThanOrEqual(999 - i);
    }
  });

  it("cannot use a key revoked elsewhere, despite the lease of another key", async () => {
    freeze();
    const { edge } = await leasingEdge();
    const { user, headers } = await customer(edge, { tier: "unlimited" });
    const second = await issueKey(edge, user);
    const bySecond = { "X-API-Key": second.key };
    // A lease requested no later than the account's last change is not spent.
    vi.setSystemTime(NOW_MS + 2);
    expect((await ask(edge, bySecond)).status).toBe(200);
    for (let i = 0; i < 5; i++) await ask(edge, headers);
    expect((await ask(edge, headers)).source).toBe("lease");
    const elsewhere = await startEdge({ policy: null });
    await admin(elsewhere, "DELETE", `/accounts/${user}/keys/${second.keyId}`);
    expect((await ask(edge, bySecond)).status).toBe(401);
    expect((await ask(edge, headers)).source).toBe("lease");
  });

  it("has a separate lease for each route with its own limits", async () => {
    freeze();
    const { edge } = await leasingEdge("unlimited");
    const headers = newAddress();
    let admitted = 0;
    for (let i = 0; i < 130; i++) {
      expect((await ask(edge, headers)).status).toBe(200);
      if ((await ask(edge, headers, "/own")).status === 200) admitted += 1;
    }
    expect(admitted).toBe(100);
  });

  it("is decided by a new policy as soon as the isolate knows it", async () => {
    freeze();
    const { edge } = await leasingEdge("unlimited");
    const headers = newAddress();
    for (let i = 0; i < 10; i++) await ask(edge, headers);
    expect((await ask(edge, headers)).source).toBe("lease");
    const one = { ...HUNDRED, tokens: 1, burst: 1 };
    await publishPolicy({
      ...POLICY,
      tiers: { ...POLICY.tiers, unlimited: { limits: [one], mode: "leased" } },
    });
    expect((await ask(edge, headers)).source).toBe("lease");
    // The lease would last for the rest of its second.
    await edge.services.policies.refresh(NOW_MS);
    const seen = [await ask(edge, headers), await ask(edge, headers)];
    expect(seen.map(({ status, source }) => `${status} ${source}`)).toEqual(["200 strict", "429 strict"]);
  });

  it("spends nothing of a lease from the future after the clock has stepped back", async () => {
    freeze();
    const { edge } = await leasingEdge();
    const headers = newAddress();
    for (let i = 0; i < 5; i++) await ask(edge, headers);
    expect((await ask(edge, headers)).source).toBe("lease");
    vi.setSystemTime(NOW_MS - 1);
    expect((await ask(edge, headers)).source).toBe("strict");
  });

  it("is blocked everywhere once the block is acknowledged", async () => {
    freeze();
    const here = await leasingEdge();
    const { user, headers } = await customer(here.edge, { tier: "unlimited" });
    const elsewhere = await startEdge({ policy: null });
    vi.setSystemTime(NOW_MS + 2);
    for (let i = 0; i < 5; i++) {
      await ask(here.edge, headers);
      await ask(elsewhere, headers);
    }
    expect([(await ask(here.edge, headers)).source, (await ask(elsewhere, headers)).source]).toEqual([
      "lease",
      "lease",
    ]);
    const waited = Promise.withResolvers<void>();
    const wait = vi.mocked(scheduler.wait).getMockImplementation();
    vi.mocked(scheduler.wait).mockImplementation(async (ms) => {
      // The isolates' clocks go on while the object waits.
      if (ms === 1_050) vi.setSystemTime(NOW_MS + 2 + ms);
      if (ms === 1_050) waited.resolve();
      else await wait?.(ms);
    });
    const blocked = admin(here.edge, "PATCH", `/accounts/${user}`, { status: "blocked", reason: "test" });
    await waited.promise;
    expect((await blocked).status).toBe(200);
    expect((await ask(here.edge, headers)).status).toBe(403);
    expect((await ask(elsewhere, headers)).status).toBe(403);
  });

  it("is blocked from the next request in the isolate that blocked it, even if a lease was in flight", async () => {
    freeze();
    const late = new Set<string>();
    const lateMs = 54_321;
    const held = Promise.withResolvers<void>();
    const wait = scheduler.wait.bind(scheduler);
    vi.spyOn(scheduler, "wait").mockImplementation((ms) => (ms === lateMs ? held.promise : wait(ms)));
    const variables = {
      LIMITER_TIMEOUT_MS: "30000",
      USER_LIMITER: objectsWhere((subject) => (late.has(subject) ? "late" : "through"), lateMs),
    };
    const edge = await startEdge({ policy: POLICY, variables });
    const { user, headers } = await customer(edge, { tier: "unlimited" });
    await ask(edge, headers);
    late.add(`user:${user}`);
    const asked = ask(edge, headers);
    // Delivered, and decided, before the change.
    await vi.waitFor(() => expect(scheduler.wait).toHaveBeenCalledWith(lateMs));
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked", reason: "test" });
    late.clear();
    held.resolve();
    expect(await asked).toMatchObject({ status: 200, source: "strict" });
    expect((await ask(edge, headers)).status).toBe(403);
  });

  it("spends its lease to the end while the object is down, and no longer", async () => {
    freeze();
    vi.spyOn(console, "error").mockReturnValue();
    const { edge, failure } = await leasingEdge();
    const headers = newAddress();
    for (let i = 0; i < 5; i++) await ask(edge, headers);
    failure.now = true;
    expect((await ask(edge, headers)).source).toBe("lease");
    vi.setSystemTime(NOW_MS + 1_000);
    expect((await ask(edge, headers)).source).toBe("fallback");
    failure.now = false;
    vi.setSystemTime(NOW_MS + 3_000);
    expect((await ask(edge, headers)).source).toBe("strict");
    // The settlement that failed then arrives now.
    expect(await usageOf(edge, headers)).toEqual({ requests: 7, cost: 7, denied: 0 });
  });
});

describe("a lease is spent only on what it was granted for", () => {
  /** Checks as a service does: with or without a route, in any tier. */
  async function service(tier: string) {
    freeze();
    const { edge } = await leasingEdge();
    const asking = await customer(edge, { tier: "unlimited", scopes: ["check"] });
    const user = newUser();
    return async (operation: object = {}): Promise<boolean> => {
      const body = JSON.stringify({ user, tier, ...operation });
      const init = { method: "POST", headers: asking.headers, body };
      const response = await edge.request("/api/v1/rate-limit/check", init);
      const { allowed }: { allowed: boolean } = await response.json();
      return allowed;
    };
  }

  it("a limit per route holds even if the same user is also checked without a route", async () => {
    const check = await service("by-route");
    let admitted = 0;
    for (let i = 0; i < 40; i++) {
      expect(await check({ cost: 1 })).toBe(true);
      if (await check({ route: "/one" })) admitted += 1;
    }
    expect(admitted).toBe(5);
  });

  it("a tier's limits hold even if the same user is also checked in a wider tier", async () => {
    const check = await service("limited");
    let admitted = 0;
    for (let i = 0; i < 40; i++) {
      expect(await check({ tier: "unlimited" })).toBe(true);
      if (await check({ tier: "five" })) admitted += 1;
    }
    expect(admitted).toBe(5);
  });
});

describe("no lease is granted", () => {
  it.each(["strict", "slots"])("to a user of the tier %s", async (tier) => {
    const { edge } = await leasingEdge(tier);
    const headers = newAddress();
    for (let i = 0; i < 5; i++) expect((await ask(edge, headers)).source).toBe("strict");
  });

  it("to replace an earlier one if the user is now blocked or in a strict tier, or the key is revoked", async () => {
    const { edge } = await leasingEdge();
    await edge.services.policies.refresh(Date.now());
    const revision = edge.services.policies.known?.revision ?? 0;
    const { user, keyId } = await customer(edge, { tier: "unlimited" });
    const stub = env.USER_LIMITER.getByName(`user:${user}`);
    // As an isolate requests its next lease: without a decision.
    const next = async (by: string | null) => {
      const costs = { costMilli: 1_000, peek: false, idempotencyKey: null };
      const request = { revision, tier: "unlimited", route: null, keyId: by, ...costs };
      const question = { request, decide: false, wantMilli: 16_000 };
      const [run] = await stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
      return run?.answer.lease ?? null;
    };
    expect(await next(keyId)).not.toBeNull();
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect([await next(keyId), (await next(null)) !== null]).toEqual([null, true]);
    await admin(edge, "PATCH", `/accounts/${user}`, { tier: "strict", reason: "test" });
    expect(await next(null)).toBeNull();
    await admin(edge, "PATCH", `/accounts/${user}`, { tier: "unlimited", reason: "test" });
    expect(await next(null)).not.toBeNull();
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked", reason: "test" });
    expect(await next(null)).toBeNull();
  });

  it("to a user who sends only occasional requests", async () => {
    freeze();
    const { edge } = await leasingEdge();
    const headers = newAddress();
    for (let i = 0; i < 3; i++) {
      expect((await ask(edge, headers)).source).toBe("strict");
      vi.setSystemTime(Date.now() + 1_001);
    }
  });
});

it("a lease settled twice is metered once, and one never settled is charged in full", async () => {
  // Kong/kong#11846, apache/apisix#13704
  freeze();
  const revision = await publishPolicy({ ...POLICY, anonymousTier: "thousand", defaultTier: "thousand" });
  const stub = env.USER_LIMITER.getByName(`user:${crypto.randomUUID()}`);
  const request = {
    revision,
    tier: "thousand",
    route: null,
    costMilli: 1_000,
    keyId: null,
    peek: false,
    idempotencyKey: null,
  };
  const lease = async (wantMilli: number) => {
    const [run] = await stub.serve({
      settlements: [],
      questions: [{ question: { request, decide: false, wantMilli }, times: 1 }],
    });
    return run?.answer.lease ?? null;
  };
  const left = async (): Promise<number | undefined> => {
    const status = await stub.status({ revision, tier: "thousand", keyId: null });
    return status.kind === "status" ? status.limits[0]?.remaining : undefined;
  };
  const first = await lease(10_000);
  expect([first?.milli, await left()]).toEqual([10_000, 990]);
  const cells = [{ route: "", keyId: "", requests: 4, costMilli: 4_000, denied: 0 }];
  const settlement = { leaseId: first?.id ?? "", cells };
  await stub.serve({ settlements: [settlement], questions: [] });
  await stub.serve({ settlements: [settlement], questions: [] });
  expect(await left()).toBe(996);
  const status = await stub.status({ revision, tier: "thousand", keyId: null });
  expect(status).toMatchObject({ usage: { hour: { requests: 4 } } });
  // At most one headroom.
  expect((await lease(1_000_000))?.milli).toBe(20_000);
  expect(await left()).toBe(976);
  // It is never settled: all of it is charged six seconds later, and refills from then on.
  vi.setSystemTime(NOW_MS + 7_000);
  await stub.decide([request]);
  expect(await left()).toBeCloseTo(975, 1);
  vi.setSystemTime(NOW_MS + 7_000 + 86_400_000);
  expect(await left()).toBeCloseTo(1_000, 1);
});

it("questions of one call share a lease for their total, and get none if one of them is denied", async () => {
  freeze();
  const revision = await publishPolicy({ ...POLICY, anonymousTier: "thousand", defaultTier: "thousand" });
  const request = (costMilli = 1_000) => ({
    revision,
    tier: "thousand",
    route: null,
    costMilli,
    keyId: null,
    peek: false,
    idempotencyKey: null,
  });
  const amounts = async (...costs: number[]): Promise<number[]> => {
    const stub = env.USER_LIMITER.getByName(`user:${crypto.randomUUID()}`);
    const questions = costs.map((costMilli) => ({
      request: request(costMilli),
      decide: true,
      wantMilli: 8_000,
    }));
    const runs = await stub.serve({ settlements: [], questions: compactQuestions(questions) });
    return runs.flatMap(({ answer: { lease } }) => lease?.milli ?? []);
  };
  expect(await amounts(1_000)).toEqual([8_000]);
  expect(await amounts(...Array.from({ length: 10 }, () => 1_000))).toEqual([20_000]);
  expect(await amounts(1_000, 2_000_000, 1_000)).toEqual([]);
});
