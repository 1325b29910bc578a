/** Envoy's global rate limit service over HTTP: what a descriptor asks is decided as by the decision API. */
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { rateLimitResponseSchema } from "../../openapi/resources/proxies.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { admin, createAccount, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { hang, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const PATH = "/api/v1/envoy/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

interface Asked extends Edge {
  readonly proxy: Record<string, string>;
  /** Asks in JSON. Each descriptor by its entries. */
  ask(...descriptors: object[]): Promise<z.infer<typeof rateLimitResponseSchema>>;
}

async function askedEdge(
  changes: Partial<PolicyDocument> = {},
  variables: Partial<Env> = {},
): Promise<Asked> {
  const edge = await startEdge({ policy: policyWith(changes), variables });
  const { key } = await customer(edge, { scopes: ["check"] });
  const proxy = { "X-Edge-Limiter-Key": key, ...newAddress() };
  return {
    ...edge,
    proxy,
    async ask(...descriptors) {
      const response = await edge.request(PATH, {
        method: "POST",
        headers: { ...proxy, "Content-Type": "application/json" },
        body: JSON.stringify({ domain: "edge", descriptors }),
      });
      expect(response.status).toBe(200);
      return rateLimitResponseSchema.parse(await response.json());
    },
  };
}

const of = (entries: Record<string, string>, more: object = {}): object => ({
  entries: Object.entries(entries).map(([key, value]) => ({ key, value })),
  ...more,
});

const usage = z.object({ usage: z.object({ month: z.object({ requests: z.number(), cost: z.number() }) }) });

async function costOf(edge: Edge, user: string): Promise<number> {
  const response = await admin(edge, "GET", `/accounts/${encodeURIComponent(user)}/status`);
  return z.parse(usage, await response.json()).usage.month.cost;
}

/** What was decided from a lease is in the ledger once the lease is settled, about a second after it was lent. */
const SETTLED = { timeout: 8_000, interval: 50 } as const;

describe("a descriptor", () => {
  it("costs what its route costs, or its hits, or the request's, or 1", async () => {
    const edge = await askedEdge();
    const user = await createAccount(edge, { tier: "pro" });
    await edge.ask(of({ user, route: "/compare" }));
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(2);
    await edge.ask(of({ user, route: "/compare" }, { hitsAddend: "5" }));
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(7);
    await edge.ask(of({ user }));
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(8);
    await edge.ask(of({ user }, { hitsAddend: 0 }));
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(8);
    const response = await edge.request(PATH, {
      method: "POST",
      headers: edge.proxy,
      body: JSON.stringify({ descriptors: [of({ user }), of({ user })], hitsAddend: 3 }),
    });
    expect(response.status).toBe(200);
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(14);
  });

  it("is one of a user's decisions: over the limit, it is denied with the limits and the time to retry", async () => {
    const edge = await askedEdge();
    const user = newUser();
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) codes.push((await edge.ask(of({ user, tier: "anonymous" }))).overallCode);
    expect(codes).toEqual(["OK", "OK", "OK", "OVER_LIMIT"]);
    const { statuses, responseHeadersToAdd } = await edge.ask(of({ user, tier: "anonymous" }));
    expect(statuses).toEqual([
      {
        code: "OVER_LIMIT",
        currentLimit: { name: "minute", requestsPerUnit: 3, unit: "MINUTE" },
        limitRemaining: 0,
        durationUntilReset: expect.stringMatching(/^\d+(\.\d+)?s$/),
      },
    ]);
    const headers = new Map(responseHeadersToAdd.map(({ key, value }) => [key, value]));
    expect(headers.get("ratelimit")).toMatch(/^"minute";r=0;t=\d+$/);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is decided by itself: another one's denial does not undo its charge", async () => {
    const edge = await askedEdge();
    const user = await createAccount(edge, { tier: "pro" });
    const other = newUser();
    const { overallCode, statuses } = await edge.ask(
      of({ user }),
      of({ user: other, tier: "anonymous" }, { hitsAddend: 4 }),
    );
    expect([overallCode, ...statuses.map(({ code }) => code)]).toEqual(["OVER_LIMIT", "OK", "OVER_LIMIT"]);
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(1);
  });

  it("with an unknown key, without a user, or that refunds is OK and counted, never an error", async () => {
    const edge = await askedEdge();
    const user = await createAccount(edge, { tier: "pro" });
    const answered = await edge.ask(
      of({ user, remote_address: "192.0.2.1" }),
      of({ generic_key: "x" }),
      of({ route: "/compare" }),
      of({ user }, { isNegativeHits: true }),
      {
        entries: [
          { key: "user", value: user },
          { key: "user", value: "other" },
        ],
      },
      of({}),
    );
    expect(answered.overallCode).toBe("OK");
    expect(answered.statuses).toEqual(Array.from({ length: 6 }, () => ({ code: "OK" })));
    expect(answered.responseHeadersToAdd).toEqual([]);
    await expect.poll(() => costOf(edge, user), SETTLED).toBe(0);
    expect(edge.services.metrics.take()).toContainEqual(["proxyCalls", ["envoy", "unknown"], [6]]);
  });

  it("with an unknown route or tier still is limited by the user's limits", async () => {
    const edge = await askedEdge({ defaultTier: "anonymous" });
    const user = newUser();
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) {
      codes.push((await edge.ask(of({ user, route: `/compare?x=${i}`, tier: "unlimited" }))).overallCode);
    }
    expect(codes).toEqual(["OK", "OK", "OK", "OVER_LIMIT"]);
  });

  it("whose user is no id, or that costs more than anything may, does not pass", async () => {
    const edge = await askedEdge();
    const { statuses } = await edge.ask(
      of({ user: "" }),
      of({ user: "two words" }),
      of({ user: "x".repeat(201) }),
      of({ user: newUser() }, { hitsAddend: "1000001" }),
      of({ user: newUser(), tier: "partner" }, { hitsAddend: 2 ** 53 - 1 }),
    );
    expect(statuses).toEqual(Array.from({ length: 5 }, () => ({ code: "OVER_LIMIT" })));
  });

  it("of a blocked user does not pass, and a rule applies", async () => {
    const edge = await askedEdge({ rules: [{ name: "no", if: { user: ["mallory"] }, then: "deny" }] });
    const user = await createAccount(edge);
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    const { statuses } = await edge.ask(of({ user }), of({ user: "mallory" }));
    expect(statuses.map(({ code }) => code)).toEqual(["OVER_LIMIT", "OVER_LIMIT"]);
  });

  it("holds no slot", async () => {
    const tiers = {
      ...policyWith({}).tiers,
      free: { limits: [{ name: "parallel", kind: "concurrency" as const, max: 1, ttlMs: 60_000 }] },
    };
    const edge = await askedEdge({ tiers });
    const user = newUser();
    for (let i = 0; i < 3; i++) {
      expect((await edge.ask(of({ user }))).overallCode).toBe("OK");
      await edge.backgroundDone();
    }
  });

  it("follows its tier's choice if the limiter fails", async () => {
    const tiers = {
      ...policyWith({}).tiers,
      free: { limits: [], onLimiterFailure: "closed" as const },
      pro: { limits: [], onLimiterFailure: "open" as const },
    };
    let isDown = false;
    const edge = await askedEdge(
      { tiers },
      {
        LIMITER_TIMEOUT_MS: "50",
        USER_LIMITER: objectsWith((_subject, method) => (isDown && method === "serve" ? hang() : undefined)),
      },
    );
    isDown = true;
    const { statuses } = await edge.ask(
      of({ user: newUser(), tier: "free" }),
      of({ user: newUser(), tier: "pro" }),
    );
    expect(statuses.map(({ code }) => code)).toEqual(["OVER_LIMIT", "OK"]);
  });
});

describe("the endpoint", () => {
  /** One descriptor, user=alice. */
  const MESSAGE = [0x12, 0x0f, 0x0a, 0x0d, 0x0a, 4, ...Buffer.from("user"), 0x12, 5, ...Buffer.from("alice")];
  const post = (edge: Asked, body: BodyInit, type: string, headers = edge.proxy) =>
    edge.request(PATH, { method: "POST", headers: { ...headers, "Content-Type": type }, body });

  it("answers protobuf with protobuf", async () => {
    const edge = await askedEdge();
    const response = await post(edge, Uint8Array.from(MESSAGE), "application/x-protobuf");
    expect(response.headers.get("Content-Type")).toBe("application/x-protobuf");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([bytes[0], bytes[1]]).toEqual([0x08, 0x01]);
    expect(new TextDecoder().decode(bytes)).toContain('"minute";q=10;w=60');
  });

  it("rejects what is no message with 400, and too much with 413", async () => {
    const edge = await askedEdge();
    const cut = Uint8Array.from(MESSAGE.slice(0, -1));
    expect(await problemCode(await post(edge, cut, "application/x-protobuf"))).toBe("400 invalid_request");
    const huge = new Uint8Array(65_537);
    expect(await problemCode(await post(edge, huge, "application/x-protobuf"))).toBe("413 invalid_request");
    expect(await problemCode(await post(edge, "{", "application/json"))).toBe("400 invalid_request");
    const many = JSON.stringify({ descriptors: Array.from({ length: 101 }, () => ({ entries: [] })) });
    expect(await problemCode(await post(edge, many, "application/json"))).toBe("422 invalid_request");
  });

  it("needs the proxy's key", async () => {
    const edge = await askedEdge();
    const key = edge.proxy["X-Edge-Limiter-Key"] ?? "";
    for (const headers of [newAddress(), { "X-API-Key": key }, { "X-Edge-Limiter-Key": "rubbish" }]) {
      const response = await post(edge, Uint8Array.from(MESSAGE), "application/x-protobuf", { ...headers });
      expect(await problemCode(response)).toBe("403 invalid_proxy_key");
    }
  });
});
