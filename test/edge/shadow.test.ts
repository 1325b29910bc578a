/** Limits in shadow at the edge, in the real runtime: clients notice nothing, operators see each request that would have been denied. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { admin, customer, issueKey, newAddress } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Four requests a token, so that small limits are lent too. */
const ROUTES = [{ match: "/cheap", cost: 0.25 }, { match: "/*" }];

async function edgeWith(mode: "auto" | "strict", ...limits: LimitDocument[]) {
  const edge = await startEdge({ policy: policyOfTier({ limits, mode }, ROUTES) });
  const points: WaitingPoint[] = [];
  vi.spyOn(edge.services.recorder, "record").mockImplementation((point) => void points.push(point));
  return { edge, points };
}

const SHADOW = { ...THREE_A_MINUTE, shadow: true };

describe("a client beyond a limit in shadow", () => {
  it("is served as if there were no limit, and its request is recorded with what would have denied it", async () => {
    const { edge, points } = await edgeWith("auto", SHADOW);
    const address = newAddress();
    const headers = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const response = await edge.request("/a", { headers: address });
      expect(response.status).toBe(200);
      for (const [name] of response.headers) headers.add(name.toLowerCase());
    }
    expect([...headers].filter((name) => /limit|retry/.test(name))).toEqual([]);
    expect(points.map(({ outcome, reason, shadowed }) => [outcome, reason, shadowed])).toEqual([
      ["allowed", "ok", ""],
      ["allowed", "ok", ""],
      ["allowed", "ok", ""],
      ["allowed", "shadow:minute", "minute"],
      ["allowed", "shadow:minute", "minute"],
    ]);
  });

  it("does not see the limit in its status, but operators do, and a service gets it in the decision", async () => {
    const { edge } = await edgeWith("auto", SHADOW);
    const { user, headers } = await customer(edge, { tier: "only" });
    const own = await edge.request("/api/v1/rate-limit/status", { headers });
    expect(await own.json()).not.toHaveProperty("shadow");
    const seen = await admin(edge, "GET", `/accounts/${user}/status`);
    expect(await seen.json()).toMatchObject({ limits: [], shadow: [{ name: "minute", limit: 3 }] });
    const { key } = await issueKey(edge, user, { scopes: ["check"] });
    const check = async (cost: number): Promise<unknown> => {
      const body = JSON.stringify({ user, cost });
      const request = { method: "POST", headers: { "X-API-Key": key, ...JSON_TYPE }, body };
      return (await edge.request("/api/v1/rate-limit/check", request)).json();
    };
    expect(await check(3)).not.toHaveProperty("shadowed");
    expect(await check(1)).toMatchObject({ allowed: true, violated: [], shadowed: ["minute"] });
  });
});

const JSON_TYPE = { "Content-Type": "application/json" };

it.each(["auto", "strict"] as const)(
  "two limits in shadow foretell what enforcing them denies, in a tier of mode %s",
  async (mode) => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2031, 4, 14, 12) });
    const bucket = { name: "day", kind: "bucket", tokens: 86_400, per: "day", burst: 15 } as const;
    const quota = { name: "hour", kind: "quota", amount: 17, per: "hour" } as const;
    const decided: (readonly [isDenied: boolean, isLeased: boolean])[][] = [];
    const names = new Set<string>();
    for (const shadow of [false, true]) {
      vi.setSystemTime(Date.UTC(2031, 4, 14, 12));
      const { edge, points } = await edgeWith(mode, { ...bucket, shadow }, { ...quota, shadow });
      const address = newAddress();
      for (let i = 0; i < 100; i++) {
        if (i > 60) vi.setSystemTime(Date.now() + 200);
        await edge.request("/cheap", { headers: address });
      }
      for (const { shadowed } of points) names.add(shadowed);
      decided.push(
        points.map(({ outcome, shadowed, source }) => [
          shadow ? shadowed !== "" : outcome === "denied",
          source === "lease",
        ]),
      );
    }
    const [enforced = [], foretold] = decided;
    expect(foretold).toEqual(enforced);
    expect(names).toEqual(new Set(["", "day", "day;hour", "hour"]));
    expect(enforced.filter(([, isLeased]) => isLeased).length > 20).toBe(mode === "auto");
  },
);
