/** Costs in units, reservations and settlements over HTTP and RPC: what operations may contain, and what comes back. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import * as z from "zod/mini";
import { EdgeLimiter } from "../../src/index.ts";
import { customer, newUser } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const LIMIT = "/api/v1/rate-limit";
const POLICY = policyWith({
  tiers: {
    ...TEST_POLICY.tiers,
    free: {
      limits: [
        { name: "rpm", kind: "bucket", tokens: 1, per: "day", burst: 500 },
        { name: "tokens", kind: "quota", unit: "tokens", amount: 10_000, per: "month" },
        { name: "parallel", kind: "concurrency", max: 400, ttlMs: 60_000 },
      ],
    },
  },
});

const reserved = z.object({ reservation: z.object({ id: z.string(), expiresAt: z.iso.datetime() }) });

async function asking() {
  const edge = await startEdge({ policy: POLICY });
  const { headers } = await customer(edge, { scopes: ["check"] });
  const post = (path: string, body: unknown): Promise<Response> =>
    edge.request(`${LIMIT}/${path}`, { method: "POST", body: JSON.stringify(body), headers });
  const json = async (path: string, body: unknown): Promise<unknown> => {
    const response = await post(path, body);
    expect(response.status).toBe(200);
    return response.json();
  };
  /** Tokens left of the user's quota. */
  const left = async (user: string): Promise<unknown> => json("check", { user, peek: true });
  return { post, json, left };
}

const quotaLeft = (remaining: number) => ({
  limits: [{ name: "rpm" }, { name: "tokens", unit: "tokens", remaining }, { name: "parallel" }],
});

const RESERVE = { cost: { requests: 1, tokens: 4_000 }, reserve: { ttlMs: 60_000 } };

describe("a reservation over HTTP", () => {
  it("is charged, settled once, and repeated", async () => {
    const { json, left } = await asking();
    const user = newUser();
    const decision = await json("check", { user, ...RESERVE });
    expect(decision).toMatchObject({ allowed: true, cost: 1, units: { tokens: 4_000 }, holds: [] });
    const { reservation } = reserved.parse(decision);
    expect(await left(user)).toMatchObject(quotaLeft(6_000));
    const settlement = { user, reservation: reservation.id, cost: { requests: 1, tokens: 120.5 } };
    const answer = { reservation: reservation.id, settled: true, cost: 1, units: { tokens: 120.5 } };
    expect(await json("settle", settlement)).toEqual(answer);
    expect(await json("settle", { ...settlement, cost: 0 })).toEqual(answer);
    expect(await left(user)).toMatchObject(quotaLeft(9_879.5));
  });

  it("comes with every decision that takes slots, and is extended by a heartbeat", async () => {
    const { json } = await asking();
    const user = newUser();
    const { reservation } = reserved.parse(await json("check", { user }));
    const heartbeat = { user, reservation: reservation.id, extendMs: 3_600_000 };
    const extended = await json("settle", heartbeat);
    expect(extended).toMatchObject({ reservation: reservation.id, settled: false });
    const { expiresAt } = z.object({ expiresAt: z.string() }).parse(extended);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.parse(reservation.expiresAt));
  });

  it("is the same again for its idempotency key, of which reserve is a part", async () => {
    const { json, post } = await asking();
    const operation = { user: newUser(), ...RESERVE, idempotencyKey: "a" };
    const first = reserved.parse(await json("check", operation));
    expect(await json("check", operation)).toMatchObject({ ...first, replayed: true });
    // Amounts in another order are the same cost.
    const reordered = { ...operation, cost: { tokens: 4_000, requests: 1 } };
    expect(await json("check", reordered)).toMatchObject({ ...first, replayed: true });
    for (const other of [{ reserve: { ttlMs: 1 } }, { cost: { requests: 1, tokens: 4_001 } }]) {
      expect((await post("check", { ...operation, ...other })).status).toBe(422);
    }
  });

  it("that is unknown is gone, for every user but its own", async () => {
    const { json, post } = await asking();
    const { reservation } = reserved.parse(await json("check", { user: newUser(), ...RESERVE }));
    const response = await post("settle", { user: newUser(), reservation: reservation.id, cost: 0 });
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "reservation_gone" });
  });

  it("is rejected with 429 beside 256 others", async () => {
    const { json, post, left } = await asking();
    const user = newUser();
    const one = { user, cost: { tokens: 1 }, reserve: { ttlMs: 60_000 } };
    const items = z.array(z.unknown()).parse(
      await json(
        "check/batch",
        Array.from({ length: 257 }, () => one),
      ),
    );
    expect(items.at(-1)).toMatchObject({ error: { code: "too_many_reservations", retryAfterMs: 1_000 } });
    const response = await post("check", one);
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemOf(response)).toMatchObject({ status: 429, code: "too_many_reservations" });
    expect(await left(user)).toMatchObject(quotaLeft(10_000 - 256));
  });
});

it("settles in a batch before it checks, and reports each item's own fault", async () => {
  const { json } = await asking();
  const user = newUser();
  const first = reserved.parse(
    await json("check", { user, cost: { tokens: 9_000 }, reserve: { ttlMs: 9_999 } }),
  );
  const items = await json("check/batch", [
    { user, cost: { tokens: 8_000 } },
    { user, reservation: first.reservation.id, cost: { tokens: 500 } },
    { user, reservation: "unknown", extendMs: 1_000 },
    { user, reservation: "unknown" },
    { user, reservation: first.reservation.id, cost: { rows: 1 } },
  ]);
  expect(items).toMatchObject([
    { allowed: true, units: { tokens: 8_000 } },
    { reservation: first.reservation.id, settled: true, cost: 0, units: { tokens: 500 } },
    { error: { code: "reservation_gone" } },
    { error: { code: "invalid_request", errors: [{ path: "/cost" }] } },
    // Settled already: the first answer, whatever is sent again.
    { reservation: first.reservation.id, settled: true, units: { tokens: 500 } },
  ]);
});

describe("faults of an operation", () => {
  it.each([
    ["check", { cost: { rows: 1 } }, "/cost/rows", 'unknown unit "rows" (known: requests, tokens)'],
    [
      "check",
      { cost: { count: 1 } },
      "/cost/count",
      "must not be count, which is the number of requests in prices",
    ],
    ["check", { cost: { tokens: -1 } }, "/cost/tokens", "Too small: expected number to be >=0"],
    ["check", { cost: { tokens: 0.0001 } }, "/cost/tokens", "must be a multiple of 0.001"],
    ["check", { cost: -1 }, "/cost", "Too small: expected number to be >=0"],
    ["check", { reserve: { ttlMs: 0 } }, "/reserve/ttlMs", "Too small: expected number to be >=1"],
    [
      "check",
      { reserve: { ttlMs: 3_600_001 } },
      "/reserve/ttlMs",
      "Too big: expected number to be <=3600000",
    ],
    [
      "check",
      { reserve: { ttlMs: 1 }, peek: true },
      "/reserve",
      "must be left out with peek, which charges nothing",
    ],
    ["check", { reserve: { ttlMs: 1 }, cost: 0 }, "/cost", "must be above 0 to be reserved"],
    ["check", { reserve: { ttlMs: 1 }, cost: { tokens: 0 } }, "/cost", "must be above 0 to be reserved"],
    ["settle", {}, "/cost", "give either the cost, to settle it, or extendMs, to let it last longer"],
    [
      "settle",
      { cost: 1, extendMs: 1 },
      "/cost",
      "give either the cost, to settle it, or extendMs, to let it last longer",
    ],
    ["settle", { extendMs: 0 }, "/extendMs", "Too small: expected number to be >=1"],
  ])("name the field: %s %j", async (path, fields, pointer, message) => {
    const { post } = await asking();
    const named = path === "settle" ? { reservation: "x" } : {};
    const response = await post(path, { user: newUser(), ...named, ...fields });
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({ errors: [{ path: pointer, message }] });
  });
});

it("is the same over RPC", async () => {
  // The isolate may have read the policy of another test a moment ago.
  const now = Date.now;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + 10 * 60_000);
  onTestFinished(() => clock.mockRestore());
  await asking();
  const limiter = new EdgeLimiter(createExecutionContext(), env);
  const user = newUser();
  const { reservation } = await limiter.check({ user, ...RESERVE });
  const id = reservation?.id ?? "";
  expect(await limiter.settle({ user, reservation: id, cost: { requests: 1, tokens: 9 } })).toEqual({
    reservation: id,
    settled: true,
    cost: 1,
    units: { tokens: 9 },
  });
  await expect(limiter.settle({ user, reservation: "x", cost: 1 })).rejects.toThrow("reservation_gone: ");
  await expect(limiter.settle({ user, reservation: id })).rejects.toThrow("invalid_request: ");
});
