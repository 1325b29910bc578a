/** The Prometheus endpoint: sums of all decisions, for authorized readers, and a problem if the hub is down. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";

const CACHES = "edge_limiter_cache_total";
const ONE_A_DAY = { name: "day", kind: "bucket", tokens: 1, per: "day" } as const;
const PATH = "/api/v1/rate-limit/metrics";

const address = (): string => `10.${[0, 0, 0].map(() => Math.floor(Math.random() * 256)).join(".")}`;

/** Token attempts are limited by address, so this file has its own. */
const FROM = { "CF-Connecting-IP": address() };
const HEADERS = { ...FROM, Authorization: `Bearer ${ADMIN_TOKEN}` };

async function scraped(edge: Edge): Promise<string> {
  await edge.backgroundDone();
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

/** A hub that receives nothing from other tests. */
const ownHub = () => ({
  METRICS_HUB: { getByName: (name: string) => env.METRICS_HUB.getByName(`${name} of this test`) },
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a scrape", () => {
  it("grows by one for each request decided since", async () => {
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

  it("counts the hits and misses of each of the isolate's caches", async () => {
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
    // The clock stands still, so that no lease and no denial expires.
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
    // The first request gets no lease, the second does.
    expect(of("leases")).toEqual({ hit: 2, miss: 6 });
    // The object allows one request and denies one.
    expect(of("denials")).toEqual({ hit: 2, miss: 4 });
    // The administrator's calls look it up as well; the first one waits for KV.
    expect(of("policy").hit).toBeGreaterThanOrEqual(8);
    expect(of("policy").miss).toBeLessThanOrEqual(1);
  });

  it("is also available to the dashboard's session, at a path that receives its cookie", async () => {
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
    const now = Date.now;
    // Objects report every 30 s, and those of other tests may just have done so.
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + 31_000);
    onTestFinished(() => clock.mockRestore());
    const edge = await startEdge({ bindings: ownHub() });
    const before = sum(await scraped(edge), "edge_limiter_rows_written_total", "UserLimiter");
    const headers = { "CF-Connecting-IP": address() };
    await edge.request("/identify", { headers });
    // They come with an answer, and go to the hub with the edge's next batch.
    await expect
      .poll(async () => sum(await scraped(edge), "edge_limiter_rows_written_total", "UserLimiter"), {
        timeout: 8_000,
        interval: 200,
      })
      .toBeGreaterThan(before);
  });

  it("requires a viewer, and has Prometheus' media type", async () => {
    const edge = await startEdge();
    expect((await edge.request(PATH, { headers: FROM })).status).toBe(401);
    const response = await edge.request(PATH, { headers: HEADERS });
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });

  it("is a 503 problem if the hub does not answer, while requests are still served", async () => {
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
