/**
 * Attacks on the gateway: fuzzed URLs and headers, prototype names, and one user's cached decisions for another user. Other files
 * cover keys, tokens, bodies and the spelling of paths.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admin, createAccount, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier, policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const CHECK = "/api/v1/rate-limit/check";
const UNLIMITED = policyOfTier({ limits: [] }, [{ match: "/:any", cost: 2 }, { match: "/*" }]);

/** Parts of URLs, including those that confuse parsers most. */
const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "//",
    "/.",
    "/..",
    "\\",
    "%2e",
    "%2F",
    "%5c",
    "%00",
    "%",
    "%zz",
    "%25",
    ";",
    "?",
    "#",
    "@",
    ":",
  ),
  fc.constantFrom(
    "api",
    "v1",
    "admin",
    "accounts",
    "health",
    "docs",
    "dashboard",
    "identify",
    "__proto__",
    "*",
    "{}",
  ),
  fc.string({ maxLength: 6 }),
  fc.string({ maxLength: 4, unit: "binary" }),
);
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

const SPOOFED = [
  "X-User-Id",
  "X-User-Tier",
  "X-Rate-Limit-User",
  "CF-Worker",
  "RateLimit",
  "Connection",
  "Via",
];
const headerName = fc.oneof(
  fc.constantFrom(...SPOOFED, "Cookie", "Range", "Expect", "TE", "Host", "X-Forwarded-For", "X-Request-Id"),
  fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,30}$/),
);
const headerValue = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,200}[\x21-\x7e])?$/),
  fc.constantFrom("", "a".repeat(8_000), ",".repeat(500), '"'.repeat(99), "close, X-User-Id"),
);

describe("any URL", () => {
  it("is forwarded, answered or rejected with a problem, never breaks the gateway, and never reaches the admin API", async () => {
    const edge = await startEdge({ policy: UNLIMITED });
    const headers = newAddress();
    const method = fc.constantFrom("GET", "POST", "DELETE", "PROPFIND");
    await fc.assert(
      fc.asyncProperty(path, method, async (url, verb) => {
        fc.pre(URL.canParse(`https://edge.test${url}`));
        const before = edge.forwarded.length;
        const response = await edge.request(`https://edge.test${url}`, { method: verb, headers });
        if (edge.forwarded.length > before) {
          expect(response.status).toBe(200);
          const { pathname } = new URL(edge.forwarded.at(-1)!.url);
          expect(pathname.toLowerCase()).not.toMatch(
            /^\/(?:docs|dashboard|health|ready)$|\/\/|\\|%2f|%5c|%00/,
          );
          expect(pathname).not.toMatch(/^\/api\/v1(?:\/|$)/);
          return;
        }
        expect([200, 304, 307, 308, 400, 401, 404, 405, 422, 503]).toContain(response.status);
        if (response.status >= 400) await problemOf(response);
      }),
      { numRuns: 400 },
    );
  });

  it.each(["/API/v1/admin/accounts", "/Api/V1/admin/policy", "/HEALTH", "/Docs", "/DashBoard"])(
    "that spells a reserved path in another case is routed by the policy and charged: %s",
    async (url) => {
      const edge = await startEdge({
        policy: policyOfTier({ limits: [{ name: "day", kind: "quota", amount: 9, per: "day" }] }),
      });
      const response = await edge.request(url, { headers: newAddress() });
      expect(response.headers.get("X-RateLimit-Remaining")).toBe("8");
      expect(edge.forwarded).toHaveLength(1);
    },
  );
});

describe("any headers", () => {
  it("change neither the charged user nor the user that the upstream sees, and break nothing", async () => {
    const edge = await startEdge({ policy: UNLIMITED });
    const { headers, user } = await customer(edge, { tier: "only" });
    const drawn = fc.array(fc.tuple(headerName, headerValue), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(drawn, async (pairs) => {
        const sent = new Headers(
          pairs.filter(([name]) => !/^(?:x-api-key|authorization|upgrade)$/i.test(name)),
        );
        for (const [name, value] of Object.entries(headers)) sent.set(name, value);
        const before = edge.forwarded.length;
        const response = await edge.request("/one", { headers: sent });
        expect(response.status).toBe(200);
        expect(edge.forwarded).toHaveLength(before + 1);
        const seen = edge.forwarded.at(-1)!.headers;
        expect([seen.get("X-User-Id"), seen.get("X-User-Tier")]).toEqual([user, "only"]);
        expect(seen.get("X-API-Key")).toBeNull();
      }),
      { numRuns: 150 },
    );
  });
});

/** Names of properties that every object has, and that a careless lookup would find. */
const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];

describe("prototype names", () => {
  it.each(NAMES)("are valid user ids: %s", async (name) => {
    const edge = await startEdge();
    await createAccount(edge, { id: name, tier: "pro" });
    const account = await admin(edge, "GET", `/accounts/${name}`);
    expect(await account.json()).toMatchObject({ id: name, tier: "pro" });
    expect((await admin(edge, "GET", `/accounts/${name}/usage`)).status).toBe(200);
    expect((await admin(edge, "DELETE", `/accounts/${name}`)).status).toBe(204);
  });

  it("are never a tier, route, limit or report, and pollute no prototype", async () => {
    const edge = await startEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const user = await createAccount(edge);
    for (const name of NAMES) {
      const attempts = [
        edge.request(CHECK, { method: "POST", headers, body: JSON.stringify({ user, tier: name }) }),
        edge.request(CHECK, { method: "POST", headers, body: JSON.stringify({ user, route: name }) }),
        edge.request(CHECK, { method: "POST", headers, body: `{"user":"${user}","${name}":{"polluted":1}}` }),
        admin(edge, "PATCH", `/accounts/${user}`, { tier: name }),
        admin(edge, "POST", `/accounts/${user}/grants`, {
          limit: name,
          amount: 1,
          until: "2999-01-01T00:00:00Z",
        }),
        admin(edge, "POST", `/accounts/${user}/reset`, { limits: [name] }),
        admin(edge, "GET", `/reports/${name}`),
        admin(edge, "GET", `/accounts?tier=${name}&cursor=${name}`),
      ];
      for (const response of await Promise.all(attempts)) {
        expect([200, 400, 404, 422], name).toContain(response.status);
      }
    }
    const own = '{"limits":{"__proto__":{"tokens":1000000,"burst":1000000},"constructor":{"amount":9}}}';
    const response = await edge.request(`/api/v1/admin/accounts/${user}`, {
      method: "PATCH",
      body: own,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...newAddress() },
    });
    expect(response.status).toBe(422);
    const document = `{"schema":1,"__proto__":{"tiers":{}},"tiers":{"__proto__":{"limits":[]}},"routes":[]}`;
    const validated = await edge.request("/api/v1/admin/policy/validate", {
      method: "POST",
      body: document,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...newAddress() },
    });
    expect(validated.status).toBeLessThan(500);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(Reflect.get({}, "tokens")).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("ids that look alike", () => {
  it.each([
    ["Cyrillic a", "аda"],
    ["a letter with an accent, in two forms", "ade\u0301"],
    ["a full-width letter", "ａda"],
    ["a zero-width space", "a\u200bda"],
    ["a right-to-left mark", "\u202eada"],
    ["a line feed", "a\nda"],
    ["a null", "a\u0000da"],
    ["a delete character", "a\u007fda"],
    ["a lone surrogate", "a\ud800"],
  ])("are rejected, and never taken for another user: %s", async (_what, user) => {
    const edge = await startEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const response = await edge.request(CHECK, { method: "POST", headers, body: JSON.stringify({ user }) });
    expect(await problemOf(response)).toMatchObject({ status: 422, errors: [{ path: "/user" }] });
    const made = await admin(edge, "POST", "/accounts", { id: user });
    expect(await problemOf(made)).toMatchObject({ status: 422 });
  });

  it("are different users if they differ only in case", async () => {
    const edge = await startEdge();
    const user = newUser();
    await createAccount(edge, { id: user, tier: "pro" });
    expect((await admin(edge, "GET", `/accounts/${user.toUpperCase()}`)).status).toBe(404);
  });
});

describe("one user's state", () => {
  const tiers = { ...TEST_POLICY.tiers, leased: { mode: "leased" as const, limits: [] } };

  it("a lease does not admit another user, who is blocked", async () => {
    const edge = await startEdge({ policy: policyWith({ tiers }) });
    const [ada, bob] = [await customer(edge, { tier: "leased" }), await customer(edge, { tier: "leased" })];
    await admin(edge, "PATCH", `/accounts/${bob.user}`, { status: "blocked" });
    const sources: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      const response = await edge.request("/identify", { headers: ada.headers });
      expect(response.status).toBe(200);
      sources.push(/desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1]);
      expect((await edge.request("/identify", { headers: bob.headers })).status).toBe(403);
    }
    expect(sources).toContain("lease");
    await edge.backgroundDone();
  });

  it("a denial affects neither another user nor a key from the same address", async () => {
    const edge = await startEdge();
    const address = newAddress();
    const { headers } = await customer(edge);
    for (let i = 0; i < 4; i++) await edge.request("/identify", { headers: address });
    expect((await edge.request("/identify", { headers: address })).status).toBe(429);
    expect((await edge.request("/identify", { headers: { ...headers, ...address } })).status).toBe(200);
    expect((await edge.request("/identify", { headers: newAddress() })).status).toBe(200);
  });

  it("an idempotency key does not give its decision to another user", async () => {
    const edge = await startEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const check = async (user: string): Promise<unknown> => {
      const body = JSON.stringify({ user, cost: 10, idempotencyKey: "order-1" });
      return (await edge.request(CHECK, { method: "POST", headers, body })).json();
    };
    const [ada, bob] = [newUser(), newUser()];
    const first = await check(ada);
    expect(await check(ada)).toEqual({ ...Object(first), replayed: true });
    const second = await check(bob);
    expect(second).toMatchObject({ allowed: true, cost: 10 });
    expect(second).not.toMatchObject({ decisionId: Reflect.get(Object(first), "decisionId") });
  });
});

it("a batch of 5,000 operations is rejected, and a batch of 1,000 gets an answer for each", async () => {
  const edge = await startEdge();
  const { headers } = await customer(edge, { scopes: ["check"] });
  const batch = (count: number): Promise<Response> =>
    edge.request(`${CHECK}/batch`, {
      method: "POST",
      headers,
      body: JSON.stringify(
        Array.from({ length: count }, (_, i) => ({ user: `crowd-${i % 40}`, peek: true })),
      ),
    });
  expect((await batch(5_000)).status).toBe(422);
  expect(await (await batch(1_000)).json()).toHaveLength(1_000);
});
