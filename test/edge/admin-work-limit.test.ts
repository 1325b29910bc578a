/** Limits on the expensive work of one administrator: counted per token by the limiter itself, so that none keeps an isolate or the hub busy. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compilePolicy, tierOf } from "../../src/policy/compile.ts";
import { WORK_TIERS } from "../../src/policy/built-in-tiers.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import {
  bearer,
  type AdminAccess,
  type HeaderFields,
  OWN_PAGE,
  startAccess,
  tokenEntry,
} from "../fixtures/edge-admin.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const ADMIN = "/api/v1/admin";
/** Just under the body limit: 62 tokens of 600. */
const LARGE = "x".repeat(1_000_000);
const SMALL = "x";

beforeEach(startClock);
afterEach(stopClock);

interface Office {
  /** Counts are by name, and objects are shared by all tests. */
  readonly name: string;
  readonly access: AdminAccess;
  readonly bob: HeaderFields;
  readonly alice: HeaderFields;
}

/** Two administrators that no other test uses. */
async function openOffice(role: "viewer" | "admin", variables: Partial<Env> = {}): Promise<Office> {
  const name = `bob-${crypto.randomUUID()}`;
  const tokens = [
    await tokenEntry(name, role, `${name}-token`),
    await tokenEntry(`alice-${name}`, role, `alice-${name}-token`),
  ];
  const access = await startAccess({ ...variables, ADMIN_TOKENS: JSON.stringify(tokens) });
  return { name, access, bob: bearer(`${name}-token`), alice: bearer(`alice-${name}-token`) };
}

type Call = (access: AdminAccess, who: HeaderFields) => Promise<Response>;

function post(path: string, body: unknown, headers: HeaderFields = {}): Call {
  return (access, who) =>
    access.request(`${ADMIN}${path}`, {
      method: "POST",
      headers: { ...who, ...headers },
      body: JSON.stringify(body),
    });
}

const validate = (document: unknown): Call => post("/policy/validate", { document });
const put: Call = (access, who) =>
  access.request(`${ADMIN}/policy`, {
    method: "PUT",
    headers: { ...who, "If-Match": '"999999"' },
    body: JSON.stringify({ document: LARGE }),
  });
const activate = post("/policy/revisions/0/activate", {}, { "If-Match": '"999999"' });
/** An empty range, so that there is nothing to replay. */
const NO_TIME = { from: "2020-01-01T00:00:00Z", to: "2020-01-01T00:00:01Z" };
const simulate = post("/simulate", { document: TEST_POLICY, ...NO_TIME });
const report =
  (name: string): Call =>
  (access, who) =>
    access.request(`${ADMIN}/reports/${name}`, { headers: who });

/** How many of these sequential calls are not 429. */
async function admitted(call: Call, access: AdminAccess, who: HeaderFields, calls: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < calls; i++) if ((await call(access, who)).status !== 429) count += 1;
  return count;
}

describe("an administrator", () => {
  it.each<[what: string, role: "viewer" | "admin", call: Call, atOnce: number]>([
    ["large policies to validate", "viewer", validate(LARGE), 9],
    ["simulations", "viewer", simulate, 12],
    ["large policies to simulate", "viewer", post("/simulate", { document: LARGE }), 9],
    ["policies to put", "admin", put, 9],
    ["reports", "viewer", report("overview"), 300],
  ])("is answered 429 after the allowed number at once: %s", async (_what, role, call, atOnce) => {
    const { access, bob, alice } = await openOffice(role);
    expect(await admitted(call, access, bob, atOnce + 2)).toBe(atOnce);
    // Others are not affected.
    expect((await call(access, alice)).status).not.toBe(429);
    expect((await access.request(`${ADMIN}/policy`, { headers: bob })).status).toBe(200);
  });

  it("gets the limit and Retry-After", async () => {
    const { access, bob } = await openOffice("viewer");
    await admitted(validate(LARGE), access, bob, 9);
    const denied = await validate(LARGE)(access, bob);
    // 42 are left, and ten are added each second.
    expect(denied.headers.get("Retry-After")).toBe("2");
    expect(denied.headers.get("RateLimit-Policy")).toBe('"policy";q=600;w=60');
    expect(denied.headers.get("RateLimit")).toMatch(/^"policy";r=42;t=/);
    expect(denied.headers.get("Cache-Control")).toBe("no-store");
    expect(await problemOf(denied)).toMatchObject({
      status: 429,
      code: "quota_exceeded",
      "violated-policies": ["policy"],
    });
    // Cheaper work is allowed now, and the same work later.
    expect((await validate(SMALL)(access, bob)).status).toBe(200);
    later(2_100);
    expect((await validate(LARGE)(access, bob)).status).toBe(200);
  });

  it("has one count for policies put and revisions activated, and separate counts for the rest", async () => {
    const { access, bob } = await openOffice("admin");
    expect(await admitted(put, access, bob, 10)).toBe(9);
    expect(await admitted(activate, access, bob, 50)).toBe(42);
    for (const call of [validate(LARGE), simulate, report("overview")]) {
      expect((await call(access, bob)).status).toBe(200);
    }
  });

  it("has one count for a token, its sessions and all isolates", async () => {
    const { name, access, bob } = await openOffice("viewer");
    const entry = await tokenEntry(name, "viewer", `${name}-token`);
    const other = await startAccess({ ADMIN_TOKENS: JSON.stringify([entry]) });
    const session = { ...(await access.session(`${name}-token`)), ...OWN_PAGE };
    const counts = [
      await admitted(validate(LARGE), access, bob, 5),
      await admitted(validate(LARGE), other, bob, 2),
      await admitted(validate(LARGE), access, session, 3),
    ];
    expect(counts).toEqual([5, 2, 2]);
  });

  it("gets no more admitted by sending requests at once", async () => {
    stopClock();
    const { access, bob } = await openOffice("viewer");
    const answers = await Promise.all(Array.from({ length: 50 }, () => simulate(access, bob)));
    // All but the first find it busy (503).
    expect(answers.filter(({ status }) => status !== 429)).toHaveLength(12);
  });

  it("is never limited while typing a policy of 50 KB, or by ten dashboards that show reports", async () => {
    const { access, bob } = await openOffice("viewer");
    const typed = validate("x".repeat(50_000));
    for (let i = 0; i < 60; i++) {
      expect((await typed(access, bob)).status).toBe(200);
      // As often as the dashboard validates while an operator types and pauses.
      later(400);
    }
    for (let i = 0; i < 3; i++) {
      expect(await admitted(report("overview"), access, bob, 45)).toBe(45);
      later(5_000);
    }
  });

  it("is counted in the isolate while the limiter is down", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const USER_LIMITER = objectsWith(() => {
      throw new Error("no objects today");
    });
    const { access, bob } = await openOffice("viewer", { USER_LIMITER });
    expect(await admitted(validate(LARGE), access, bob, 12)).toBe(9);
  });

  it("gets overloaded rather than a limit's denial if the counting object is overloaded", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const USER_LIMITER = objectsWith((subject) => {
      if (subject.startsWith("admin:")) throw Object.assign(new Error("too much"), { overloaded: true });
    });
    const { access, bob } = await openOffice("viewer", { USER_LIMITER });
    const response = await report("overview")(access, bob);
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemOf(response)).toMatchObject({ status: 429, code: "overloaded" });
  });

  it("spends nothing without the role, or with an invalid query", async () => {
    const asked: string[] = [];
    const USER_LIMITER = objectsWith((subject) => void asked.push(subject));
    const { access, bob } = await openOffice("viewer", { USER_LIMITER });
    expect((await put(access, bob)).status).toBe(403);
    expect((await report("overview?interval=never")(access, bob)).status).toBe(400);
    expect((await report("nothing")(access, bob)).status).toBe(404);
    expect(asked.filter((subject) => subject.startsWith("admin:"))).toEqual([]);
  });
});

describe("the tiers of administrators' work", () => {
  it("are in every policy, and no document can name them", () => {
    const compiled = compilePolicy(TEST_POLICY, 1);
    if (!compiled.ok) throw new Error("the test policy compiles");
    for (const tier of Object.values(WORK_TIERS)) {
      expect(tierOf(compiled.value, tier.name)).toBe(tier);
      const tiers = { ...TEST_POLICY.tiers, [tier.name]: { limits: [] } };
      expect(compilePolicy({ ...TEST_POLICY, tiers }, 1).ok).toBe(false);
      expect(compiled.value.tiers.has(tier.name)).toBe(false);
    }
  });

  it("leave nothing behind: an idle count is forgotten", async () => {
    const { name, access, bob } = await openOffice("viewer");
    await validate(SMALL)(access, bob);
    const stub = env.USER_LIMITER.getByName(`admin:policy:${name}`);
    await runInDurableObject(stub, () => void vi.advanceTimersByTime(1_000));
    const alarm = await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
    expect(alarm).not.toBeNull();
    vi.setSystemTime(alarm ?? 0);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const left = await runInDurableObject(stub, (_object, { storage }) => [...storage.kv.list()]);
    expect(left).toEqual([]);
  });
});
