/**
 * The headers with a client's limits: in the syntax of RFC 9651, exact to the second, and never more than remains. The clock
 * stands still unless a test moves it.
 */
import { parseList } from "structured-headers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UNCAPPED_MILLI } from "../../src/core/calendar-quota.ts";
import { decisionOf, type LimitView } from "../../src/core/decision.ts";
import { toTokens } from "../../src/core/units.ts";
import { setRateLimitHeaders } from "../../src/edge/rate-limit-headers.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier, TEST_POLICY } from "../fixtures/edge-policy.ts";

/** Ten days and a half before the month ends. */
const NOW_MS = Date.UTC(2030, 5, 20, 12);

beforeEach(() => vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS }));
afterEach(() => vi.useRealTimers());

/** A client with an unused address. */
function newClient(edge: Edge): (path?: string) => Promise<Response> {
  const headers = newAddress();
  return (path = "/identify") => edge.request(path, { headers });
}

/** The members of a list with their parameters, as RFC 9651 reads them. */
function listOf(response: Response, name: string): unknown[] {
  return parseList(response.headers.get(name) ?? "").map(([item, parameters]) => [
    item,
    Object.fromEntries(parameters),
  ]);
}

function xRateLimit(response: Response): (string | null)[] {
  return ["Limit", "Remaining", "Reset"].map((name) => response.headers.get(`X-RateLimit-${name}`));
}

async function edgeOf(limits: LimitDocument[], cost = 1): Promise<Edge> {
  return startEdge({ policy: policyOfTier({ limits, mode: "strict" }, [{ match: "/*", cost }]) });
}

const bucket = (tokens: number, changes: object = {}): LimitDocument => ({
  name: "minute",
  kind: "bucket",
  tokens,
  per: "minute",
  ...changes,
});

describe("RateLimit and RateLimit-Policy", () => {
  it("give a bucket's capacity, the seconds of a full refill, the remaining tokens, and when it is full", async () => {
    const ask = newClient(await edgeOf([bucket(100, { burst: 150 })]));
    const first = await ask();
    expect(listOf(first, "RateLimit-Policy")).toEqual([["minute", { q: 150, w: 90 }]]);
    expect(listOf(first, "RateLimit")).toEqual([["minute", { r: 149, t: 1 }]]);
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 148, t: 2 }]]);
    vi.setSystemTime(NOW_MS + 600);
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 148, t: 2 }]]);
  });

  it("give a quota's amount, the length of its period, the remaining units, and when it ends", async () => {
    const ask = newClient(await edgeOf([{ name: "month", kind: "quota", amount: 2, per: "month" }]));
    const first = await ask();
    expect(listOf(first, "RateLimit-Policy")).toEqual([["month", { q: 2, w: 30 * 86_400 }]]);
    expect(listOf(first, "RateLimit")).toEqual([["month", { r: 1, t: 10.5 * 86_400 }]]);
    await ask();
    const denied = await ask();
    expect(denied.status).toBe(429);
    expect(listOf(denied, "RateLimit")).toEqual([["month", { r: 0, t: 10.5 * 86_400 }]]);
    expect(denied.headers.get("Retry-After")).toBe(String(10.5 * 86_400));
  });

  it("list every limit that applies to the request, including the route's own, whether allowed or denied", async () => {
    // 3scale/apisonator#54
    const edge = await startEdge({
      policy: policyOfTier(
        { limits: [bucket(100), { name: "day", kind: "quota", amount: 500, per: "day" }] },
        [{ match: "/*", limits: [{ name: "own", kind: "bucket", tokens: 1, per: "hour" }] }],
      ),
    });
    const ask = newClient(edge);
    const expected = [
      ["minute", { q: 100, w: 60 }],
      ["day", { q: 500, w: 86_400 }],
      ["own", { q: 1, w: 3_600 }],
    ];
    expect(listOf(await ask(), "RateLimit-Policy")).toEqual(expected);
    const denied = await ask();
    expect(denied.status).toBe(429);
    expect(listOf(denied, "RateLimit-Policy")).toEqual(expected);
    expect(listOf(denied, "RateLimit")).toEqual([
      ["minute", { r: 99, t: 1 }],
      ["day", { r: 499, t: 43_200 }],
      ["own", { r: 0, t: 3_600 }],
    ]);
  });

  it("round the remaining units down and the times up, so that a client that follows them is not rejected", async () => {
    const ask = newClient(await edgeOf([bucket(3)], 0.4));
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 2, t: 8 }]]);
    vi.setSystemTime(NOW_MS + 1);
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 2, t: 16 }]]);
  });

  it("give the time of the next token if less than one remains", async () => {
    const ask = newClient(await edgeOf([bucket(3)]));
    await ask();
    await ask();
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 0, t: 20 }]]);
    vi.setSystemTime(NOW_MS + 19_000);
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 0, t: 1 }]]);
  });

  it("are integers for any policy, as the draft requires", async () => {
    const ask = newClient(
      await edgeOf([bucket(0.7, { burst: 1.337 }), bucket(7, { name: "hour", per: "hour" })]),
    );
    for (const response of [await ask(), await ask()]) {
      for (const name of ["RateLimit", "RateLimit-Policy"]) {
        expect(response.headers.get(name)).toMatch(/^"[a-z]+"(;[qwrt]=\d+){2}(, "[a-z]+"(;[qwrt]=\d+){2})*$/);
      }
    }
  });
});

describe("X-RateLimit-*", () => {
  it("describe the limit nearest to exhaustion, with the reset in Unix seconds", async () => {
    const edge = await edgeOf([bucket(10), { name: "day", kind: "quota", amount: 4, per: "day" }]);
    const ask = newClient(edge);
    const midnight = String(Date.UTC(2030, 5, 21) / 1_000);
    expect(xRateLimit(await ask())).toEqual(["4", "3", midnight]);
    vi.setSystemTime(NOW_MS + 100);
    expect(xRateLimit(await newClient(edge)())).toEqual(["4", "3", midnight]);
    const other = newClient(
      await edgeOf([bucket(4), { name: "day", kind: "quota", amount: 10, per: "day" }]),
    );
    expect(xRateLimit(await other())).toEqual(["4", "3", String(NOW_MS / 1_000 + 16)]);
  });

  it("are omitted unless the policy asks for them, while the standard headers stay", async () => {
    const { headers: _none, ...silent } = TEST_POLICY;
    const ask = newClient(await startEdge({ policy: silent }));
    for (const status of [200, 200, 200, 429, 429]) {
      const response = await ask();
      expect(response.status).toBe(status);
      expect(xRateLimit(response)).toEqual([null, null, null]);
      expect(listOf(response, "RateLimit")).toHaveLength(1);
    }
  });
});

it("a limit in another unit than requests names it, and its denial says what the request costs of it", async () => {
  const tokens: LimitDocument = { name: "tpm", kind: "bucket", unit: "tokens", tokens: 100, per: "minute" };
  const policy = policyOfTier({ limits: [bucket(10), tokens] }, [
    { match: "/*", cost: { requests: 1, tokens: 60 } },
  ]);
  const ask = newClient(await startEdge({ policy }));
  const first = await ask();
  expect(listOf(first, "RateLimit-Policy")[1]).toEqual(["tpm", { q: 100, qu: "tokens", w: 60 }]);
  expect(listOf(first, "RateLimit")[1]).toMatchObject(["tpm", { r: 40 }]);
  const denied = await ask();
  expect(denied.status).toBe(429);
  expect(await denied.text()).toContain("This request (cost 1, 60 tokens) would exceed");
});

describe("slots", () => {
  const slots: LimitDocument = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 };
  /** Responses that never end, so that each holds its slot. */
  const holding = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1)) }));
  const edgeWith = async (limits: LimitDocument[]) =>
    startEdge({ policy: policyOfTier({ limits }), upstream: holding });

  it("give a waiting time of at most a second, since the end of other requests is unknown", async () => {
    const ask = newClient(await edgeWith([slots]));
    const first = await ask();
    expect(listOf(first, "RateLimit-Policy")).toEqual([["parallel", { q: 1, qu: "concurrent-requests" }]]);
    expect(listOf(first, "RateLimit")).toEqual([["parallel", { r: 0, t: 1 }]]);
    const denied = await ask();
    expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "1"]);
    expect(listOf(denied, "RateLimit")).toEqual([["parallel", { r: 0, t: 1 }]]);
    for (const response of [first, denied]) expect(xRateLimit(response)).toEqual([null, null, null]);
    vi.setSystemTime(NOW_MS + 3_600_000);
    expect((await ask()).status).toBe(200);
  });

  it("are never described as the limit nearest to exhaustion, in any position and whichever limit rejects", async () => {
    for (const limits of [
      [slots, bucket(10)],
      [bucket(10), slots],
    ]) {
      const ask = newClient(await edgeWith(limits));
      expect(xRateLimit(await ask())).toEqual(["10", "9", String(NOW_MS / 1_000 + 6)]);
      const denied = await ask();
      expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "1"]);
      expect(xRateLimit(denied)).toEqual(["10", "9", String(NOW_MS / 1_000 + 6)]);
    }
  });

  it("leave Retry-After to other limits that reject as well", async () => {
    const ask = newClient(
      await edgeWith([slots, bucket(1), { name: "day", kind: "quota", amount: 1, per: "day" }]),
    );
    await ask();
    const denied = await ask();
    expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "43200"]);
  });
});

describe("Retry-After", () => {
  it.each<[what: string, limits: LimitDocument[], cost: number]>([
    ["a bucket", [bucket(3)], 1],
    ["a bucket that refills every 0.6 s", [bucket(100, { burst: 2 })], 1],
    ["a bucket with a cost of more than one token", [bucket(10)], 4],
    ["a bucket with an awkward rate", [bucket(7, { per: "hour", burst: 1.5 })], 0.7],
    ["an hourly quota", [{ name: "hour", kind: "quota", amount: 2, per: "hour" }], 1],
    [
      "a monthly quota on the 31st",
      [{ name: "month", kind: "quota", amount: 1, per: "month", anchorDay: 31 }],
      1,
    ],
    ["the slower of two buckets", [bucket(3), bucket(2, { name: "day", per: "day" })], 1],
  ])("is when the same request is admitted, and not a second later: %s", async (_what, limits, cost) => {
    const ask = newClient(await edgeOf(limits, cost));
    let response = await ask();
    for (let i = 0; response.status === 200 && i < 10; i++) response = await ask();
    expect(response.status).toBe(429);
    const seconds = Number(response.headers.get("Retry-After"));
    expect(seconds).toBeGreaterThanOrEqual(1);
    vi.setSystemTime(NOW_MS + (seconds - 1) * 1_000);
    expect((await ask()).status).toBe(429);
    vi.setSystemTime(NOW_MS + seconds * 1_000);
    expect((await ask()).status).toBe(200);
  });

  it("is not delayed by retrying too early: a denied request costs nothing", async () => {
    const ask = newClient(await edgeOf([bucket(3)]));
    for (let i = 0; i < 3; i++) await ask();
    for (let i = 0; i < 20; i++) {
      const response = await ask();
      expect([response.status, response.headers.get("Retry-After")]).toEqual([429, "20"]);
    }
    vi.setSystemTime(NOW_MS + 20_000);
    expect((await ask()).status).toBe(200);
  });

  it("is not sent with an admitted request", async () => {
    expect((await newClient(await edgeOf([bucket(3)]))()).headers.has("Retry-After")).toBe(false);
  });
});

describe("besides the limits", () => {
  it("every response says where it was decided and how long that took, and carries its request id", async () => {
    const edge = await edgeOf([bucket(1)]);
    const ask = newClient(edge);
    for (const status of [200, 429]) {
      const response = await ask();
      expect(response.status).toBe(status);
      expect(response.headers.get("Server-Timing")).toMatch(/^limiter;dur=\d+\.\d;desc="strict"$/);
      expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(edge.forwarded[0]?.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ["on", undefined, true],
    ["on", false, false],
    ["off", undefined, false],
    ["", undefined, false],
    ["off", true, true],
  ])(
    "Server-Timing is sent as the policy says, else as the variable says: %s, %s",
    async (SERVER_TIMING, serverTiming, isSent) => {
      const headers = serverTiming === undefined ? {} : { serverTiming };
      const edge = await startEdge({
        policy: { ...policyOfTier({ limits: [bucket(1)], mode: "strict" }), headers },
        variables: { SERVER_TIMING },
      });
      const ask = newClient(edge);
      for (const status of [200, 429]) {
        const response = await ask();
        expect([response.status, response.headers.has("Server-Timing")]).toEqual([status, isSent]);
      }
    },
  );

  it("the upstream's own Server-Timing stays", async () => {
    const edge = await startEdge({
      upstream: () => new Response("", { headers: { "Server-Timing": "db;dur=5" } }),
    });
    expect((await newClient(edge)()).headers.get("Server-Timing")).toMatch(/^db;dur=5, limiter;dur=/);
  });

  it("an exempt route sends no limit headers, and charges nothing", async () => {
    const ask = newClient(await startEdge());
    for (let i = 0; i < 5; i++) {
      const response = await ask("/free/of/charge");
      expect(response.status).toBe(200);
      const names = [...response.headers.keys()].filter((name) => /ratelimit|retry|server-timing/.test(name));
      expect(names).toEqual([]);
      expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(listOf(await ask(), "RateLimit")).toEqual([["minute", { r: 2, t: 20 }]]);
  });

  it("a tier without limits sends no limit headers", async () => {
    const edge = await startEdge();
    const { headers } = await customer(edge, { tier: "partner" });
    const response = await edge.request("/identify", { headers });
    expect(response.status).toBe(200);
    expect([...response.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
  });
});

describe("X-Quota-Overage", () => {
  const month: LimitView = {
    name: "month",
    kind: "quota",
    limit: 1_400_000,
    remaining: 398_765.5,
    resetMs: 9_500,
    windowMs: 2_592_000_000,
    included: 1_000_000,
    over: 1_234.5,
  };
  const uncapped = { ...month, limit: toTokens(UNCAPPED_MILLI) };

  function headersOf(...limits: LimitView[]): Headers {
    const headers = new Headers();
    const decision = decisionOf({ tier: "pro", revision: 1 }, "strict", "id", 1_000, "allowed", limits);
    setRateLimitHeaders(headers, decision, true, NOW_MS);
    return headers;
  }

  it("says what is included, what is over and where a cap stops it, while RateLimit counts down to the cap", () => {
    const headers = headersOf(month);
    expect(parseList(headers.get("X-Quota-Overage") ?? "")).toEqual([
      [
        "month",
        new Map([
          ["included", 1_000_000],
          ["over", 1_235],
          ["cap", 400_000],
        ]),
      ],
    ]);
    expect(headers.get("RateLimit")).toBe('"month";r=398765;t=10');
    expect(headers.get("X-RateLimit-Limit")).toBe("1400000");
  });

  it("is sent only past the included amount", () => {
    expect(headersOf({ ...month, over: 0 }).has("X-Quota-Overage")).toBe(false);
    expect(headersOf({ ...month, over: 0.001 }).get("X-Quota-Overage")).toContain(";over=1;");
  });

  it("has no cap if nothing caps the quota, which the other headers leave out", () => {
    const minute: LimitView = {
      ...month,
      name: "minute",
      limit: 9,
      remaining: 8,
      included: undefined,
      over: undefined,
    };
    const alone = headersOf(uncapped);
    expect([...alone.keys()]).toEqual(["x-quota-overage"]);
    expect(alone.get("X-Quota-Overage")).toBe('"month";included=1000000;over=1235');
    const headers = headersOf(uncapped, minute);
    expect(headers.get("RateLimit-Policy")).toBe('"minute";q=9;w=2592000');
    expect(headers.get("RateLimit")).toBe('"minute";r=8;t=10');
    expect(headers.get("X-RateLimit-Limit")).toBe("9");
  });
});
