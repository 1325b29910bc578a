/** The decision API with single operations: who may call it, what operations may contain, and what they cost. */
import { describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { admin, createAccount, customer, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, publishPolicy, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

const PATH = "/api/v1/rate-limit/check";
const POLICY = policyWith({
  routes: [
    ...TEST_POLICY.routes,
    { match: "/reports/:id", methods: ["GET"], cost: 0.5 },
    {
      match: "/reports/:id",
      methods: ["POST"],
      cost: 3,
      limits: [{ name: "write", kind: "bucket", tokens: 3, per: "hour" }],
    },
  ],
});

const decision = z.object({
  outcome: z.string(),
  allowed: z.boolean(),
  cost: z.number(),
  limits: z.array(
    z.object({
      name: z.string(),
      limit: z.number(),
      remaining: z.number(),
      resetMs: z.number(),
      windowMs: z.number(),
    }),
  ),
  retryAfterMs: z.nullable(z.number()),
  violated: z.array(z.string()),
  source: z.string(),
  tier: z.string(),
  revision: z.number(),
  // A UUID, and the number of decisions of its isolate.
  decisionId: z.string().check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
  replayed: z.optional(z.boolean()),
});

/** An edge with a service that may check, and a function that sends operations as that service. */
async function asking(variables: Partial<Env> = {}) {
  const edge = await startEdge({ policy: POLICY, variables });
  const service = await customer(edge, { scopes: ["check"] });
  const post = (body: string) => edge.request(PATH, { method: "POST", body, headers: service.headers });
  const check = async (operation: unknown) => {
    const response = await post(JSON.stringify(operation));
    expect(response.status).toBe(200);
    return z.parse(decision, await response.json());
  };
  return { edge, service, post, check };
}

describe("an operation", () => {
  it("is answered with 200, allowed or not, and with everything a caller needs", async () => {
    const { check } = await asking();
    const user = newUser();
    const first = await check({ user, cost: 7 });
    expect(first).toMatchObject({
      outcome: "allowed",
      allowed: true,
      cost: 7,
      violated: [],
      retryAfterMs: 0,
      tier: "free",
    });
    expect(first.limits.map(({ name, limit }) => [name, limit])).toEqual([
      ["minute", 10],
      ["month", 1_000],
    ]);
    expect(first.limits[1]?.remaining).toBe(993);
    const second = await check({ user, cost: 7 });
    expect(second).toMatchObject({
      outcome: "denied",
      allowed: false,
      violated: ["minute"],
      source: "strict",
    });
    expect(second.retryAfterMs).toBeGreaterThan(0);
    expect(second.limits[1]?.remaining).toBe(993);
    expect(second.decisionId).not.toBe(first.decisionId);
  });

  it("without route and cost costs 1 against the user's own limits", async () => {
    const { check } = await asking();
    expect(await check({ user: newUser() })).toMatchObject({ cost: 1, allowed: true });
  });

  it.each([
    [{ route: "/compare" }, 2, ["minute", "month"]],
    [{ route: "GET /reports/:id" }, 0.5, ["minute", "month"]],
    [{ route: "POST /reports/:id" }, 3, ["minute", "month", "write"]],
    [{ route: "/compare", cost: 4 }, 4, ["minute", "month"]],
    [{ route: "/free/*" }, 0, ["minute", "month"]],
    [{ cost: 0.001 }, 0.001, ["minute", "month"]],
  ])("may name a route, with its cost and its own limits, or a cost: %j", async (question, cost, names) => {
    const { check } = await asking();
    const answer = await check({ user: newUser(), ...question });
    expect(answer.cost).toBe(cost);
    expect(answer.limits.map(({ name }) => name)).toEqual(names);
  });

  it("may name the tier of a user without an account; an account's own tier takes precedence", async () => {
    const { edge, check } = await asking();
    expect(await check({ user: newUser(), tier: "pro" })).toMatchObject({ tier: "pro" });
    const user = await createAccount(edge, { tier: "partner" });
    expect(await check({ user, tier: "pro" })).toMatchObject({ tier: "partner", limits: [] });
  });

  it("can be decided without being charged", async () => {
    const { check } = await asking();
    const user = newUser();
    for (let i = 0; i < 3; i++) {
      const peeked = await check({ user, cost: 10, peek: true });
      expect(peeked).toMatchObject({ allowed: true });
      expect(peeked.limits[0]?.remaining).toBe(10);
    }
    expect(await check({ user, cost: 10 })).toMatchObject({ allowed: true });
    expect(await check({ user, peek: true })).toMatchObject({ allowed: false, outcome: "denied" });
  });

  it("that can never be allowed has no time to retry after", async () => {
    const { check } = await asking();
    expect(await check({ user: newUser(), cost: 11 })).toMatchObject({ allowed: false, retryAfterMs: null });
  });

  it("for a blocked user is answered, too", async () => {
    const { edge, check } = await asking();
    const user = await createAccount(edge);
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await check({ user })).toMatchObject({ outcome: "blocked", allowed: false, limits: [] });
  });

  it("is counted by the same limits as the gateway's requests", async () => {
    const { edge, check } = await asking();
    const { user, headers } = await customer(edge);
    await check({ user, cost: 8 });
    const response = await edge.request("/identify", { headers });
    expect(response.headers.get("X-RateLimit-Remaining")).toBe("1");
  });
});
describe("an idempotency key", () => {
  const asked = { cost: 6, idempotencyKey: "order-1" };

  it("repeats an allowed decision, marked as replayed, and is charged once", async () => {
    const { check } = await asking();
    const user = newUser();
    const first = await check({ user, ...asked });
    expect(first).not.toHaveProperty("replayed");
    expect(await check({ user, ...asked })).toEqual({ ...first, replayed: true });
    expect(await check({ user, ...asked, idempotencyKey: "order-2" })).toMatchObject({ allowed: false });
    expect((await check({ user, peek: true })).limits[1]?.remaining).toBe(994);
  });

  it.each<[what: string, before: object, change: (edge: Edge, user: string) => Promise<unknown>]>([
    ["a reset", { cost: 10 }, async (edge, user) => admin(edge, "POST", `/accounts/${user}/reset`, {})],
    [
      "an upgrade",
      { cost: 10 },
      async (edge, user) => admin(edge, "PATCH", `/accounts/${user}`, { tier: "pro" }),
    ],
  ])("does not repeat a denial: %s applies at once", async (_what, before, change) => {
    const { edge, check } = await asking();
    const user = await createAccount(edge);
    await check({ user, ...before });
    expect(await check({ user, ...asked })).toMatchObject({ outcome: "denied" });
    await change(edge, user);
    const allowed = await check({ user, ...asked });
    expect(allowed).toMatchObject({ outcome: "allowed" });
    expect(allowed).not.toHaveProperty("replayed");
    expect(await check({ user, ...asked })).toEqual({ ...allowed, replayed: true });
  });

  it("does not repeat a block, but repeats what was allowed before it", async () => {
    const { edge, check } = await asking();
    const user = await createAccount(edge);
    const first = await check({ user, ...asked });
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await check({ user, cost: 1, idempotencyKey: "order-2" })).toMatchObject({ outcome: "blocked" });
    expect(await check({ user, ...asked })).toEqual({ ...first, replayed: true });
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "active" });
    expect(await check({ user, cost: 1, idempotencyKey: "order-2" })).toMatchObject({ outcome: "allowed" });
  });

  it.each<[what: string, first: object, second: object]>([
    ["a cheaper first", { cost: 0.001 }, { cost: 9 }],
    ["a dearer first", { cost: 9 }, { cost: 0.001 }],
    ["a route instead of its cost", { cost: 2 }, { route: "/compare" }],
    ["a cost instead of the route that has it", { route: "/compare" }, { cost: 2 }],
    ["a cost beside the route", { route: "/compare" }, { route: "/compare", cost: 2 }],
    ["another route of the same cost", { route: "/identify" }, { route: "POST /reports/:id", cost: 1 }],
    ["nothing instead of a cost of 1", {}, { cost: 1 }],
    ["a tier", {}, { tier: "free" }],
    ["another tier", { tier: "free" }, { tier: "pro" }],
    ["a peek", {}, { peek: true }],
  ])("reused with other parameters is 422 and charges nothing: %s", async (_what, first, second) => {
    const { check, post } = await asking();
    const key = { user: newUser(), idempotencyKey: "order-1" };
    const allowed = await check({ ...key, ...first });
    const before = (await check({ user: key.user, peek: true })).limits;
    const fault = await problemOf(await post(JSON.stringify({ ...key, ...second })));
    expect([fault.status, fault.code]).toEqual([422, "idempotency_mismatch"]);
    expect((await check({ user: key.user, peek: true })).limits[1]).toMatchObject({
      remaining: before[1]?.remaining,
    });
    expect(await check({ ...key, ...first })).toEqual({ ...allowed, replayed: true });
  });

  it("matches the same operation in another form: peek false, fields in another order, 1.0 for 1", async () => {
    const { check, post } = await asking();
    const user = newUser();
    const first = await check({ user, cost: 1, idempotencyKey: "order-1" });
    const again = await post(`{"peek": false, "idempotencyKey": "order-1", "cost": 1.0, "user": "${user}"}`);
    expect(await again.json()).toMatchObject({ decisionId: first.decisionId, replayed: true });
  });

  it("used only in a peek or a denial can be reused for anything", async () => {
    const { check } = await asking();
    const user = newUser();
    await check({ user, cost: 3, peek: true, idempotencyKey: "order-1" });
    expect(await check({ user, cost: 11, idempotencyKey: "order-1" })).toMatchObject({ outcome: "denied" });
    expect(await check({ user, cost: 4, idempotencyKey: "order-1" })).toMatchObject({ outcome: "allowed" });
  });

  it("still matches its operation after a change of the policy", async () => {
    const { edge, check } = await asking();
    const user = newUser();
    const first = await check({ user, route: "/compare", idempotencyKey: "order-1" });
    const routes = POLICY.routes.map((route) => (route.match === "/compare" ? { ...route, cost: 5 } : route));
    await publishPolicy({ ...POLICY, defaultTier: "pro", routes });
    const nowMs = Date.now() + 60_000;
    await edge.services.policies.current(nowMs, () => undefined);
    await vi.waitFor(async () => {
      expect(await check({ user: newUser(), route: "/compare" })).toMatchObject({ cost: 5, tier: "pro" });
    });
    expect(await check({ user, route: "/compare", idempotencyKey: "order-1" })).toEqual({
      ...first,
      replayed: true,
    });
  });

  it("belongs to its caller: the same key of another service is decided separately", async () => {
    const { edge, check } = await asking();
    const other = await customer(edge, { scopes: ["check"] });
    const user = newUser();
    const first = await check({ user, ...asked });
    const ask = async (body: object) =>
      (
        await edge.request(PATH, { method: "POST", body: JSON.stringify(body), headers: other.headers })
      ).json();
    expect(await ask({ user, cost: 1, idempotencyKey: "order-1" })).toMatchObject({ allowed: true, cost: 1 });
    expect(await check({ user, ...asked })).toEqual({ ...first, replayed: true });
    expect((await check({ user, peek: true })).limits[1]?.remaining).toBe(993);
    const second = await issueKey(edge, other.user, { scopes: ["check"] });
    const asSecond = await edge.request(PATH, {
      method: "POST",
      body: JSON.stringify({ user, cost: 2, idempotencyKey: "order-1" }),
      headers: { "X-API-Key": second.key },
    });
    expect(await asSecond.json()).toMatchObject({ allowed: true, cost: 2 });
  });

  it("is stored by the limiter alone: what the fallback allowed is decided again, and charged once", async () => {
    const errors = vi.spyOn(console, "error").mockReturnValue();
    let down = true;
    const edge = await startEdge({
      policy: POLICY,
      variables: {
        USER_LIMITER: objectsWith((_subject, method) => {
          if (down && (method === "serve" || method === "decide")) throw new Error("down");
        }),
      },
    });
    const user = newUser();
    // Accounts are created with admin tokens, which the limiter counts, too.
    down = false;
    const { headers } = await customer(edge, { scopes: ["check"] });
    const ask = async (body: object) =>
      (await edge.request(PATH, { method: "POST", body: JSON.stringify(body), headers })).json();
    down = true;
    expect(await ask({ user, ...asked })).toMatchObject({ allowed: true, source: "fallback" });
    down = false;
    const charged = await ask({ user, ...asked });
    expect(charged).toMatchObject({ allowed: true, source: "strict" });
    expect(charged).not.toHaveProperty("replayed");
    expect(await ask({ user, ...asked })).toMatchObject({ replayed: true });
    errors.mockRestore();
  });
});

describe("an invalid operation is reported by its path", () => {
  it.each<[what: string, body: unknown, status: number, paths: string[]]>([
    ["no user", {}, 422, ["/user"]],
    ["a user with a space", { user: "a b" }, 422, ["/user"]],
    ["a user of 201 characters", { user: "a".repeat(201) }, 422, ["/user"]],
    ["a user beyond ASCII", { user: "zoë" }, 422, ["/user"]],
    ["an unknown route", { user: "a", route: "/nowhere" }, 422, ["/route"]],
    ["a path instead of a route", { user: "a", route: "/reports/7" }, 422, ["/route"]],
    ["a route's match that two routes have", { user: "a", route: "/reports/:id" }, 422, ["/route"]],
    ["an unknown tier", { user: "a", tier: "gold" }, 422, ["/tier"]],
    ["a tier that is the prototype", { user: "a", tier: "constructor" }, 422, ["/tier"]],
    ["an unknown field", { user: "a", costs: 3 }, 422, ["/costs"]],
    ["a negative cost", { user: "a", cost: -1 }, 422, ["/cost"]],
    ["a cost of 1e15", { user: "a", cost: 1e15 }, 422, ["/cost"]],
    ["a cost finer than 0.001", { user: "a", cost: 0.0001 }, 422, ["/cost"]],
    ["a cost as a string", { user: "a", cost: "1" }, 422, ["/cost"]],
    ["an idempotency key with a newline", { user: "a", idempotencyKey: "a\n" }, 422, ["/idempotencyKey"]],
    ["two faults at once", { user: "", peek: 1 }, 422, ["/user", "/peek"]],
    ["an array", [{ user: "a" }], 422, [""]],
    ["null", null, 422, [""]],
    ["a string", "ada", 422, [""]],
  ])("%s", async (_what, body, status, paths) => {
    const { post } = await asking();
    const fault = await problemOf(await post(JSON.stringify(body)));
    expect([fault.status, fault.code]).toEqual([status, "invalid_request"]);
    expect(fault.errors?.map(({ path }) => path)).toEqual(paths);
  });

  it.each([
    ["nothing", ""],
    ["text that is not JSON", "user=ada"],
    ["truncated JSON", '{"user":"ada"'],
    ["bytes that are not UTF-8", "\u0000\uFFFD"],
  ])("%s", async (_what, body) => {
    const { post } = await asking();
    expect(await problemCode(await post(body))).toBe("400 invalid_request");
  });

  it("a body that is too large, which is not read beyond the limit, whatever Content-Length says", async () => {
    const { edge, service } = await asking();
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const response = await edge.request(PATH, { method: "POST", body: endless, headers: service.headers });
    expect(await problemCode(response)).toBe("413 invalid_request");
    expect(pulled).toBeLessThan(40);
  });

  it("JSON of extreme depth", async () => {
    const { post } = await asking();
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect((await post(deep)).status).toBe(422);
    expect((await post(`{"user":${deep}}`)).status).toBe(422);
  });
});

describe("access to the decision API", () => {
  const body = JSON.stringify({ user: "someone" });
  const ask = (edge: Edge, headers: Record<string, string>) =>
    edge.request(PATH, { method: "POST", body, headers });

  it("requires a key with the scope check", async () => {
    const { edge, service } = await asking();
    expect((await ask(edge, service.headers)).status).toBe(200);
    expect(await problemCode(await ask(edge, newAddress()))).toBe("401 invalid_credentials");
    const caller = await customer(edge, { scopes: ["call"] });
    expect(await problemCode(await ask(edge, caller.headers))).toBe("403 forbidden");
    const both = await customer(edge, { scopes: ["call", "check"] });
    expect((await ask(edge, both.headers)).status).toBe(200);
  });

  it("ends at once when the key is revoked, even if KV still knows it", async () => {
    const { edge, service } = await asking();
    expect((await ask(edge, service.headers)).status).toBe(200);
    expect((await admin(edge, "DELETE", `/accounts/${service.user}/keys/${service.keyId}`)).status).toBe(200);
    expect(await problemCode(await ask(edge, service.headers))).toBe("401 invalid_credentials");
  });

  it("ends at once when the service's account is blocked", async () => {
    const { edge, service } = await asking();
    await admin(edge, "PATCH", `/accounts/${service.user}`, { status: "blocked" });
    expect(await problemCode(await ask(edge, service.headers))).toBe("403 blocked");
  });

  it("costs nothing of the service's own limits", async () => {
    const { edge, service, check } = await asking();
    for (let i = 0; i < 3; i++) await check({ user: newUser(), cost: 5 });
    const status = await edge.request("/api/v1/rate-limit/status", { headers: service.headers });
    const answer: { limits: { period?: { start: string; end: string } }[] } = await status.json();
    expect(answer).toMatchObject({ limits: [{ remaining: 10 }, { remaining: 1_000, period: { used: 0 } }] });
    const { start, end } = answer.limits[1]?.period ?? {};
    expect([start, end]).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-01T00:00:00\.000Z$/),
      expect.stringMatching(/^\d{4}-\d\d-01T00:00:00\.000Z$/),
    ]);
  });

  it("continues while the object of the service's own account fails", async () => {
    const errors = vi.spyOn(console, "error").mockReturnValue();
    const { service } = await asking();
    const own = `user:${service.user}`;
    const edge = await startEdge({
      policy: POLICY,
      variables: {
        USER_LIMITER: objectsWith((subject) => {
          if (subject === own) throw new Error("down");
        }),
      },
    });
    expect((await ask(edge, service.headers)).status).toBe(200);
    errors.mockRestore();
  });
});

describe("a caller's own status", () => {
  const STATUS = "/api/v1/rate-limit/status";

  it("contains limits, usage, tier and revision, and costs nothing", async () => {
    const { edge } = await asking();
    const { user, headers } = await customer(edge);
    for (let i = 0; i < 3; i++) await edge.request("/identify", { headers });
    for (let i = 0; i < 5; i++) await edge.request(STATUS, { headers });
    const response = await edge.request(STATUS, { headers });
    expect(await response.json()).toMatchObject({
      user,
      tier: "free",
      status: "active",
      revision: expect.any(Number),
      limits: [
        { name: "minute", limit: 10 },
        { name: "month", limit: 1_000, remaining: 997 },
      ],
      usage: { month: { requests: 3, cost: 3, denied: 0 } },
    });
  });

  it("is available to an address, too, but not to a revoked key", async () => {
    const { edge } = await asking();
    const anonymous = await edge.request(STATUS, { headers: newAddress() });
    expect(await anonymous.json()).toMatchObject({ user: null, tier: "anonymous" });
    const { user, keyId, headers } = await customer(edge);
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect((await edge.request(STATUS, { headers })).status).toBe(401);
  });
});

describe("a user's status", () => {
  const STATUS = "/api/v1/rate-limit/status";

  it("is available to services, and costs nothing", async () => {
    const { edge, service, check } = await asking();
    const user = `team/${newUser()}`;
    await check({ user, cost: 3 });
    const ask = () => edge.request(`${STATUS}/${encodeURIComponent(user)}`, { headers: service.headers });
    await ask();
    expect(await (await ask()).json()).toMatchObject({
      user,
      tier: "free",
      status: "active",
      limits: [{ name: "minute" }, { name: "month", limit: 1_000, remaining: 997 }],
      usage: { month: { requests: 1, cost: 3, denied: 0 } },
    });
  });

  it("is not available to other keys, even to the user's own", async () => {
    const { edge, service } = await asking();
    const { user, headers } = await customer(edge);
    expect((await edge.request(`${STATUS}/${user}`, { headers })).status).toBe(403);
    expect((await edge.request(`${STATUS}/${user}`, { headers: newAddress() })).status).toBe(401);
    expect((await edge.request(`${STATUS}/a%20b`, { headers: service.headers })).status).toBe(404);
  });
});
