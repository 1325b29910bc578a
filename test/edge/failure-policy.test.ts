/**
 * What happens when the limiter itself fails: the tier's choice applies, within a deadline, and the response names it. The
 * objects are real ones that hang or throw on demand.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { admin, customer, issueKey, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { hang, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const DAY = { name: "day", kind: "quota", amount: 2, per: "day" } as const;
const POLICY = policyWith({
  tiers: {
    ...TEST_POLICY.tiers,
    local: { limits: [THREE_A_MINUTE], onLimiterFailure: "local" },
    quota: { limits: [{ name: "minute", kind: "bucket", tokens: 9, per: "minute" }, DAY] },
    open: { limits: [THREE_A_MINUTE], onLimiterFailure: "open" },
    closed: { limits: [THREE_A_MINUTE], onLimiterFailure: "closed" },
  },
  routes: [{ match: "/identify" }, { match: "/compare", cost: 2 }],
});

const throws = () => {
  throw new Error("secret reason");
};
const overloaded = () => {
  throw Object.assign(new Error("too many requests"), { overloaded: true });
};

/** An edge whose objects fail by calling `fail` while `failure.now` is set. */
async function failingEdge(fail: () => unknown, anonymousTier = "local") {
  const failure = { now: true };
  const edge = await startEdge({
    policy: { ...POLICY, anonymousTier },
    variables: {
      LIMITER_TIMEOUT_MS: "50",
      USER_LIMITER: objectsWith((_subject, method) => {
        if (failure.now && (method === "serve" || method === "keyStanding" || method === "status"))
          return fail();
        return undefined;
      }),
    },
  });
  return { edge, failure };
}

async function statuses(edge: Edge, headers: Record<string, string>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) seen.push((await edge.request("/identify", { headers })).status);
  return seen;
}

let errors = vi.spyOn(console, "error");
beforeEach(() => {
  errors = vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("if a user's object reports that it is overloaded", () => {
  it.each(["local", "open", "closed"])("the failure policy admits nothing: %s", async (choice) => {
    const { edge } = await failingEdge(overloaded, choice);
    const headers = newAddress();
    // The circuit opens after three.
    for (let i = 0; i < 6; i++) {
      const response = await edge.request("/identify", { headers });
      expect(response.headers.get("Retry-After")).toBe("1");
      expect(await problemCode(response)).toBe("429 overloaded");
    }
    expect(edge.forwarded).toEqual([]);
  });

  it("the decision API answers overloaded, also to a key whose own account's object is overloaded", async () => {
    const failing = { subject: "" };
    const edge = await startEdge({
      policy: POLICY,
      variables: {
        USER_LIMITER: objectsWith((subject) => (subject === failing.subject ? overloaded() : undefined)),
      },
    });
    const { headers, user } = await customer(edge, { scopes: ["check"] });
    const check = (path: string, body: unknown) =>
      edge.request(`/api/v1/rate-limit/${path}`, { method: "POST", body: JSON.stringify(body), headers });
    failing.subject = "user:busy";
    const rejected = { allowed: false, outcome: "overloaded", retryAfterMs: 1_000, source: "none" };
    expect(await (await check("check", { user: "busy" })).json()).toMatchObject(rejected);
    const batch = await check("check/batch", [{ user: "busy" }, { user: "busy" }, { user: "idle" }]);
    expect(await batch.json()).toMatchObject([rejected, rejected, { allowed: true }]);
    failing.subject = `user:${user}`;
    expect(await problemCode(await check("check", { user: "idle" }))).toBe("429 overloaded");
    expect(await problemCode(await edge.request("/api/v1/rate-limit/status", { headers }))).toBe(
      "429 overloaded",
    );
  });
});

describe.each<[what: string, fail: () => unknown]>([
  ["hangs", hang],
  ["throws", throws],
])("if a user's object %s", (_what, fail) => {
  it("local: each user is admitted up to the full limits, and no further", async () => {
    const { edge } = await failingEdge(fail);
    expect(await statuses(edge, newAddress(), 6)).toEqual([200, 200, 200, 429, 429, 429]);
    // Each user has their own limits.
    expect(await statuses(edge, newAddress(), 4)).toEqual([200, 200, 200, 429]);
  });

  it("open: every request is admitted", async () => {
    const { edge } = await failingEdge(fail, "open");
    expect(await statuses(edge, newAddress(), 6)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it("closed: every request is rejected with 503 and Retry-After", async () => {
    const { edge } = await failingEdge(fail, "closed");
    const headers = newAddress();
    expect(await statuses(edge, headers, 4)).toEqual([503, 503, 503, 503]);
    const response = await edge.request("/identify", { headers });
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
    expect(edge.forwarded).toEqual([]);
  });

  it("the response names the fallback as its source, and the log gives the reason", async () => {
    const { edge } = await failingEdge(fail);
    const response = await edge.request("/identify", { headers: newAddress() });
    expect(response.headers.get("Server-Timing")).toMatch(/desc="fallback"/);
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=2;t=20$/);
    // The call may give up a moment after the request that waited for it.
    await expect.poll(() => errors.mock.calls.length).toBe(1);
    expect(errors).toHaveBeenCalledWith(
      expect.stringMatching(/"event":"limiter_failed".*"kind":"(timeout|error)"/),
    );
  });
});

describe("the local fallback", () => {
  it("refills at the tier's rate, and Retry-After matches", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { edge } = await failingEdge(throws);
    const headers = newAddress();
    await statuses(edge, headers, 3);
    const denied = await edge.request("/identify", { headers });
    expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "20"]);
    vi.setSystemTime(Date.now() + 20_000);
    expect(await statuses(edge, headers, 2)).toEqual([200, 429]);
  });

  it("applies every limit of the tier, including quotas", async () => {
    const { edge } = await failingEdge(throws, "quota");
    expect(await statuses(edge, newAddress(), 3)).toEqual([200, 200, 429]);
  });

  it("charges a request its cost, and a peek nothing", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { headers } = await customer(edge, { scopes: ["check"] });
    failure.now = true;
    const check = async (operation: object) => {
      const body = JSON.stringify({ user: "fallback-peeker", tier: "local", ...operation });
      return (await edge.request("/api/v1/rate-limit/check", { method: "POST", body, headers })).json();
    };
    expect(await check({ route: "/compare", peek: true })).toMatchObject({
      allowed: true,
      source: "fallback",
    });
    expect(await check({ route: "/compare" })).toMatchObject({ allowed: true, cost: 2 });
    expect(await check({ route: "/compare" })).toMatchObject({ allowed: false, violated: ["minute"] });
    expect(await check({})).toMatchObject({ allowed: true });
  });

  it("uses the tier that the object last reported, since only the object knows it", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { headers } = await customer(edge, { tier: "closed" });
    expect(await statuses(edge, headers, 1)).toEqual([200]);
    failure.now = true;
    expect(await statuses(edge, headers, 2)).toEqual([503, 503]);
  });

  it.each(["local", "open"])(
    "admits no key that the object has rejected, whatever KV says: %s",
    async (tier) => {
      const { edge, failure } = await failingEdge(throws);
      failure.now = false;
      const { user, headers, keyId } = await customer(edge, { tier });
      const other = await issueKey(edge, user);
      const record = await env.CONFIG.list({ prefix: "key:" });
      expect(await statuses(edge, headers, 1)).toEqual([200]);
      const before = await Promise.all(
        record.keys.map(async ({ name }) => [name, await env.CONFIG.get(name)] as const),
      );
      await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
      // KV lags, and has the key's record again.
      for (const [name, value] of before) if (value) await env.CONFIG.put(name, value);
      expect(await statuses(edge, headers, 1)).toEqual([401]);
      failure.now = true;
      expect(await statuses(edge, headers, 5)).toEqual([401, 401, 401, 401, 401]);
      // The user's other key still works.
      expect(await statuses(edge, { "X-API-Key": other.key }, 1)).toEqual([200]);
    },
  );

  it("admits no service whose key the object has rejected", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { user, headers, keyId } = await customer(edge, { scopes: ["check"] });
    const check = async () => {
      const body = JSON.stringify({ user: "somebody" });
      return (await edge.request("/api/v1/rate-limit/check", { method: "POST", body, headers })).status;
    };
    expect(await check()).toBe(200);
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect(await check()).toBe(401);
    failure.now = true;
    expect([await check(), await check()]).toEqual([401, 401]);
  });

  it("applies the account's overrides and tier as this isolate last saw them", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { user, headers } = await customer(edge, { tier: "local" });
    await admin(edge, "PATCH", `/accounts/${user}`, { limits: { minute: { burst: 1 } } });
    expect(await statuses(edge, headers, 1)).toEqual([200]);
    failure.now = true;
    expect(await statuses(edge, headers, 3)).toEqual([200, 429, 429]);
    failure.now = false;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    await admin(edge, "PATCH", `/accounts/${user}`, { limits: { minute: { burst: 5 } } });
    expect(await statuses(edge, headers, 1)).toEqual([200]);
    failure.now = true;
    expect(await statuses(edge, headers, 6)).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it("applies changes made through this isolate, even without a request since", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const blocked = await customer(edge, { tier: "open" });
    const closed = await customer(edge, { tier: "open" });
    const revoked = await customer(edge, { tier: "open" });
    const rotated = await customer(edge, { tier: "open" });
    await Promise.all(
      [blocked, closed, revoked, rotated].map(({ headers }) => edge.request("/identify", { headers })),
    );
    const keys = ({ user, keyId }: { user: string; keyId: string }) => `/accounts/${user}/keys/${keyId}`;
    await admin(edge, "PATCH", `/accounts/${blocked.user}`, { status: "blocked" });
    await admin(edge, "PATCH", `/accounts/${closed.user}`, { tier: "closed" });
    await admin(edge, "DELETE", keys(revoked));
    await admin(edge, "POST", `${keys(rotated)}/rotate`, { graceSeconds: 0 });
    // The isolate has the keys' records in its cache, so only the changes that it saw can reject them.
    failure.now = true;
    expect(await statuses(edge, blocked.headers, 1)).toEqual([403]);
    expect(await statuses(edge, closed.headers, 1)).toEqual([503]);
    expect(await statuses(edge, revoked.headers, 1)).toEqual([401]);
    expect(await statuses(edge, rotated.headers, 1)).toEqual([401]);
  });

  it("applies deletions, blocks and ends of grace periods made through this isolate", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const [blocked, deleted, recreated, rotated] = await Promise.all(
      ["open", "open", "open", "open"].map((tier) => customer(edge, { tier })),
    );
    if (!blocked || !deleted || !recreated || !rotated) throw new Error("a customer is missing");
    const other = await issueKey(edge, blocked.user);
    await Promise.all(
      [other.key, deleted.key, recreated.key, rotated.key].map((key) =>
        statuses(edge, { "X-API-Key": key }, 1),
      ),
    );
    // Revoking one key of a blocked account does not lift the block.
    await admin(edge, "PATCH", `/accounts/${blocked.user}`, { status: "blocked" });
    await admin(edge, "DELETE", `/accounts/${blocked.user}/keys/${blocked.keyId}`);
    await admin(edge, "DELETE", `/accounts/${deleted.user}`);
    await admin(edge, "DELETE", `/accounts/${recreated.user}`);
    await admin(edge, "POST", "/accounts", { id: recreated.user, tier: "closed" });
    const successor = await issueKey(edge, recreated.user);
    await admin(edge, "POST", `/accounts/${rotated.user}/keys/${rotated.keyId}/rotate`, { graceSeconds: 2 });
    expect(await statuses(edge, rotated.headers, 1)).toEqual([200]);
    failure.now = true;
    expect(await statuses(edge, { "X-API-Key": other.key }, 1)).toEqual([403]);
    expect(await statuses(edge, deleted.headers, 1)).toEqual([401]);
    expect(await statuses(edge, recreated.headers, 1)).toEqual([401]);
    expect(await statuses(edge, { "X-API-Key": successor.key }, 1)).toEqual([503]);
    expect(await statuses(edge, rotated.headers, 1)).toEqual([200]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_000 });
    expect(await statuses(edge, rotated.headers, 1)).toEqual([401]);
  });

  it("applies another isolate's change once a status call or a check of that user has shown it", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const elsewhere = await failingEdge(throws);
    elsewhere.failure.now = false;
    const service = await customer(edge, { scopes: ["check"] });
    const blocked = await customer(edge, { tier: "open" });
    const deleted = await customer(edge, { tier: "open" });
    for (const { headers } of [blocked, deleted]) await statuses(edge, headers, 1);
    await admin(elsewhere.edge, "PATCH", `/accounts/${blocked.user}`, { status: "blocked" });
    await admin(elsewhere.edge, "DELETE", `/accounts/${deleted.user}`);
    await edge.request("/api/v1/rate-limit/status", { headers: blocked.headers });
    const body = JSON.stringify({ user: deleted.user });
    await edge.request("/api/v1/rate-limit/check", { method: "POST", body, headers: service.headers });
    failure.now = true;
    expect(await statuses(edge, blocked.headers, 1)).toEqual([403]);
    expect(await statuses(edge, deleted.headers, 1)).toEqual([401]);
  });

  it("uses the tier that each request names for a user without an account, whatever an earlier request named", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { headers } = await customer(edge, { scopes: ["check"] });
    const user = `nobody-${crypto.randomUUID()}`;
    const check = async (tier: string) => {
      const body = JSON.stringify({ user, tier });
      return edge.request("/api/v1/rate-limit/check", { method: "POST", body, headers });
    };
    expect((await check("open")).status).toBe(200);
    failure.now = true;
    expect([(await check("closed")).status, (await check("open")).status]).toEqual([503, 200]);
  });

  it("applies the deletion and creation of accounts through this isolate, even without a request since", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const deleted = await customer(edge, { tier: "open" });
    const barred = await customer(edge, { tier: "open" });
    const lifted = await customer(edge, { tier: "open" });
    const blocked = await customer(edge, { tier: "open" });
    const other = await issueKey(edge, blocked.user);
    await Promise.all(
      [deleted, barred, lifted, blocked].map(({ headers }) => edge.request("/identify", { headers })),
    );
    await admin(edge, "PATCH", `/accounts/${barred.user}`, { status: "blocked" });
    await admin(edge, "PATCH", `/accounts/${lifted.user}`, { status: "blocked" });
    // Revoking a key does not lift the block.
    await admin(edge, "PATCH", `/accounts/${blocked.user}`, { status: "blocked" });
    await admin(edge, "DELETE", `/accounts/${blocked.user}/keys/${other.keyId}`);
    await admin(edge, "DELETE", `/accounts/${deleted.user}`);
    await admin(edge, "DELETE", `/accounts/${barred.user}`);
    await admin(edge, "DELETE", `/accounts/${lifted.user}?unblock=true`);
    await admin(edge, "POST", "/accounts", { id: "made-closed", tier: "closed" });
    const service = await customer(edge, { scopes: ["check"] });
    failure.now = true;
    expect(await statuses(edge, deleted.headers, 1)).toEqual([401]);
    expect(await statuses(edge, blocked.headers, 1)).toEqual([403]);
    // As if by a token: a service asks about them.
    const outcomes = async (user: string, count = 1) => {
      const body = JSON.stringify(Array.from({ length: count }, () => ({ user, tier: "local" })));
      const response = await edge.request("/api/v1/rate-limit/check/batch", {
        method: "POST",
        headers: service.headers,
        body,
      });
      const items = await response.json<{ outcome?: string; error?: { code: string } }[]>();
      return items.map(({ outcome, error }) => outcome ?? error?.code);
    };
    const three = ["allowed", "allowed", "allowed", "denied"];
    expect(await outcomes(deleted.user, 4)).toEqual(three);
    expect(await outcomes(barred.user)).toEqual(["blocked"]);
    expect(await outcomes(lifted.user, 4)).toEqual(three);
    expect(await outcomes("made-closed")).toEqual(["temporary_reduced_capacity"]);
  });

  it("rejects requests of a blocked account with 403", async () => {
    const { edge, failure } = await failingEdge(throws);
    failure.now = false;
    const { user, headers } = await customer(edge, { tier: "open" });
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await problemCode(await edge.request("/identify", { headers }))).toBe("403 blocked");
    failure.now = true;
    for (let i = 0; i < 5; i++) {
      expect(await problemCode(await edge.request("/identify", { headers }))).toBe("403 blocked");
    }
  });

  it("charges nothing afterwards: a recovered object continues from its own count", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { edge, failure } = await failingEdge(throws, "quota");
    const headers = newAddress();
    await statuses(edge, headers, 3);
    failure.now = false;
    vi.setSystemTime(Date.now() + 1_000);
    const response = await edge.request("/identify", { headers });
    expect(response.headers.get("Server-Timing")).toMatch(/desc="strict"/);
    expect(response.headers.get("RateLimit")).toMatch(/"day";r=1;/);
  });
});

describe("the deadline", () => {
  it("bounds every response, whatever hangs", async () => {
    const { edge, failure } = await failingEdge(hang, "closed");
    failure.now = false;
    const { headers } = await customer(edge, { scopes: ["check"] });
    failure.now = true;
    const started = performance.now();
    const asked = ["/identify", "/api/v1/rate-limit/status"].map((path) =>
      edge.request(path, { headers: newAddress() }),
    );
    const check = edge.request("/api/v1/rate-limit/check", { method: "POST", body: '{"user":"x"}', headers });
    const answers = await Promise.all([...asked, check]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
    // Two calls for the check: the standing of its own key, then the decision.
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
