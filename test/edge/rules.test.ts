/** The policy's rules at the gateway and in the decision API: in front of all limits, but never past a block or the ledger. */
import { describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import document from "../../docs/rules.md?raw";
import { type RuleDocument, rules as rulesSchema } from "../../src/policy/rule-schema.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { admin, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { kvWith, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith } from "../fixtures/edge-policy.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

/** An edge with these rules that records which keys it reads and which objects it asks. */
async function ruledEdge(
  rules: RuleDocument[],
  changes: Partial<PolicyDocument> = {},
): Promise<Edge & { readonly keyReads: string[]; readonly subjects: string[] }> {
  const keyReads: string[] = [];
  const subjects: string[] = [];
  const edge = await startEdge({
    policy: policyWith({ rules, ...changes }),
    variables: {
      CONFIG: kvWith((key) => void (key.startsWith("key:") && keyReads.push(key))),
      USER_LIMITER: objectsWith((subject, method) => {
        if (method === "serve" && !subject.startsWith("login:")) subjects.push(subject);
      }),
    },
  });
  return { ...edge, keyReads, subjects };
}

async function statuses(edge: Edge, times: number, path: string, init: RequestInit): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push((await edge.request(path, init)).status);
  return found;
}

const usage = z.object({
  tier: z.string(),
  limits: z.array(z.object({ name: z.string(), remaining: z.number() })),
  usage: z.object({ month: z.object({ requests: z.number(), cost: z.number(), denied: z.number() }) }),
});

async function statusOf(edge: Edge, user: string) {
  const response = await admin(edge, "GET", `/accounts/${encodeURIComponent(user)}/status`);
  return z.parse(usage, await response.json());
}

const deny = (members: RuleDocument["if"]): RuleDocument => ({ name: "no", if: members, then: "deny" });
const allow = (members: RuleDocument["if"]): RuleDocument => ({ name: "yes", if: members, then: "allow" });
const inTier = (tier: string, members: RuleDocument["if"]): RuleDocument => ({
  name: "tiered",
  if: members,
  then: { tier },
});

describe("a rule that denies", () => {
  it("rejects before a key is read and an object is asked, and the response does not name it", async () => {
    const edge = await ruledEdge([deny({ userAgent: ["SQLmap"] })]);
    const { key } = await customer(edge);
    const headers = { "X-API-Key": key, "User-Agent": "sqlmap/1.7", ...newAddress() };
    const response = await edge.request("/identify", { headers });
    const problem = await problemOf(response);
    expect([problem.status, problem.code]).toEqual([403, "denied_by_rule"]);
    expect(JSON.stringify(problem)).not.toContain('"no"');
    expect([edge.keyReads, edge.subjects, edge.forwarded]).toEqual([[], [], []]);
    expect(await statuses(edge, 1, "/free/x", { headers })).toEqual([403]);
  });

  it("matches the client's address alone, whatever other headers claim", async () => {
    const edge = await ruledEdge([deny({ ip: ["198.51.100.0/24", "2001:db8::/32"] })]);
    const from = (address: string, more = {}) =>
      statuses(edge, 1, "/free/x", { headers: { "CF-Connecting-IP": address, ...more } });
    expect(await from("198.51.100.77")).toEqual([403]);
    expect(await from("::ffff:198.51.100.77")).toEqual([403]);
    expect(await from("2001:db8:1::1")).toEqual([403]);
    expect(await from("203.0.113.1")).toEqual([200]);
    const claims = Object.fromEntries(
      ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "Forwarded"].map((name) => [name, "198.51.100.77"]),
    );
    expect(await from("203.0.113.1", claims)).toEqual([200]);
    const others = Object.fromEntries(["X-Forwarded-For", "X-Real-IP"].map((name) => [name, "203.0.113.1"]));
    expect(await from("198.51.100.77", others)).toEqual([403]);
    // An unknown address is in no network.
    expect(await statuses(edge, 1, "/free/x", {})).toEqual([200]);
  });

  it("matches Cloudflare's own facts alone, and never a fact that is missing", async () => {
    const edge = await ruledEdge([deny({ country: ["XX"] }), { ...deny({ asn: [64_500] }), name: "no-asn" }]);
    const from = (cf: CfProperties | undefined, headers = {}) =>
      statuses(edge, 1, "/free/x", { headers, ...(cf ? { cf } : {}) });
    expect(await from({ country: "XX" })).toEqual([403]);
    expect(await from({ country: "DE", asn: 64_500 })).toEqual([403]);
    expect(await from({ country: "DE", asn: 64_501 })).toEqual([200]);
    expect(await from(undefined, { "CF-IPCountry": "XX" })).toEqual([200]);
  });

  it("of a key or a user rejects once the caller is known, and others go on", async () => {
    const edge = await ruledEdge([]);
    const [bad, good] = [await customer(edge), await customer(edge)];
    const byUser = await ruledEdge([deny({ user: [bad.user] })]);
    expect(await problemCode(await byUser.request("/identify", { headers: bad.headers }))).toBe(
      "403 denied_by_rule",
    );
    expect(byUser.subjects).toEqual([]);
    expect(await statuses(byUser, 1, "/identify", { headers: good.headers })).toEqual([200]);
    const byKey = await ruledEdge([deny({ key: [bad.keyId] })]);
    expect(await statuses(byKey, 1, "/identify", { headers: bad.headers })).toEqual([403]);
    expect(await statuses(byKey, 1, "/identify", { headers: newAddress() })).toEqual([200]);
    // A credential that is wrong stays 401: nobody is called by it.
    expect(await statuses(byKey, 1, "/identify", { headers: { "X-API-Key": "el_live_x" } })).toEqual([401]);
  });

  it("of a route holds for every spelling that an upstream may take for its path", async () => {
    const spellings = ["/Admin", "/admin/", "/admin;a=1", "/%61dmin", "/x/../admin", "/admin%20", "/./admin"];
    const edge = await ruledEdge([deny({ route: "/admin" })], {
      routes: [{ match: "/admin" }, { match: "/*", cost: 2 }],
    });
    for (const path of ["/admin", ...spellings]) {
      const [status] = await statuses(edge, 1, path, { headers: newAddress() });
      expect([400, 403], path).toContain(status);
    }
    expect(edge.forwarded).toEqual([]);
    expect(await statuses(edge, 1, "/other", { headers: newAddress() })).toEqual([200]);
  });

  it("never makes another spelling of its path one that an exempting rule lets through", async () => {
    const routes = [{ match: "/open" }, { match: "/*" }];
    const edge = await ruledEdge([allow({ route: "/open" })], { routes });
    const headers = newAddress();
    expect(await statuses(edge, 5, "/open", { headers })).toEqual([200, 200, 200, 200, 200]);
    // For an upstream that tells them apart, it would be a path of the other route, without its limits.
    for (const path of ["/Open", "/open/", "/open;a"]) {
      const found = await statuses(edge, 5, path, { headers });
      expect(found.filter((status) => status === 200).length, path).toBeLessThanOrEqual(3);
    }
  });
});

describe("a rule that allows", () => {
  it("admits beyond the limits, whose buckets stay as they were, and the ledger counts each request", async () => {
    const edge = await ruledEdge([allow({ ip: ["203.0.113.0/24"] })]);
    const { user, headers } = await customer(edge);
    const office = { ...headers, "CF-Connecting-IP": "203.0.113.9" };
    expect(new Set(await statuses(edge, 25, "/compare", { headers: office }))).toEqual(new Set([200]));
    await edge.backgroundDone();
    const { limits, usage: used } = await statusOf(edge, user);
    expect(used.month).toEqual({ requests: 25, cost: 50, denied: 0 });
    // The quota counts what the ledger has; the bucket counts nothing.
    expect(limits).toMatchObject([
      { name: "minute", remaining: 10 },
      { name: "month", remaining: 950 },
    ]);
    const limited = await statuses(edge, 11, "/identify", { headers: { ...headers, ...newAddress() } });
    expect(limited).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
  });

  it("sends no limit headers, and skips the route's own limits too", async () => {
    const tight = {
      match: "/tight",
      limits: [{ name: "one", kind: "bucket", tokens: 1, per: "day" } as const],
    };
    const edge = await ruledEdge([allow({ userAgent: ["monitor"] })], { routes: [tight] });
    const headers = { ...newAddress(), "User-Agent": "Monitor/2" };
    expect(await statuses(edge, 6, "/tight", { headers })).toEqual([200, 200, 200, 200, 200, 200]);
    const response = await edge.request("/tight", { headers });
    expect(response.headers.get("RateLimit")).toBeNull();
    expect(response.headers.get("X-RateLimit-Limit")).toBeNull();
  });

  it("never lets a blocked account or a revoked key through", async () => {
    const edge = await ruledEdge([allow({ ip: ["203.0.113.0/24"] })]);
    const { user, keyId, headers } = await customer(edge);
    const office = { ...headers, "CF-Connecting-IP": "203.0.113.9" };
    // Enough for a lease.
    await statuses(edge, 20, "/identify", { headers: office });
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await problemCode(await edge.request("/identify", { headers: office }))).toBe("403 blocked");
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "active" });
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect(await problemCode(await edge.request("/identify", { headers: office }))).toBe(
      "401 invalid_credentials",
    );
  });

  it("never spends more of a customer's money than they have capped", async () => {
    const price = { model: "unit", unit: "0.01" } as const;
    const limits = [
      { name: "minute", kind: "bucket", tokens: 1, per: "minute" } as const,
      {
        name: "month",
        kind: "quota",
        amount: 5,
        per: "month",
        overage: { mode: "payg", price, spendCap: "0.05" },
      } as const,
    ];
    const edge = await ruledEdge([allow({ ip: ["203.0.113.0/24"] })], {
      billing: { currency: "USD" },
      defaultTier: "paid",
      tiers: { ...policyWith({}).tiers, paid: { limits } },
    });
    const { headers } = await customer(edge, { tier: "paid" });
    const office = { ...headers, "CF-Connecting-IP": "203.0.113.9" };
    const found = await statuses(edge, 12, "/identify", { headers: office });
    const allowed = found.indexOf(429);
    // Five cost what the cap allows, and up to five are included, by the days left of the month; the bucket holds one.
    expect(allowed).toBeGreaterThanOrEqual(5);
    expect(allowed).toBeLessThanOrEqual(10);
    expect(new Set(found.slice(allowed))).toEqual(new Set([429]));
    expect(await problemCode(await edge.request("/identify", { headers: office }))).toBe(
      "429 spend_cap_reached",
    );
  });

  it("is decided from leases like any other request of a hot user, and its quota equals the ledger", async () => {
    const edge = await ruledEdge([allow({ ip: ["203.0.113.0/24"] })]);
    const { user, headers } = await customer(edge);
    const office = { ...headers, "CF-Connecting-IP": "203.0.113.9" };
    await statuses(edge, 5, "/identify", { headers: office });
    edge.subjects.length = 0;
    await statuses(edge, 40, "/identify", { headers: office });
    expect(edge.subjects.length).toBeLessThan(20);
    await edge.backgroundDone();
    // Between requests that are limited, too.
    await statuses(edge, 3, "/identify", { headers: { ...headers, ...newAddress() } });
    await statuses(edge, 2, "/identify", { headers: office });
    await edge.backgroundDone();
    const { limits, usage: used } = await statusOf(edge, user);
    expect(used.month).toEqual({ requests: 50, cost: 50, denied: 0 });
    expect(limits).toContainEqual(expect.objectContaining({ name: "month", remaining: 950 }));
  });
});

describe("a rule that names a tier", () => {
  it("applies to callers without an account: an account keeps its own", async () => {
    const edge = await ruledEdge([inTier("partner", { userAgent: ["crawler"] })]);
    const agent = { "User-Agent": "a crawler" };
    const anonymous = { ...newAddress(), ...agent };
    expect(await statuses(edge, 5, "/identify", { headers: anonymous })).toEqual([200, 200, 200, 200, 200]);
    expect(edge.forwarded.at(-1)?.headers.get("X-User-Tier")).toBe("partner");
    const { headers } = await customer(edge, { tier: "free" });
    await edge.request("/identify", { headers: { ...headers, ...agent } });
    expect(edge.forwarded.at(-1)?.headers.get("X-User-Tier")).toBe("free");
    expect(await statuses(edge, 4, "/identify", { headers: newAddress() })).toEqual([200, 200, 200, 429]);
  });
});

describe("rules", () => {
  it("apply in order, and a later one never overrules an earlier one that asks who is calling", async () => {
    const setup = await ruledEdge([]);
    const { user, headers } = await customer(setup);
    const edge = await ruledEdge([allow({ user: [user] }), deny({ ip: ["0.0.0.0/0"] })]);
    const address = newAddress();
    expect(await statuses(edge, 1, "/identify", { headers: { ...headers, ...address } })).toEqual([200]);
    expect(await statuses(edge, 1, "/identify", { headers: address })).toEqual([403]);
  });

  it("in shadow change nothing, and are counted with what they would have done", async () => {
    const edge = await ruledEdge([
      { ...deny({ userAgent: ["bot"] }), shadow: true },
      { ...allow({ userAgent: ["bot"] }), name: "later" },
    ]);
    const add = vi.spyOn(edge.services.metrics, "add");
    const headers = { ...newAddress(), "User-Agent": "bot" };
    const record = vi.spyOn(edge.services.recorder, "record");
    expect(await statuses(edge, 1, "/identify", { headers })).toEqual([200]);
    expect(record.mock.calls[0]?.[0]).toMatchObject({
      outcome: "allowed",
      reason: "shadow:rule:no",
      shadowed: "rule:no",
      rule: "later",
    });
    const counted = add.mock.calls.filter(([family]) => family === "ruleMatches").map(([, labels]) => labels);
    expect(counted).toEqual([
      ["no", "would_deny"],
      ["later", "allow"],
    ]);
  });

  it("are named in the record of each request that they applied to", async () => {
    const edge = await ruledEdge([deny({ userAgent: ["bot"] }), allow({ userAgent: ["friend"] })]);
    const record = vi.spyOn(edge.services.recorder, "record");
    for (const agent of ["bot", "friend", "other"]) {
      await edge.request("/identify", { headers: { ...newAddress(), "User-Agent": agent } });
    }
    const points = record.mock.calls.map(([{ outcome, reason, rule, source }]) => [
      outcome,
      reason,
      rule,
      source,
    ]);
    expect(points).toEqual([
      ["denied", "rule:no", "no", "none"],
      ["allowed", "ok", "yes", "strict"],
      ["allowed", "ok", "", "strict"],
    ]);
  });
});

it("of the worked example of docs/rules.md do what it says", async () => {
  const [, json = ""] = /^```json rules\n(.*?)^```$/ms.exec(document) ?? [];
  const rows = document.split("\n").filter((line) => /^\| `[\d:a-f.]+` \|/.test(line));
  expect(rows).toHaveLength(10);
  const policy = policyWith({
    rules: z.parse(rulesSchema, JSON.parse(json)),
    routes: [{ match: "/identify" }, { match: "/compare", cost: 2 }, { match: "/*" }],
  });
  const tiers = { ...policy.tiers, anonymous: { limits: [] }, crawler: { limits: [] } };
  const edge = await startEdge({ policy: { ...policy, tiers } });
  const record = vi.spyOn(edge.services.recorder, "record");
  for (const row of rows) {
    const [, from = "", place = "", agent = "", path = "", name = "", status = ""] = row
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", ""));
    const [country = "", asn = ""] = place.split(", ");
    const headers = { "CF-Connecting-IP": from, "User-Agent": agent };
    const init = asn === "" ? { headers } : { headers, cf: { country, asn: Number(asn) } };
    expect((await edge.request(path, init)).status, row).toBe(Number(status));
    expect(record.mock.calls.at(-1)?.[0].rule, row).toBe(name === "none" ? "" : name);
  }
});

describe("in the decision API", () => {
  const decision = z.object({
    outcome: z.string(),
    allowed: z.boolean(),
    violated: z.array(z.string()),
    retryAfterMs: z.nullable(z.number()),
    tier: z.string(),
  });

  it("rules of a user and a route apply; what is unknown there never matches, not even the service's own address", async () => {
    const [denied, allowed] = [newUser(), newUser()];
    const edge = await ruledEdge([
      deny({ user: [denied], route: "/identify" }),
      { ...deny({ ip: ["0.0.0.0/0"] }), name: "all" },
      allow({ user: [allowed] }),
    ]);
    const service = await customer(edge, { scopes: ["check"] });
    const check = async (operation: object) => {
      const body = JSON.stringify(operation);
      const headers = { ...service.headers, "CF-Connecting-IP": "203.0.113.1" };
      const response = await edge.request("/api/v1/rate-limit/check", { method: "POST", headers, body });
      return z.parse(decision, await response.json());
    };
    const rejected = { outcome: "denied_by_rule", allowed: false, violated: ["rule:no"], retryAfterMs: null };
    expect(await check({ user: denied, route: "/identify" })).toMatchObject(rejected);
    expect(await check({ user: denied, route: "/identify", peek: true })).toMatchObject(rejected);
    expect((await check({ user: denied })).allowed).toBe(true);
    // Its limit holds 10.
    expect((await check({ user: allowed, cost: 30 })).allowed).toBe(true);
    expect((await check({ user: newUser(), cost: 30 })).allowed).toBe(false);
  });
});
