/** The RPC entrypoint, called over real RPC like a service binding: the same operations and decisions as over HTTP. */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { MINUTE_MS } from "../../src/core/time.ts";
import { EdgeLimiter } from "../../src/index.ts";
import { newUser } from "../fixtures/edge-account.ts";
import { publishPolicy } from "../fixtures/edge-app.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";

/** The entrypoint as an untyped caller sees it: it can send anything. */
interface Untyped {
  check(operation: unknown): Promise<unknown>;
  checkMany(operations: unknown): Promise<unknown>;
  status(user: unknown): Promise<unknown>;
}
const limiter = exports.EdgeLimiter;

/** The same without RPC: workerd reports each exception that a call throws, and these tests cause many. */
function local(): Untyped {
  return new EdgeLimiter(createExecutionContext(), env);
}

beforeAll(async () => {
  const revision = await publishPolicy(TEST_POLICY);
  // The Worker may have the policy of another file in its cache: by this clock, that is too old to decide by.
  const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 2 * MINUTE_MS);
  await limiter.status(newUser());
  now.mockRestore();
  expect(await limiter.status(newUser())).toMatchObject({ revision });
});

describe("check", () => {
  it("decides, and returns everything a caller needs", async () => {
    const user = newUser();
    // Another file may have just published the same policy, which its Worker has cached.
    const status = await limiter.status(user);
    if (status.kind !== "status") throw new Error(`the user is ${status.kind}`);
    expect(status.revision).toBeGreaterThan(0);
    expect(await limiter.check({ user, cost: 7 })).toMatchObject({
      outcome: "allowed",
      allowed: true,
      cost: 7,
      limits: [
        { name: "minute", limit: 10 },
        { name: "month", limit: 1_000, remaining: 993 },
      ],
      retryAfterMs: 0,
      violated: [],
      source: "strict",
      tier: "free",
      revision: status.revision,
    });
    expect(await limiter.check({ user, cost: 7 })).toMatchObject({ allowed: false, violated: ["minute"] });
    expect(await limiter.check({ user, route: "/compare", peek: true })).toMatchObject({
      allowed: true,
      cost: 2,
    });
  });

  it("charges an idempotency key once", async () => {
    const operation = { user: newUser(), cost: 6, idempotencyKey: "a" };
    const first = await limiter.check(operation);
    expect(await limiter.check(operation)).toEqual({ ...first, replayed: true });
    const failure = await failureOf(local().check({ ...operation, cost: 1 }));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain("idempotency_mismatch:");
  });

  it.each<[what: string, operation: unknown, path: string]>([
    ["nothing", undefined, ""],
    ["a string", "ada", ""],
    ["no user", {}, "/user"],
    ["a user with a space", { user: "a b" }, "/user"],
    ["an unknown field", { user: "a", price: 1 }, "/price"],
    ["an unknown route", { user: "a", route: "/x" }, "/route"],
    ["an unknown tier", { user: "a", tier: "gold" }, "/tier"],
    ["a cost of NaN", { user: "a", cost: Number.NaN }, "/cost"],
    ["a value that JSON cannot carry", { user: "a", cost: 1n }, "/cost"],
  ])("throws a TypeError with the path if the operation is invalid: %s", async (_what, operation, path) => {
    const failure = await failureOf(local().check(operation));
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain(`invalid_request: [{"path":"${path}"`);
  });
});

it("a TypeError remains one across RPC", async () => {
  const failure = await failureOf(limiter.check({ user: "a b" }));
  expect(failure).toBeInstanceOf(TypeError);
  expect(String(failure)).toMatch(/invalid_request.*\/user/);
});

describe("checkMany", () => {
  it("keeps the order, and an invalid operation fails alone", async () => {
    const [ada, bob] = [newUser(), newUser()];
    const answers = await limiter.checkMany([
      { user: ada, cost: 8 },
      { user: "" },
      { user: bob },
      { user: ada, cost: 8 },
    ]);
    expect(answers).toMatchObject([
      { allowed: true, cost: 8 },
      { error: { code: "invalid_request", errors: [{ path: "/user" }] } },
      { allowed: true, cost: 1 },
      { allowed: false },
    ]);
  });

  it("charges an idempotency key once, and rejects only its reuse with other parameters", async () => {
    const operation = { user: newUser(), cost: 6, idempotencyKey: "a" };
    const answers = await limiter.checkMany([operation, operation, { ...operation, peek: true }]);
    expect(answers).toMatchObject([
      { allowed: true },
      { allowed: true, replayed: true },
      { error: { code: "idempotency_mismatch", detail: expect.any(String) } },
    ]);
  });

  it("returns an empty list for an empty list", async () => {
    expect(await limiter.checkMany([])).toEqual([]);
  });

  it.each<[what: string, operations: unknown]>([
    ["an object", { user: "a" }],
    ["nothing", undefined],
    ["1,001 operations", Array.from({ length: 1_001 }, () => ({ user: "a" }))],
  ])("throws a TypeError for %s", async (_what, operations) => {
    expect(await failureOf(local().checkMany(operations))).toBeInstanceOf(TypeError);
  });
});

describe("status", () => {
  it("returns limits and usage, and costs nothing", async () => {
    const user = newUser();
    await limiter.check({ user, cost: 4 });
    for (let i = 0; i < 3; i++) await limiter.status(user);
    expect(await limiter.status(user)).toMatchObject({
      kind: "status",
      tier: "free",
      status: "active",
      limits: [{ name: "minute" }, { name: "month", remaining: 996 }],
      usage: { hour: { requests: 1, cost: 4, denied: 0 } },
    });
  });

  it.each([
    ["an invalid user id", "a b"],
    ["a number", 7],
    ["nothing", undefined],
  ])("throws a TypeError for %s", async (_what, user) => {
    expect(await failureOf(local().status(user))).toBeInstanceOf(TypeError);
  });
});

/** The error of a rejected call. Awaited once: an RPC promise awaited twice counts as unhandled. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
    return null;
  } catch (thrown) {
    return thrown;
  }
}
