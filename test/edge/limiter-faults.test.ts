/**
 * Calls to the limiter that fail on the way, and their effects: how much is admitted, what is charged, and how soon service is
 * normal again. The objects are real; at the end they report what they have charged.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { type Fate, objectsWhere } from "../fixtures/fault-objects.ts";

const CAPACITY = 5;
/** Refills so slowly that no token returns during a test. */
const LIMIT = { name: "day", kind: "bucket", tokens: 1, per: "day", burst: CAPACITY } as const;
/** Long enough for a real call on a busy machine. */
const DEADLINE_MS = 120;

beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** An edge in front of objects whose calls meet the fate that `fateOf` chooses. */
async function faultyEdge(
  fateOf: (subject: string) => Fate,
  onLimiterFailure: "local" | "open" | "closed" = "local",
) {
  return startEdge({
    policy: policyOfTier({ limits: [LIMIT], onLimiterFailure }),
    variables: {
      LIMITER_TIMEOUT_MS: String(DEADLINE_MS),
      // Later than even a busy isolate waits, and no pause before a checkpoint, which edge-app.ts shortens.
      USER_LIMITER: objectsWhere(fateOf, 12 * DEADLINE_MS),
    },
  });
}

type Client = ReturnType<typeof newAddress>;

async function ask(edge: Edge, client: Client): Promise<{ status: number; source: string; ms: number }> {
  const startedMs = performance.now();
  const { status, headers } = await edge.request("/a", { headers: client });
  const source = /desc="([a-z-]+)"/.exec(headers.get("Server-Timing") ?? "")?.[1] ?? "";
  return { status, source, ms: performance.now() - startedMs };
}

/** Requests that the object itself counts as admitted this hour. */
async function charged(edge: Edge, client: Client): Promise<number> {
  const stub = env.USER_LIMITER.getByName(`ip:${client["CF-Connecting-IP"]}`);
  const revision = edge.services.policies.known?.revision ?? 0;
  const status = await stub.status({ revision, tier: "only", keyId: null });
  return status.kind === "status" ? status.usage.hour.requests : Number.NaN;
}

describe("a decision that arrives after the deadline", () => {
  it.each<Fate>(["late", "unanswered"])(
    "is charged once, and the fallback's answer to it is never charged: %s",
    async (fate) => {
      let now: Fate = fate;
      const edge = await faultyEdge(() => now);
      const client = newAddress();
      expect(await ask(edge, client)).toMatchObject({ status: 200, source: "fallback" });
      await edge.backgroundDone();
      now = "through";
      expect(await charged(edge, client)).toBe(1);
      const after = [];
      for (let i = 0; i < CAPACITY; i++) after.push(await ask(edge, client));
      // The late decision took one of five tokens; the fallback's admission is not charged on top.
      expect(after.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
      expect(after.every(({ source }) => source === "strict")).toBe(true);
      expect(await charged(edge, client)).toBe(CAPACITY);
    },
  );
});

describe("a call that is delivered twice", () => {
  it("never admits more than the limit, and charges its own user at most twice", async () => {
    const edge = await faultyEdge(() => "twice");
    const client = newAddress();
    const statuses = [];
    for (let i = 0; i < CAPACITY; i++) statuses.push((await ask(edge, client)).status);
    // Each was charged twice, and the last token went to a delivery whose answer was lost.
    expect(statuses).toEqual([200, 200, 429, 429, 429]);
    expect(await charged(edge, client)).toBe(CAPACITY);
  });

  it("is charged once if it has an idempotency key", async () => {
    const edge = await faultyEdge(() => "twice");
    const { headers } = await customer(edge, { tier: "only", scopes: ["check"] });
    const check = async (idempotencyKey: string) => {
      const body = JSON.stringify({ user, idempotencyKey });
      return (await edge.request("/api/v1/rate-limit/check", { method: "POST", headers, body })).json();
    };
    const user = `twice-${crypto.randomUUID()}`;
    for (let n = 1; n <= CAPACITY; n++) {
      expect(await check(`order-${n}`)).toMatchObject({
        allowed: true,
        limits: [{ remaining: CAPACITY - n }],
      });
    }
    expect(await check("order-last")).toMatchObject({ allowed: false });
  });
});

describe("a brown-out: one call in five is late", () => {
  it("delays one request in five by the deadline, admits at most twice the limit, and cuts no user off", async () => {
    let calls = 0;
    const edge = await faultyEdge(() => (calls++ % 5 === 4 ? "unanswered" : "through"));
    const clients = Array.from({ length: 12 }, newAddress);
    const answers = await Promise.all(
      clients.map(async (client) => {
        const own = [];
        // Fewer than the limit, so that each request is a call.
        for (let i = 0; i < CAPACITY - 1; i++) own.push(await ask(edge, client));
        return own;
      }),
    );
    const all = answers.flat();
    expect(all.every(({ status }) => status === 200)).toBe(true);
    const slow = all.filter(({ source }) => source === "fallback");
    expect(calls).toBe(all.length);
    expect(slow).toHaveLength(Math.floor(calls / 5));
    expect(slow.every(({ ms }) => ms >= DEADLINE_MS - 1)).toBe(true);
    await edge.backgroundDone();
    // A late call is still delivered: nothing is charged twice, and nothing is missing.
    for (const client of clients) expect(await charged(edge, client)).toBe(CAPACITY - 1);
    await Promise.all(
      clients.map(async (client) => {
        let passed = 0;
        for (let i = 0; i < 2 * CAPACITY; i++) passed += Number((await ask(edge, client)).status === 200);
        expect(passed).toBeGreaterThanOrEqual(1);
        expect(CAPACITY - 1 + passed).toBeLessThanOrEqual(2 * CAPACITY);
        expect(await charged(edge, client)).toBeLessThanOrEqual(CAPACITY);
      }),
    );
  });

  it("rejects only the requests whose call is late if the tier fails closed", async () => {
    let calls = 0;
    const edge = await faultyEdge(() => (calls++ % 5 === 4 ? "lost" : "through"), "closed");
    const answers = await Promise.all(Array.from({ length: 15 }, () => ask(edge, newAddress())));
    const counts = [200, 503].map((status) => answers.filter((answer) => answer.status === status).length);
    expect(counts).toEqual([12, 3]);
    expect(answers.every(({ status, ms }) => status === 200 || ms >= DEADLINE_MS - 1)).toBe(true);
  });
});

describe("an outage that ends", () => {
  it.each([
    ["lost", "local"],
    ["unreachable", "open"],
    ["overloaded", "closed"],
  ] as const)(
    "is over within a second of the objects' return, for known and new users, and its admissions are not charged: %s, %s",
    async (fate, choice) => {
      vi.useFakeTimers({ toFake: ["Date"] });
      let now: Fate = "through";
      const edge = await faultyEdge(() => now, choice);
      const old = newAddress();
      await ask(edge, old);
      now = fate;
      const during = [];
      for (let i = 0; i < 8; i++) during.push(await ask(edge, i % 2 === 0 ? old : newAddress()));
      // Objects that report overload are alive, so no failure policy decides for them.
      const source = fate === "overloaded" ? "none" : "fallback";
      expect(during.filter((answer) => answer.source !== source)).toEqual([]);
      expect(
        during.every(({ status }) =>
          fate === "overloaded" ? status === 429 : status === 200 || status === 429,
        ),
      ).toBe(true);
      now = "through";
      const backMs = Date.now();
      // Advance the clock by a tenth of a second until the object decides again.
      let recovered = Number.NaN;
      while (Number.isNaN(recovered) && Date.now() - backMs < 5_000) {
        vi.setSystemTime(Date.now() + 100);
        if ((await ask(edge, old)).source === "strict") recovered = Date.now() - backMs;
      }
      expect(recovered).toBeLessThanOrEqual(1_000);
      expect(await ask(edge, newAddress())).toMatchObject({ status: 200, source: "strict" });
      // The request before the outage, and the one that found the object back.
      expect(await charged(edge, old)).toBe(2);
    },
  );
});

describe("a clock that steps back an hour", () => {
  it("keeps no circuit open: a recovered object is called within a second", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let now: Fate = "unreachable";
    const edge = await faultyEdge(() => now);
    const client = newAddress();
    for (let i = 0; i < 4; i++) expect((await ask(edge, client)).source).toBe("fallback");
    now = "through";
    vi.setSystemTime(Date.now() - 3_600_000);
    expect((await ask(edge, client)).source).toBe("strict");
  });

  it("repeats no denial from the future, and lends nothing", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const edge = await faultyEdge(() => "through");
    const client = newAddress();
    const statuses = async (count: number) => {
      const seen = [];
      for (let i = 0; i < count; i++) seen.push((await ask(edge, client)).status);
      return seen;
    };
    expect(await statuses(CAPACITY + 1)).toEqual([200, 200, 200, 200, 200, 429]);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(await ask(edge, client)).toMatchObject({ status: 429, source: "strict" });
    expect(await statuses(3)).toEqual([429, 429, 429]);
    expect(await charged(edge, client)).toBe(CAPACITY);
  });
});
