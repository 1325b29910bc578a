/** The points that analytics records: exactly one for each request and each checked operation, whatever its outcome. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { limitsText } from "../../src/analytics/limit-levels.ts";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import { admin, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { tokenEntry } from "../fixtures/edge-admin.ts";
import { ADMIN_TOKEN, type Edge, type EdgeOptions, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { policyOfTier, policyWith, TEST_POLICY, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function recording(options: EdgeOptions = {}) {
  const edge = await startEdge(options);
  const points: WaitingPoint[] = [];
  const record = edge.services.recorder.record.bind(edge.services.recorder);
  vi.spyOn(edge.services.recorder, "record").mockImplementation((point, ...rest) => {
    points.push(point);
    record(point, ...rest);
  });
  return { edge, points };
}

type Send = (edge: Edge) => Promise<Response>;
const get =
  (path: string, headers: Record<string, string> = {}, method = "GET"): Send =>
  (edge) =>
    edge.request(path, { method, headers: { ...newAddress(), ...headers } });

const throws = () => {
  throw new Error("down");
};
const tiers = (onLimiterFailure: "open" | "local" | "closed") => ({
  ...TEST_POLICY.tiers,
  anonymous: { limits: [THREE_A_MINUTE], onLimiterFailure },
});
const failing = (onLimiterFailure: "open" | "local" | "closed"): EdgeOptions => ({
  policy: policyWith({ tiers: tiers(onLimiterFailure) }),
  variables: { USER_LIMITER: objectsWith((_subject, method) => method === "serve" && throws()) },
});
const slow: EdgeOptions = {
  policy: policyWith({ routes: [{ match: "/identify", timeoutMs: 20 }] }),
  upstream: ({ signal }) =>
    new Promise((_answer, giveUp) => {
      signal.addEventListener("abort", () => giveUp(signal.reason));
    }),
};

describe("a request is one point", () => {
  it.each<[string, number, Send, EdgeOptions, Partial<WaitingPoint>]>([
    [
      "allowed",
      200,
      get("/identify"),
      {},
      {
        outcome: "allowed",
        reason: "ok",
        source: "strict",
        cost: 1,
        upstreamStatus: "2xx",
        upstreamCode: 200,
      },
    ],
    ["exempt", 200, get("/free/a"), {}, { outcome: "allowed", reason: "exempt", source: "none", cost: 0 }],
    [
      "not found",
      404,
      get("/no/such"),
      {},
      { outcome: "denied", reason: "not_found", route: "", upstreamStatus: "none", limits: null },
    ],
    ["ambiguous path", 400, get("/a%2fb"), {}, { outcome: "denied", reason: "invalid_request", route: "" }],
    [
      "bad key",
      401,
      get("/identify", { "X-API-Key": "el_live_no" }),
      {},
      { outcome: "denied", reason: "unauthenticated", account: "" },
    ],
    [
      "no credential",
      401,
      get("/private"),
      {},
      { outcome: "denied", reason: "unauthenticated", tier: "anonymous" },
    ],
    [
      "limiter fails, open",
      200,
      get("/identify"),
      failing("open"),
      { outcome: "allowed", reason: "ok", source: "fallback" },
    ],
    [
      "limiter fails, closed",
      503,
      get("/identify"),
      failing("closed"),
      { outcome: "error", reason: "limiter_unavailable", source: "fallback" },
    ],
    [
      "upstream throws",
      502,
      get("/identify"),
      { upstream: throws },
      { outcome: "error", reason: "upstream_error", upstreamStatus: "none", cost: 1 },
    ],
    [
      "upstream times out",
      504,
      get("/identify"),
      slow,
      { outcome: "error", reason: "upstream_timeout", cost: 1 },
    ],
    [
      "upstream answers 404",
      404,
      get("/identify"),
      { upstream: () => new Response("", { status: 404 }) },
      { outcome: "allowed", upstreamStatus: "4xx", upstreamCode: 404 },
    ],
  ])("%s: %i", async (_what, status, send, options, expected) => {
    const { edge, points } = await recording(options);
    const response = await send(edge);
    expect(response.status).toBe(status);
    expect(points).toEqual([expect.objectContaining({ ...expected, requests: 1, method: "GET", colo: "" })]);
    expect(points[0]?.requestId).toBe(response.headers.get("X-Request-Id"));
  });

  it("if the route does not allow its method", async () => {
    const { edge, points } = await recording({
      policy: policyWith({ routes: [{ match: "/identify", methods: ["GET"] }] }),
    });
    expect((await get("/identify", {}, "POST")(edge)).status).toBe(405);
    expect(points).toMatchObject([
      { outcome: "denied", reason: "method_not_allowed", route: "", method: "POST" },
    ]);
  });

  it("with a key: allowed, without the scope, blocked, revoked", async () => {
    const { edge, points } = await recording();
    const [good, narrow] = [await customer(edge), await customer(edge, { scopes: ["check"] })];
    await get("/identify", good.headers)(edge);
    await get("/identify", narrow.headers)(edge);
    await admin(edge, "PATCH", `/accounts/${good.user}`, { status: "blocked" });
    await get("/identify", good.headers)(edge);
    await admin(edge, "PATCH", `/accounts/${good.user}`, { status: "active" });
    await admin(edge, "DELETE", `/accounts/${good.user}/keys/${good.keyId}`);
    await get("/identify", good.headers)(edge);
    const [allowed, forbidden, blocked, revoked] = points;
    expect(allowed).toMatchObject({
      account: `user:${good.user}`,
      keyId: good.keyId,
      tier: "free",
      outcome: "allowed",
    });
    expect(forbidden).toMatchObject({
      account: `user:${narrow.user}`,
      outcome: "denied",
      reason: "forbidden",
    });
    expect(blocked).toMatchObject({ outcome: "denied", reason: "blocked" });
    expect(revoked).toMatchObject({ outcome: "denied" });
    expect(["revoked", "unauthenticated"]).toContain(revoked?.reason);
    expect(points).toHaveLength(4);
    expect(JSON.stringify(points)).not.toContain(good.key);
  });

  it("over a limit: with the limit's name, and from then on from the deny cache", async () => {
    const { edge, points } = await recording();
    const headers = newAddress();
    for (let i = 0; i < 5; i++) await edge.request("/identify", { headers });
    expect(points.map(({ outcome, reason }) => `${outcome} ${reason}`)).toEqual([
      ...Array(3).fill("allowed ok"),
      ...Array(2).fill("denied minute"),
    ]);
    expect(points.map(({ source }) => source).slice(-2)).toEqual(["strict", "deny-cache"]);
    expect(points[3]?.retryAfterMs).toBeGreaterThan(0);
    expect(points[3]?.remainingFraction).toBeLessThan(0.34);
  });
});

it("the remaining fraction of the tightest limit does not count slots", async () => {
  const parallel = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 60_000 } as const;
  const limits = [parallel, { name: "minute", kind: "bucket", tokens: 4, per: "minute" } as const];
  const { edge, points } = await recording({ policy: policyOfTier({ limits }) });
  await get("/identify")(edge);
  expect(points).toMatchObject([{ outcome: "allowed", remainingFraction: 0.75 }]);
  // What was left of each limit is recorded with the decision, slots too.
  expect(limitsText(points[0]?.limits ?? null)).toBe("parallel=0/1 slots;minute=3/4");
});

it("a CORS preflight is no point, since it is neither charged nor an error", async () => {
  const { edge, points } = await recording({ policy: policyWith({ cors: { origins: ["*"] } }) });
  const headers = { Origin: "https://app.example", "Access-Control-Request-Method": "GET" };
  expect((await get("/identify", headers, "OPTIONS")(edge)).status).toBe(204);
  expect(points).toEqual([]);
});

it.each([undefined, { origins: ["*"] }])(
  "an unexpected exception is an error point and a 500 problem: CORS %j",
  async (cors) => {
    const { edge, points } = await recording({ policy: policyWith(cors ? { cors } : {}) });
    vi.spyOn(edge.services.limiter, "decide").mockImplementation(throws);
    const response = await get("/identify")(edge);
    expect(await response.json()).toMatchObject({ status: 500, code: "internal_error" });
    expect(points).toMatchObject([{ outcome: "error", reason: "internal_error" }]);
  },
);

describe("an operation that a service checks is one point", () => {
  it("alone and in a batch; a peek is none, and an invalid operation is an error of the service", async () => {
    const { edge, points } = await recording();
    const service = await customer(edge, { tier: "partner", scopes: ["check"] });
    const user = newUser();
    const send = (path: string, body: unknown) =>
      edge.request(`/api/v1/rate-limit/${path}`, {
        method: "POST",
        headers: { ...service.headers, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    expect((await send("check", { user, cost: 2 })).status).toBe(200);
    const other = newUser();
    const items = [{ user, cost: 1 }, { user: "" }, { user: other, cost: 1 }, { user, cost: 1, peek: true }];
    expect((await send("check/batch", items)).status).toBe(200);
    expect(points.map(({ account, cost }) => [account, cost])).toEqual([
      [`user:${user}`, 2],
      [`user:${service.user}`, 0],
      ...[user, other].map((id) => [`user:${id}`, 1]),
    ]);
  });

  it("however often its idempotency key is repeated or reused for another, as in the ledger", async () => {
    const { edge, points } = await recording();
    const service = await customer(edge, { tier: "partner", scopes: ["check"] });
    const user = newUser();
    const send = (path: string, body: unknown) =>
      edge.request(`/api/v1/rate-limit/${path}`, {
        method: "POST",
        headers: service.headers,
        body: JSON.stringify(body),
      });
    const item = { user, cost: 2, idempotencyKey: "order-1" };
    for (let i = 0; i < 3; i++) expect((await send("check", item)).status).toBe(200);
    expect((await send("check", { ...item, cost: 3 })).status).toBe(422);
    const second = { ...item, idempotencyKey: "order-2" };
    expect((await send("check/batch", [second, item, second, { ...second, cost: 1 }])).status).toBe(200);
    const ofUser = points.filter(({ account }) => account === `user:${user}`);
    expect(ofUser.map(({ cost, outcome }) => [cost, outcome])).toEqual([
      [2, "allowed"],
      [2, "allowed"],
    ]);
    const status = await edge.services.limiter.accounts.status(
      `user:${user}`,
      { revision: edge.services.policies.known?.revision ?? 0, tier: "free", keyId: null },
      Date.now(),
      () => undefined,
    );
    expect(status).toMatchObject({ usage: { hour: { requests: 2, cost: 4, denied: 0 } } });
  });
});

it("a failing hub changes no response, and is logged", async () => {
  const hub = new Proxy(env.METRICS_HUB, {
    get() {
      throw new Error("the hub is dead");
    },
  });
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  const { edge } = await recording({ variables: { METRICS_HUB: hub, LOG_LEVEL: "warn" } });
  for (let i = 0; i < 4; i++) {
    expect((await get("/identify")(edge)).status).toBe(200);
    await edge.backgroundDone();
  }
  expect(warned.mock.calls.flat().map(String)).toEqual([
    expect.stringMatching(/"event":"hub_failed","points":1,"error":"Error: the hub is dead"/),
  ]);
});

describe("the live stream", () => {
  const LIVE = "/api/v1/admin/live";
  const UPGRADE = { Upgrade: "websocket" };

  it("is a WebSocket that requires a viewer", async () => {
    const { edge } = await recording();
    expect((await edge.request(LIVE, { headers: { ...UPGRADE, ...newAddress() } })).status).toBe(401);
    expect((await admin(edge, "GET", "/live")).status).toBe(426);
  });

  it("shows a decision that matches its filters", async () => {
    const { edge } = await recording();
    const headers = newAddress();
    const account = `ip:${headers["CF-Connecting-IP"]}`;
    const open = (search: string) =>
      edge.request(`${LIVE}?${search}`, {
        headers: { ...UPGRADE, ...newAddress(), Authorization: "Bearer admin-token-of-the-tests" },
      });
    expect((await open("path=/")).status).toBe(400);
    const { status, webSocket } = await open(`account=${encodeURIComponent(account)}`);
    expect(status).toBe(101);
    const frames: string[] = [];
    webSocket?.addEventListener("message", ({ data }) => void frames.push(String(data)));
    webSocket?.accept();
    await edge.request("/identify", { headers });
    await edge.backgroundDone();
    await expect.poll(() => frames.length).toBe(1);
    expect(JSON.parse(frames[0] ?? "")).toMatchObject({
      rows: [{ account, outcome: "allowed" }],
      skipped: 0,
    });
    webSocket?.close();
  });

  it("stays open for other administrators, however many streams one of them opens", async () => {
    const token = `bob-${crypto.randomUUID()}`;
    const ADMIN_TOKENS = JSON.stringify([await tokenEntry("bob", "viewer", token)]);
    const { edge } = await recording({ variables: { ADMIN_TOKENS } });
    const open = async (by: string) => {
      const headers = { ...UPGRADE, ...newAddress(), Authorization: `Bearer ${by}` };
      const { status, webSocket } = await edge.request(LIVE, { headers });
      const codes: number[] = [];
      webSocket?.addEventListener("close", ({ code }) => void codes.push(code));
      webSocket?.accept();
      return { status, webSocket, codes };
    };
    const before = await open(ADMIN_TOKEN);
    const streams: Awaited<ReturnType<typeof open>>[] = [];
    for (let i = 0; i < 50; i++) streams.push(await open(token));
    const after = await open(ADMIN_TOKEN);
    expect([before.status, after.status]).toEqual([101, 101]);
    // The newest streams stay open.
    const stillOpen = () => streams.flatMap(({ codes }, i) => (codes.length === 0 ? [i] : []));
    await expect.poll(stillOpen).toEqual([45, 46, 47, 48, 49]);
    expect([before.codes, after.codes]).toEqual([[], []]);
    for (const { webSocket } of [before, after, ...streams.slice(-5)]) webSocket?.close();
  });

  it("ends with the session that opened it", async () => {
    const { edge } = await recording();
    const own = { "Sec-Fetch-Site": "same-origin", ...newAddress() };
    const body = JSON.stringify({ token: ADMIN_TOKEN });
    const login = await edge.request("/api/v1/admin/session", { method: "POST", headers: own, body });
    const [cookie = ""] = login.headers.getSetCookie();
    const { webSocket } = await edge.request(LIVE, { headers: { ...UPGRADE, ...own, Cookie: cookie } });
    let isClosed = false;
    webSocket?.addEventListener("close", () => (isClosed = true));
    webSocket?.accept();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 8 * 3_600_000 });
    await edge.request("/identify", { headers: newAddress() });
    await edge.backgroundDone();
    vi.useRealTimers();
    await expect.poll(() => isClosed).toBe(true);
  });
});
