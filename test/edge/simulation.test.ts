/** Simulations over HTTP: they decide recorded requests again, by a policy that is not in force. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { point } from "../metrics/points.ts";
import { admin } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { problemOf } from "../fixtures/edge-problem.ts";
import defaultPolicy from "../../policy/default.json";

const PATH = "/api/v1/admin/simulate";
const MINUTE_MS = 60_000;

async function resultOf(response: Response): Promise<object> {
  const body: unknown = await response.json();
  expect(body).toMatchObject({ valid: true, errors: [], result: {} });
  return Object(Object(body).result);
}

/** The default policy with another bucket in the free tier. */
function withFree(tokens: number): object {
  const { free } = defaultPolicy.tiers;
  const [bucket, ...others] = free.limits;
  const limits = [{ ...bucket, tokens, burst: tokens }, ...others];
  return { ...defaultPolicy, tiers: { ...defaultPolicy.tiers, free: { ...free, limits } } };
}

describe("a simulation", () => {
  it("requires an administrator", async () => {
    const edge = await startEdge();
    const init = { method: "POST", body: JSON.stringify({ document: defaultPolicy }) };
    expect(await problemOf(await edge.request(PATH, init))).toMatchObject({ status: 401 });
  });

  it("names the accounts whose recorded requests a tighter policy would deny", async () => {
    const edge = await startEdge();
    const fromMs = Date.now() - 30 * MINUTE_MS;
    const account = "user:simulated";
    const points = Array.from({ length: 40 }, (_, i) =>
      point({
        atMs: fromMs + i,
        account,
        route: "/identify",
        tier: "free",
        requests: 2,
        cost: 2,
        revision: 0,
      }),
    );
    const hub = env.METRICS_HUB.getByName("hub-0");
    await hub.record({ isolate: "simulation", seq: 1, points, isStored: true, metrics: null });
    const range = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 1_000).toISOString() };
    const tight = await admin(edge, "POST", "/simulate", { document: withFree(30), ...range });
    expect(await resultOf(tight)).toMatchObject({
      ...range,
      decisions: 80,
      sampled: false,
      truncated: false,
      firstAt: range.from,
      totals: {
        recorded: { allowed: 80, denied: 0 },
        before: { allowed: 80, denied: 0, shadowed: 0 },
        after: { allowed: 30, denied: 50, shadowed: 0 },
      },
      series: {
        from: expect.any(String),
        intervalSeconds: 1,
        requests: expect.any(Array),
        deniedBefore: expect.any(Array),
        deniedAfter: expect.any(Array),
      },
      tiers: [{ tier: "free", requests: 80, deniedAfter: 50, changedAccounts: { denied: 1, allowed: 0 } }],
      routes: [{ route: "/identify", requests: 80, newlyDenied: 50 }],
      newlyDenied: [{ account, tier: "free", routes: ["/identify"], requests: 80, newlyDenied: 50 }],
      newlyAllowed: [],
      changedAccounts: { denied: 1, allowed: 0 },
    });
    const same = await admin(edge, "POST", "/simulate", { document: defaultPolicy, ...range });
    expect(await resultOf(same)).toMatchObject({ decisions: 80, newlyDenied: [], newlyAllowed: [] });
  });

  it("leaves out requests that no policy decided", async () => {
    const edge = await startEdge();
    const fromMs = Date.now() - 50 * MINUTE_MS;
    const hub = env.METRICS_HUB.getByName("hub-0");
    const of = (fields: Parameters<typeof point>[0]) => point({ account: "user:x", tier: "free", ...fields });
    const undecided = [
      of({ atMs: fromMs, outcome: "denied", reason: "unauthenticated", source: "none" }),
      of({ atMs: fromMs, outcome: "denied", reason: "blocked", source: "strict" }),
      of({ atMs: fromMs, outcome: "allowed", reason: "exempt", source: "none" }),
    ];
    await hub.record({ isolate: "undecided", seq: 1, points: undecided, isStored: true, metrics: null });
    const range = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 1).toISOString() };
    const few = await admin(edge, "POST", "/simulate", { document: defaultPolicy, ...range });
    expect(await resultOf(few)).toMatchObject({ decisions: 1 });
  });

  it("has no decisions if nothing was recorded", async () => {
    const range = { from: "2026-01-01", to: "2026-01-02" };
    const response = await admin(await startEdge(), "POST", "/simulate", {
      document: defaultPolicy,
      ...range,
    });
    expect(await resultOf(response)).toMatchObject({ decisions: 0, firstAt: null, lastAt: null });
  });

  it("returns a document's faults instead of a result", async () => {
    const response = await admin(await startEdge(), "POST", "/simulate", { document: { schema: 1 } });
    const body: object = await response.json();
    expect(body).toMatchObject({ valid: false, result: null });
    expect(Object(body).errors.length).toBeGreaterThan(0);
  });

  it.each([
    [{ from: "2026-01-02", to: "2026-01-01" }, "/from"],
    [{ from: "2025-01-01", to: "2026-01-01" }, "/from"],
    [{ from: "yesterday" }, "/from"],
    [{ what: 1 }, "/what"],
  ])("with %j is rejected", async (fields, path) => {
    const response = await admin(await startEdge(), "POST", "/simulate", {
      document: defaultPolicy,
      ...fields,
    });
    expect(await problemOf(response)).toMatchObject({ status: 422, errors: [{ path }] });
  });

  it("is 503 with Analytics Engine alone, which stores no points to simulate", async () => {
    const edge = await startEdge({ bindings: { ANALYTICS: "engine" } });
    const response = await admin(edge, "POST", "/simulate", { document: defaultPolicy });
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "not_configured" });
  });

  it("runs one at a time", async () => {
    const hub = env.METRICS_HUB.getByName("hub-busy");
    const document = JSON.stringify(defaultPolicy);
    for (let seq = 1; seq <= 8; seq++) {
      const points = Array.from({ length: 250 }, (_, i) =>
        point({ atMs: Date.now(), account: `user:${i % 7}` }),
      );
      await hub.record({ isolate: "busy", seq, points, isStored: true, metrics: null });
    }
    const query = {
      active: document,
      edited: document,
      revision: 0,
      fromMs: 0,
      toMs: Date.now() + MINUTE_MS,
    };
    const both = await Promise.all([hub.simulate(query), hub.simulate(query)]);
    expect(both.map(({ kind }) => kind)).toEqual(["result", "busy"]);
    expect(await hub.simulate(query)).toMatchObject({ kind: "result", decisions: 2_000 });
  });
});
