/** What Prometheus is answered: sums of what was decided, by whoever may read them, and a problem where the hub is dead. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";

const CACHES = "edge_limiter_cache_total";
const ONE_A_DAY = { name: "day", kind: "bucket", tokens: 1, per: "day" } as const;
const PATH = "/api/v1/rate-limit/metrics";

const address = (): string => `10.${[0, 0, 0].map(() => Math.floor(Math.random() * 256)).join(".")}`;

/** Tokens are tried by address, and so often only: others' attempts are not ours. */
const FROM = { "CF-Connecting-IP": address() };
const HEADERS = { ...FROM, Authorization: `Bearer ${ADMIN_TOKEN}` };

async function scraped(edge: Edge): Promise<string> {
  await edge.settled();
  const response = await edge.request(PATH, { headers: HEADERS });
  expect(response.status).toBe(200);
  return response.text();
}

/** The sum of all series of a metric whose line has all these parts. */
function sum(text: string, metric: string, ...parts: string[]): number {
  const lines = text.split("\n").filter((line) => line.startsWith(metric));
  return lines
    .filter((line) => parts.every((part) => line.includes(part)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** A hub that nobody else tells anything. */
const ownHub = () => ({
  METRICS_HUB: { getByName: (name: string) => env.METRICS_HUB.getByName(`${name} of this test`) },
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a scrape", () => {
  it("grows by what was decided since, once for each request", async () => {
    const edge = await startEdge({ bindings: ownHub() });
    const before = await scraped(edge);
    for (let i = 0; i < 5; i++) {
      await edge.request("/identify", { headers: { "CF-Connecting-IP": address() } });
    }
    await edge.request("/no/such/route");
    const after = await scraped(edge);
    const grown = (metric: string, ...parts: string[]) =>
      sum(after, metric, ...parts) - sum(before, metric, ...parts);
    expect(grown("edge_limiter_requests_total", 'outcome="allowed"', 'source="strict"')).toBe(5);
    expect(grown("edge_limiter_decision_seconds_count", 'source="strict"')).toBe(5);
    expect(sum(after, "edge_limiter_build_info")).toBeGreaterThanOrEqual(1);
  });

  it("tells what each of the isolate's caches was asked, and how often it knew", async () => {
    const policy = policyWith({
      tiers: {
        ...TEST_POLICY.tiers,
        anonymous: { limits: [ONE_A_DAY] },
        leased: { limits: [], mode: "leased" },
      },
    });
    const edge = await startEdge({ policy, bindings: ownHub() });
    const { headers } = await customer(edge, { tier: "leased" });
    const before = await scraped(edge);
    // However long it takes, no lease and no denial ends.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    for (let i = 0; i < 4; i++) await edge.request("/identify", { headers });
    const stranger = newAddress();
    for (let i = 0; i < 4; i++) await edge.request("/identify", { headers: stranger });
    vi.useRealTimers();
    const after = await scraped(edge);
    const grown = (cache: string, result: string): number => {
      const parts = [`cache="${cache}"`, `result="${result}"`] as const;
      return sum(after, CACHES, ...parts) - sum(before, CACHES, ...parts);
    };
    const of = (cache: string) => ({ hit: grown(cache, "hit"), miss: grown(cache, "miss") });
    expect(of("keys")).toEqual({ hit: 3, miss: 1 });
    // The first is not leased for, the second brings the lease.
    expect(of("leases")).toEqual({ hit: 2, miss: 6 });
    // One is allowed, and one denied by the object.
    expect(of("denials")).toEqual({ hit: 2, miss: 4 });
    // The operator's calls ask for it as well; who is first waits for KV.
    expect(of("policy").hit).toBeGreaterThanOrEqual(8);
    expect(of("policy").miss).toBeLessThanOrEqual(1);
  });

  it("is given to the dashboard's session too, where its cookie is sent", async () => {
    const edge = await startEdge({ bindings: ownHub() });
    const body = JSON.stringify({ token: ADMIN_TOKEN });
    const login = await edge.request("/api/v1/admin/session", { method: "POST", body, headers: FROM });
    const [pair = "", ...attributes] = login.headers.get("Set-Cookie")?.split("; ") ?? [];
    const sentTo = attributes.find((attribute) => attribute.startsWith("Path="))?.slice("Path=".length);
    const path = "/api/v1/admin/metrics";
    expect(path.startsWith(`${sentTo}/`)).toBe(true);
    const response = await edge.request(path, {
      headers: { ...FROM, Cookie: pair, "Sec-Fetch-Site": "same-origin" },
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("edge_limiter_build_info");
    expect((await edge.request(path, { headers: FROM })).status).toBe(401);
  });

  it("counts rows that objects write", async () => {
    const edge = await startEdge();
    const before = sum(await scraped(edge), "edge_limiter_rows_written_total", "UserLimiter");
    const headers = { "CF-Connecting-IP": address() };
    await edge.request("/identify", { headers });
    // The object tells it when its user pauses, a second later.
    await expect
      .poll(async () => sum(await scraped(edge), "edge_limiter_rows_written_total", "UserLimiter"), {
        timeout: 8_000,
        interval: 200,
      })
      .toBeGreaterThan(before);
  });

  it("is for viewers only, and by Prometheus' media type", async () => {
    const edge = await startEdge();
    expect((await edge.request(PATH, { headers: FROM })).status).toBe(401);
    const response = await edge.request(PATH, { headers: HEADERS });
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });

  it("is a problem where the hub does not answer, and requests go on", async () => {
    const dead = {
      getByName: () => ({
        record: () => Promise.reject(new Error("dead")),
        metrics: () => Promise.reject(new Error("dead")),
      }),
    };
    const edge = await startEdge({ bindings: { METRICS_HUB: dead } });
    expect((await edge.request("/identify", { headers: { "CF-Connecting-IP": address() } })).status).toBe(
      200,
    );
    const response = await edge.request(PATH, { headers: HEADERS });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "temporary_reduced_capacity" });
  });
});
