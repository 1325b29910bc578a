/** Limits in shadow at the edge, in the real runtime: clients notice nothing, operators see each request that would have been denied. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { admin, customer, issueKey, newAddress } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { EdgeClock } from "../fixtures/edge-clock.ts";
import { policyOfTier, THREE_A_MINUTE } from "../fixtures/edge-policy.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Four requests a token, so that small limits are lent too. */
const ROUTES = [{ match: "/cheap", cost: 0.25 }, { match: "/dear", cost: 3 }, { match: "/*" }];

async function edgeWith(mode: "auto" | "strict", limits: LimitDocument[], variables: Partial<Env> = {}) {
  const edge = await startEdge({ policy: policyOfTier({ limits, mode }, ROUTES), variables });
  const points: WaitingPoint[] = [];
  vi.spyOn(edge.services.recorder, "record").mockImplementation((point) => void points.push(point));
  return { edge, points };
}

const SHADOW = { ...THREE_A_MINUTE, shadow: true };

describe("a client beyond a limit in shadow", () => {
  it("is served as if there were no limit, and its request is recorded with what would have denied it", async () => {
    const { edge, points } = await edgeWith("auto", [SHADOW]);
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
    const { edge } = await edgeWith("auto", [SHADOW]);
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

const NOON_MS = Date.UTC(2031, 4, 14, 12);
const JSON_TYPE = { "Content-Type": "application/json" };

/** Half a minute of open-loop traffic: requests come when they come, whatever became of those before. Moments from the start, ms. */
function arrivals(): number[] {
  let seed = 19;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const moments: number[] = [];
  let atMs = 0;
  // Below both limits, above the first, silent, below again until the second is used up.
  for (const [perSecond, seconds] of [
    [6, 6],
    [22, 4],
    [0.1, 6],
    [5, 7],
    [25, 3],
  ] as const) {
    const endMs = atMs + seconds * 1_000;
    for (atMs += gapMs(); atMs < endMs; atMs += gapMs()) moments.push(Math.round(atMs));
    atMs = endMs;
    function gapMs(): number {
      return (-Math.log(random()) / perSecond) * 1_000;
    }
  }
  return moments;
}

interface Replayed {
  readonly moments: readonly number[];
  /** What denied each request, or would have; null: nothing. */
  readonly denials: readonly (string | null)[];
  readonly sources: readonly string[];
}

/** Sends a request at each of these moments from the start of the clock, as the policy has the limits: in shadow, or enforced. */
async function replay(
  mode: "auto" | "strict",
  shadow: boolean,
  moments: readonly number[],
): Promise<Replayed> {
  const bucket = { name: "minute", kind: "bucket", tokens: 120, per: "minute", burst: 12, shadow } as const;
  const quota = { name: "hour", kind: "quota", amount: 52, per: "hour", shadow } as const;
  const clock = new EdgeClock(NOON_MS);
  const { edge, points } = await edgeWith(mode, [bucket, quota], { USER_LIMITER: clock.objects });
  const address = newAddress();
  for (const [i, momentMs] of moments.entries()) {
    await clock.to(NOON_MS + momentMs);
    await edge.request(i % 9 === 8 ? "/dear" : "/cheap", { headers: address });
  }
  expect(points).toHaveLength(moments.length);
  return {
    moments: points.map(({ atMs }) => atMs - NOON_MS),
    // A denial that the isolate repeats names the limits that denied the one before.
    denials: points.map(
      ({ outcome, shadowed }) => (shadow ? shadowed : outcome === "denied" ? "denied" : "") || null,
    ),
    sources: points.map(({ source }) => source),
  };
}

it.each(["auto", "strict"] as const)(
  "two limits in shadow foretell exactly what enforcing them denies of the traffic that was recorded, in a tier of mode %s",
  async (mode) => {
    const foretold = await replay(mode, true, arrivals());
    const enforced = await replay(mode, false, foretold.moments);
    expect(foretold.denials.map((names) => names !== null)).toEqual(
      enforced.denials.map((names) => names !== null),
    );
    expect(foretold.sources.map((source) => source === "lease")).toEqual(
      enforced.sources.map((source) => source === "lease"),
    );
    expect([...new Set(foretold.denials)]).toEqual(expect.arrayContaining([null, "minute", "hour"]));
    expect(enforced.sources.filter((source) => source === "lease").length > 30).toBe(mode === "auto");
  },
);
