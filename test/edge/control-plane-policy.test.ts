/**
 * The policy, as operators change it: against the revision that they read, at once in their isolate, with every fault named, and with a
 * way back to any earlier revision.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import embedded from "../../policy/default.json";
import { registryOf } from "../../src/objects/policy-registry.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import { UserObject } from "../durable-objects/user-object.ts";
import { Operator } from "../fixtures/control-operator.ts";
import { breakKv, breakKvWrites, directoryWhere, wrap } from "../fixtures/control-outages.ts";
import { newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** A single tier whose burst identifies the policy. */
const policyOf = (burst: number): PolicyDocument =>
  policyOfTier({ limits: [{ name: "day", kind: "bucket", tokens: 1, per: "day", burst }] });

async function start(): Promise<{ edge: Edge; operator: Operator }> {
  const edge = await startEdge({ policy: null });
  return { edge, operator: new Operator(edge) };
}

/** The burst that decides an anonymous request. */
async function burstAt(edge: Edge): Promise<number> {
  const response = await edge.request("/identify", { headers: newAddress() });
  const [, burst] = /"day";q=(\d+)/.exec(response.headers.get("RateLimit-Policy") ?? "") ?? [];
  return Number(burst);
}

/** The revision that the edge decides by. The objects of a test share one isolate, and may know a newer one. */
async function revisionAt(edge: Edge): Promise<number | undefined> {
  await edge.request("/health");
  return edge.services.policies.known?.revision;
}

describe("a new deployment", () => {
  it("has the built-in policy as revision 0, and no other revisions", async () => {
    const { operator } = await start();
    const response = await operator.send("GET", "/policy");
    expect(response.headers.get("ETag")).toBe('"0"');
    expect(await response.json()).toMatchObject({ revision: 0, document: embedded, restores: null });
    expect(await operator.get("revisions", "/policy/revisions")).toEqual({ revisions: [], cursor: null });
    expect(await operator.get("policy", "/policy/revisions/0")).toMatchObject({ document: embedded });
  });

  it("takes its first policy against revision 0, and can roll back to the built-in one", async () => {
    const { edge, operator } = await start();
    const put = { document: policyOf(7), reason: "first" };
    const response = await operator.send("PUT", "/policy", put, { "If-Match": '"0"' });
    expect([response.status, response.headers.get("ETag")]).toEqual([200, '"1"']);
    expect(await response.json()).toEqual({
      revision: 1,
      createdAt: new Date().toISOString(),
      actor: "admin-token",
      reason: "first",
      restores: null,
      published: true,
      warnings: Object.keys(embedded.tiers)
        .filter((tier) => !(tier in policyOf(7).tiers))
        .map((tier) => ({ path: `/tiers/${tier}`, message: expect.stringContaining("tokens and calls") })),
    });
    expect(await burstAt(edge)).toBe(7);
    const back = await operator.do("putPolicy", "POST", "/policy/revisions/0/activate", {});
    expect(back).toMatchObject({ revision: 2, restores: 0 });
    expect(await operator.get("policy", "/policy")).toMatchObject({ document: embedded });
    expect(await burstAt(edge)).toBeNaN();
  });
});

describe("a new policy", () => {
  it("applies at once in the isolate that put it, and elsewhere with the next read of KV", async () => {
    const { edge, operator } = await start();
    const other = await startEdge({ policy: null });
    const first = await operator.putPolicy(policyOf(11));
    expect([await revisionAt(edge), await revisionAt(other)]).toEqual([first, first]);
    expect(await burstAt(edge)).toBe(11);
    const second = await operator.putPolicy(policyOf(12));
    expect([await revisionAt(edge), await revisionAt(other)]).toEqual([second, first]);
    expect(await burstAt(edge)).toBe(12);
    later(25_000);
    expect(await revisionAt(other)).toBe(second);
  });

  it("applies to a denied client at once, and keeps what it used", async () => {
    const { edge, operator } = await start();
    const headers = newAddress();
    const statuses = async (count: number) => {
      const found: number[] = [];
      for (let i = 0; i < count; i++) found.push((await edge.request("/identify", { headers })).status);
      return found;
    };
    await operator.putPolicy(policyOf(2));
    expect(await statuses(3)).toEqual([200, 200, 429]);
    await operator.putPolicy(policyOf(3));
    expect(await statuses(2)).toEqual([200, 429]);
    await operator.putPolicy(policyOf(1));
    expect(await statuses(1)).toEqual([429]);
    // Three were used: a limit of three lends nothing.
    await operator.putPolicy(policyOf(3));
    expect(await statuses(1)).toEqual([429]);
  });

  it("is rejected if the policy has changed, with the current revision", async () => {
    // Concurrent calls wait for each other on a timer.
    stopClock();
    const { edge, operator } = await start();
    const revision = await operator.revision();
    const etag = { "If-Match": `"${revision}"` };
    const rivals = await Promise.all(
      [21, 22, 23].map((burst) => operator.send("PUT", "/policy", { document: policyOf(burst) }, etag)),
    );
    expect(rivals.map(({ status }) => status).toSorted()).toEqual([200, 412, 412]);
    const loser = rivals.find(({ status }) => status === 412);
    expect(loser?.headers.get("ETag")).toBe(`"${revision + 1}"`);
    expect(await operator.revision()).toBe(revision + 1);
    const winner = rivals.findIndex(({ status }) => status === 200);
    expect(await burstAt(edge)).toBe(21 + winner);
    // The loser reads again and repeats the change.
    const again = { "If-Match": loser?.headers.get("ETag") ?? "" };
    expect((await operator.send("PUT", "/policy", { document: policyOf(24) }, again)).status).toBe(200);
  });

  it.each<[what: string, headers: Record<string, string>]>([
    ["no If-Match", {}],
    ["an empty If-Match", { "If-Match": "" }],
    ["a number without quotes", { "If-Match": "1" }],
    ["a list with rubbish in it", { "If-Match": '"1", latest' }],
    ["a weak star", { "If-Match": "W/*" }],
    ["rubbish", { "If-Match": '"latest"' }],
    ["an empty list", { "If-Match": " , ," }],
  ])("is 428 with %s, and the response says what to send", async (_what, headers) => {
    const { operator } = await start();
    const before = await operator.revision();
    const response = await operator.send("PUT", "/policy", { document: policyOf(5) }, headers);
    const problem = await problemOf(response);
    expect([problem.status, problem.code]).toEqual([428, "precondition_required"]);
    expect(problem.detail).toContain('If-Match: "7"');
    expect(await operator.revision()).toBe(before);
  });

  it.each<[what: string, tags: (now: number) => string, status: number]>([
    ["as a weak tag, as proxies make it", (now) => `W/"${now}"`, 200],
    ["in a list", (now) => `"${now - 1}" , W/"${now}","${now + 9}"`, 200],
    ["in a list with empty elements", (now) => `,"${now - 1}",, "${now}" ,`, 200],
    ["not in the list", (now) => `"${now + 8}", "${now + 9}"`, 412],
    ["neither as a weak tag", (now) => `W/"${now + 9}"`, 412],
  ])("is put against the revision in force, given %s", async (_what, tags, status) => {
    const { operator } = await start();
    const headers = { "If-Match": tags(await operator.revision()) };
    const put = await operator.send("PUT", "/policy", { document: policyOf(5) }, headers);
    expect(put.status).toBe(status);
  });

  it("is activated without If-Match whatever else changes at the same time", async () => {
    // Concurrent calls wait for each other on a timer.
    stopClock();
    const { operator } = await start();
    await operator.putPolicy(policyOf(5));
    const revision = await operator.revision();
    const path = `/policy/revisions/${revision}/activate`;
    const rivals = await Promise.all([1, 2, 3, 4, 5].map(() => operator.send("POST", path, {})));
    expect(rivals.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await operator.revision()).toBe(revision + 5);
  });

  it.each<[what: string, changes: object, paths: string]>([
    [
      "a URL without a valid port",
      { routes: [{ match: "/*", upstream: "http://host:99999/" }] },
      "/routes/0/upstream",
    ],
    [
      "a binding that is not a service",
      { routes: [{ match: "/*", upstream: "service:CONFIG" }] },
      "/routes/0/upstream",
    ],
    [
      "an object's namespace",
      { routes: [{ match: "/*", upstream: "service:USER_LIMITER" }] },
      "/routes/0/upstream",
    ],
    [
      "a binding that does not exist",
      { routes: [{ match: "/*", upstream: "service:NOPE" }] },
      "/routes/0/upstream",
    ],
    ["an origin that never matches", { cors: { origins: ["*", "https://App.example"] } }, "/cors/origins/1"],
    ["a currency that does not exist", { billing: { currency: "ABC" } }, "/billing/currency"],
  ])("is invalid with %s, unless it is stored already", async (_what, changes, path) => {
    const { operator } = await start();
    const document = { ...policyOf(5), ...changes };
    const verdict: unknown = await (await operator.send("POST", "/policy/validate", { document })).json();
    expect(verdict).toMatchObject({ valid: false, errors: [{ path }] });
    const rejection = await operator.rejection("PUT", "/policy", { document }, { "If-Match": "*" });
    expect(rejection).toBe(`422 /document${path}`);
    expect(compilePolicy(document, 1).ok).toBe(true);
  });

  it("that would be rejected today is still activated if it is stored", async () => {
    const { edge, operator } = await start();
    const routes = [{ match: "/*", upstream: "http://host:99999/" }];
    const stored = { ...policyOf(6), routes, cors: { origins: ["https://App.example"] } };
    const before = await operator.revision();
    const by = { actor: "an old Worker", reason: "" };
    await registryOf(env.POLICY_REGISTRY).put(JSON.stringify(stored), before, by);
    await operator.putPolicy(policyOf(5));
    const path = `/policy/revisions/${before + 1}/activate`;
    const { revision } = await operator.do("putPolicy", "POST", path, {});
    expect(revision).toBe(before + 3);
    const problem = await problemOf(await edge.request("/a", { headers: newAddress() }));
    expect([problem.status, problem.detail]).toEqual([502, expect.stringContaining("not a valid URL")]);
  });

  it("gets a warning for an upstream that is private or leads back here", async () => {
    const { operator } = await start();
    const upstreams = ["http://10.0.0.1", "https://edge.test", "https://api.example"];
    const routes = upstreams.map((upstream, i) => ({ match: `/${i}`, upstream }));
    const document = { ...policyOf(5), routes };
    const verdict: unknown = await (await operator.send("POST", "/policy/validate", { document })).json();
    const warnings = [{ path: "/routes/0/upstream" }, { path: "/routes/1/upstream" }];
    expect(verdict).toMatchObject({ valid: true, warnings });
  });

  it.each<[what: string, document: unknown, paths: string]>([
    ["nothing", undefined, "/document"],
    ["null", null, "/document"],
    ["an unknown field", { ...policyOf(5), limit: 1 }, "/document/limit"],
    ["an unknown tier", { ...policyOf(5), defaultTier: "gone" }, "/document/defaultTier"],
    [
      "a reserved path",
      { ...policyOf(5), routes: [{ match: "/api/v1/admin/*" }] },
      "/document/routes/0/match",
    ],
    [
      "several faults",
      { ...policyOf(5), schema: 2, anonymousTier: 5 },
      "/document/schema /document/anonymousTier",
    ],
  ])("is rejected with %s, with every fault named", async (_what, document, paths) => {
    const { operator } = await start();
    const before = await operator.revision();
    const rejection = await operator.rejection("PUT", "/policy", { document }, { "If-Match": `"${before}"` });
    expect(rejection).toBe(`422 ${paths}`);
    expect(await operator.revision()).toBe(before);
  });

  it("stays in the list forever, with actor, time and reason, and can be read back unchanged", async () => {
    const { operator } = await start();
    const document = { ...policyOf(31), headers: { xRateLimit: false } };
    const before = await operator.revision();
    await operator.do("putPolicy", "PUT", "/policy", { document, reason: "half price" }, { "If-Match": "*" });
    await operator.putPolicy(policyOf(32));
    const { revisions } = await operator.get("revisions", "/policy/revisions?limit=2");
    expect(revisions.map(({ revision, reason }) => [revision, reason])).toEqual([
      [before + 2, ""],
      [before + 1, "half price"],
    ]);
    const read = await operator.send("GET", `/policy/revisions/${before + 1}`);
    expect(read.headers.get("ETag")).toBe(`"${before + 1}"`);
    expect(await read.json()).toMatchObject({ revision: before + 1, document, actor: "admin-token" });
  });

  it("applies where it was put even if KV fails, and says so; elsewhere once KV has it", async () => {
    const { edge, operator } = await start();
    const before = await operator.putPolicy(policyOf(41));
    const restore = breakKvWrites();
    const other = await startEdge({ policy: null });
    const put = { document: policyOf(42) };
    const answer = await operator.do("putPolicy", "PUT", "/policy", put, { "If-Match": "*" });
    expect(answer.published).toBe(false);
    expect(await burstAt(edge)).toBe(42);
    expect([await revisionAt(other), await operator.revision()]).toEqual([before, answer.revision]);
    restore();
    expect(await runDurableObjectAlarm(registryOf(env.POLICY_REGISTRY))).toBe(true);
    later(25_000);
    expect(await revisionAt(other)).toBe(answer.revision);
  });

  it("reaches isolates without KV, from the registry", async () => {
    const { edge, operator } = await start();
    const first = await operator.putPolicy(policyOf(51));
    const other = await startEdge({ policy: null });
    expect(await revisionAt(other)).toBe(first);
    vi.spyOn(console, "error").mockReturnValue();
    breakKv();
    const second = await operator.putPolicy(policyOf(52));
    later(25_000);
    expect([await revisionAt(edge), await revisionAt(other)]).toEqual([second, second]);
    // An isolate that starts meanwhile knows it, too.
    expect(await burstAt(await startEdge({ policy: null }))).toBe(52);
  });
});

describe("a validation of a policy", () => {
  it("reports every fault, or none, and changes nothing", async () => {
    const { operator } = await start();
    const before = await operator.revision();
    const check = (document: unknown) => operator.do("validity", "POST", "/policy/validate", { document });
    expect(await check(policyOf(5))).toEqual({ valid: true, errors: [], warnings: [] });
    expect(await check({ ...policyOf(5), schema: 9 })).toMatchObject({
      valid: false,
      errors: [{ path: "/schema" }],
    });
    expect(await operator.rejection("POST", "/policy/validate", {})).toBe("422 /document");
    expect(await operator.revision()).toBe(before);
  });
});

describe("an earlier revision", () => {
  it("is restored as a new one, and applies at once", async () => {
    const { edge, operator } = await start();
    const first = await operator.putPolicy(policyOf(61));
    const second = await operator.putPolicy(policyOf(62));
    const back = await operator.do("putPolicy", "POST", `/policy/revisions/${first}/activate`, {
      reason: "too generous",
    });
    expect(back).toMatchObject({ revision: second + 1, restores: first, reason: "too generous" });
    expect(await burstAt(edge)).toBe(61);
    expect(await operator.get("policy", "/policy")).toMatchObject({ revision: second + 1, restores: first });
  });

  it("is restored only if the revision in If-Match is in force", async () => {
    const { operator } = await start();
    const revision = await operator.putPolicy(policyOf(63));
    const activate = (match: string) =>
      operator.send("POST", `/policy/revisions/${revision}/activate`, {}, { "If-Match": match });
    expect((await activate(`"${revision - 1}"`)).status).toBe(412);
    expect((await activate("soon")).status).toBe(428);
    expect((await activate(`"${revision}"`)).status).toBe(200);
    expect((await activate("*")).status).toBe(200);
  });

  it.each(["999999", "-1", "1.5", "x", "01x", "1e1", "9".repeat(30), "%00", "0x1"])(
    "is 404 where there is none: %s",
    async (revision) => {
      const { operator } = await start();
      expect(await operator.rejection("GET", `/policy/revisions/${revision}`)).toBe("404");
      expect(await operator.rejection("POST", `/policy/revisions/${revision}/activate`, {})).toBe("404");
    },
  );

  it("is listed once, newest first, in pages, even while others are added", async () => {
    const { operator } = await start();
    for (let i = 0; i < 7; i++) await operator.putPolicy(policyOf(70 + i));
    const newest = await operator.revision();
    const first = await operator.get("revisions", "/policy/revisions?limit=3");
    await operator.putPolicy(policyOf(80));
    const rest = await operator.pages("revisions", "/policy/revisions?limit=3", first.cursor);
    const seen = [first, ...rest].flatMap(({ revisions }) => revisions.map(({ revision }) => revision));
    expect(seen).toEqual(Array.from({ length: newest }, (_, i) => newest - i));
  });
});

describe("a policy that lacks what accounts use", () => {
  const bucket = (name: string) => ({ name, kind: "bucket", tokens: 1, per: "day", burst: 100 }) as const;
  const quota = (name: string) => ({ name, kind: "quota", amount: 100, per: "month" }) as const;
  const tiersOf = (tiers: PolicyDocument["tiers"]): PolicyDocument => ({
    ...policyOf(100),
    tiers: { ...policyOf(100).tiers, ...tiers },
  });
  const WITH = tiersOf({ gold: { limits: [bucket("day"), quota("month")] } });
  const WITHOUT = tiersOf({});
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

  /** An operator with the policy `WITH`, and an account of the tier gold with a key. */
  async function startWithGold() {
    const { edge, operator } = await start();
    await operator.putPolicy(WITH);
    const id = newUser();
    await operator.createAccount(id, { tier: "gold" });
    return { edge, operator, id, path: `/accounts/${id}` };
  }
  const put = (operator: Operator, document: unknown, more: object = {}) =>
    operator.send("PUT", "/policy", { document, ...more }, { "If-Match": "*" });
  const check = (operator: Operator, document: unknown) =>
    operator.do("validity", "POST", "/policy/validate", { document });

  it("as a tier is rejected with their number, some ids and what to do, and can be forced", async () => {
    const { operator, id, path } = await startWithGold();
    const others = Array.from({ length: 6 }, newUser);
    for (const other of others) await operator.createAccount(other, { tier: "gold" });
    const before = await operator.revision();
    const problem = await problemOf(await put(operator, WITHOUT));
    expect([problem.status, problem.code, problem.detail]).toEqual([
      409,
      "conflict",
      expect.stringContaining('"force": true'),
    ]);
    expect(problem.errors).toEqual([{ path: "/document/tiers/gold", message: expect.any(String) }]);
    const [{ message = "" } = {}] = problem.errors ?? [];
    expect(message).toMatch(/^\d+ accounts have the tier "gold", .* default tier "\w+" \(user-/);
    expect(Number.parseInt(message, 10)).toBeGreaterThanOrEqual(7);
    expect(await operator.revision()).toBe(before);
    // A validation says the same, and that tokens may name the tier, too.
    const { valid, errors, warnings } = await check(operator, WITHOUT);
    expect([valid, errors]).toEqual([true, []]);
    const { accounts = 0, examples = [], ...use } = warnings[0]?.inUse ?? {};
    expect(use).toEqual({ kind: "tier", tier: "gold", limit: null });
    expect([accounts, examples.length]).toEqual([Number.parseInt(message, 10), 5]);
    expect(warnings).toEqual([
      { path: "/tiers/gold", message, inUse: warnings[0]?.inUse },
      { path: "/tiers/gold", message: expect.stringContaining("tokens") },
    ]);
    const forced = await put(operator, WITHOUT, { force: true });
    expect([forced.status, await forced.json()]).toEqual([200, expect.objectContaining({ warnings })]);
    expect((await operator.get("account", path)).orphaned).toEqual({ tier: true, limits: [], grants: [] });
    // What is already orphaned does not block the next policy.
    expect((await put(operator, WITHOUT)).status).toBe(200);
    expect((await put(operator, WITH)).status).toBe(200);
    expect((await operator.get("account", path)).orphaned.tier).toBe(false);
    for (const other of [id, ...others]) await operator.send("DELETE", `/accounts/${other}`);
  });

  it("if forced leaves accounts changeable: name, status, tier, the same tier again; never another unknown tier", async () => {
    const { operator, path } = await startWithGold();
    await operator.do("changedAccount", "PATCH", path, { limits: { month: { amount: 7 } } });
    await put(operator, WITHOUT, { force: true });
    const patch = (body: object) => operator.do("changedAccount", "PATCH", path, body);
    const orphaned = { tier: true, limits: ["month"], grants: [] };
    expect(await patch({ name: "Renamed" })).toMatchObject({ name: "Renamed", tier: "gold", orphaned });
    expect(await patch({ status: "blocked" })).toMatchObject({ status: "blocked", orphaned });
    expect(await patch({ tier: "gold", status: "active" })).toMatchObject({ tier: "gold", orphaned });
    expect(await operator.rejection("PATCH", path, { tier: "silver" })).toBe("422 /tier");
    // Set again, it is rejected; unchanged, it blocks nothing.
    expect(await operator.rejection("PATCH", path, { limits: { month: { amount: 8 } } })).toBe(
      "422 /limits/month",
    );
    const { defaultTier } = WITHOUT;
    expect(await patch({ tier: defaultTier })).toMatchObject({
      tier: defaultTier,
      orphaned: { tier: false, limits: ["month"], grants: [] },
      overridesKept: [],
    });
    expect(await patch({ limits: null })).toMatchObject({ orphaned: { limits: [] } });
    expect(await operator.rejection("PATCH", path, { tier: "gold" })).toBe("422 /tier");
    await operator.send("DELETE", path);
  });

  it.each<[what: string, limits: PolicyDocument["tiers"][string]["limits"], lost: number]>([
    ["a limit that is renamed", [bucket("day"), quota("monthly")], 2],
    ["a limit that is removed", [bucket("day")], 2],
    ["a limit of another kind", [bucket("day"), bucket("month")], 1],
    ["limits that all stay", [bucket("day"), { ...quota("month"), amount: 1 }], 0],
  ])(
    "as %s is reported with the accounts that have their own numbers or a grant",
    async (_what, limits, lost) => {
      const { operator, id, path } = await startWithGold();
      await operator.do("changedAccount", "PATCH", path, { limits: { month: { amount: 7, per: "month" } } });
      await operator.do("grant", "POST", `${path}/grants`, { limit: "month", amount: 5, until: inAnHour() });
      const next = tiersOf({ gold: { limits } });
      const { warnings } = await check(operator, next);
      expect(warnings).toHaveLength(lost);
      for (const { path: place, message, inUse } of warnings) {
        expect(inUse).toMatchObject({ tier: "gold", limit: "month", accounts: 1, examples: [id] });
        expect(place).toBe("/tiers/gold/limits");
        expect(message).toMatch(
          /^1 account of the tier "gold" has (a grant|an override) for the limit "month"/,
        );
        expect(message).toContain(id);
      }
      expect((await put(operator, next)).status).toBe(lost === 0 ? 200 : 409);
      await put(operator, next, { force: true });
      expect((await operator.get("account", path)).orphaned).toEqual({
        tier: false,
        limits: lost === 0 ? [] : ["month"],
        grants: lost === 2 ? ["month"] : [],
      });
      await operator.send("DELETE", path);
    },
  );

  it("is no longer reported once the grant has ended, the overrides are removed, or the account is deleted or moved", async () => {
    const { operator, path } = await startWithGold();
    const next = tiersOf({ gold: { limits: [bucket("day")] } });
    const lost = async (document = next) => (await check(operator, document)).warnings.length;
    await operator.do("grant", "POST", `${path}/grants`, { limit: "month", amount: 5, until: inAnHour() });
    expect(await lost()).toBe(1);
    later(3_600_000);
    expect(await lost()).toBe(0);
    await operator.do("changedAccount", "PATCH", path, { limits: { month: { amount: 7 } } });
    expect(await lost()).toBe(1);
    await operator.do("changedAccount", "PATCH", path, { limits: null });
    expect(await lost()).toBe(0);
    // Removing the tier may affect tokens, whichever accounts exist.
    expect(await lost(WITHOUT)).toBe(2);
    await operator.do("changedAccount", "PATCH", path, { tier: WITHOUT.defaultTier });
    expect(await lost(WITHOUT)).toBe(1);
    await operator.do("changedAccount", "PATCH", path, { tier: "gold", status: "blocked" });
    expect(await lost(WITHOUT)).toBe(2);
    await operator.send("DELETE", path);
    expect(await lost(WITHOUT)).toBe(1);
    expect((await put(operator, WITHOUT)).status).toBe(200);
  });

  it("is rejected as an earlier revision, too, including the built-in one, unless forced", async () => {
    const { edge, operator } = await start();
    const earlier = await operator.putPolicy(WITHOUT);
    const { path } = await startWithGold();
    for (const revision of [earlier, 0]) {
      const activate = (body: object) =>
        operator.rejection("POST", `/policy/revisions/${revision}/activate`, body);
      expect(await activate({})).toBe("409 /document/tiers/gold");
      expect(await activate({ force: false })).toBe("409 /document/tiers/gold");
      expect(await activate({ force: "yes" })).toBe("422 /force");
    }
    const forced = await operator.do("putPolicy", "POST", `/policy/revisions/${earlier}/activate`, {
      force: true,
    });
    expect(forced.warnings.length).toBeGreaterThan(0);
    expect(await burstAt(edge)).toBe(100);
    await operator.send("DELETE", path);
  });

  it("is counted for the policy in force, too: by tier, and by limit for overrides and grants", async () => {
    const { operator, id, path } = await startWithGold();
    const other = newUser();
    await operator.createAccount(other, { tier: "gold" });
    await operator.do("changedAccount", "PATCH", path, { limits: { month: { amount: 7 } } });
    await operator.do("changedAccount", "PATCH", `/accounts/${other}`, {
      limits: { month: { amount: 7, per: "month" }, day: { tokens: 9 } },
    });
    await operator.do("grant", "POST", `${path}/grants`, { limit: "month", amount: 5, until: inAnHour() });
    const { uses, complete } = await operator.get("policyUses", "/policy/uses");
    const gold = uses.filter(({ tier }) => tier === "gold");
    const row = (kind: string, limit: string | null, examples: readonly string[]) => {
      const found = gold.find((use) => use.kind === kind && use.limit === limit);
      expect(found?.examples).toEqual(expect.arrayContaining([...examples]));
      return found?.accounts;
    };
    // Overrides with different fields count together.
    expect([row("override", "month", []), row("override", "day", [other])]).toEqual([2, 1]);
    expect([row("grant", "month", [id]), gold.length]).toEqual([1, 4]);
    expect(row("tier", null, [])).toBeGreaterThanOrEqual(2);
    expect(complete).toBe(true);
    for (const each of [id, other]) await operator.send("DELETE", `/accounts/${each}`);
  });

  it("is accepted if the directory does not answer, and the response says that it was not checked", async () => {
    const { operator, path } = await startWithGold();
    vi.spyOn(console, "error").mockReturnValue();
    const restore = directoryWhere(() => "fail");
    const { valid, warnings } = await check(operator, WITHOUT);
    const unknown = { path: "", message: expect.stringContaining("could not be checked") };
    expect([valid, warnings]).toEqual([true, [unknown]]);
    const response = await put(operator, WITHOUT);
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ warnings })]);
    restore();
    await operator.send("DELETE", path);
  });

  it("is compared with the newest policy, even if this isolate does not know it yet", async () => {
    const { operator } = await start();
    await operator.putPolicy(WITHOUT);
    const lagging = await start();
    await lagging.operator.revision();
    const { path } = await startWithGold();
    expect(lagging.edge.services.policies.known?.tiers.has("gold")).toBe(false);
    expect((await put(lagging.operator, WITHOUT)).status).toBe(409);
    await operator.send("DELETE", path);
  });
});

it("a new policy's tier can be given to an account by the very next call", async () => {
  const { edge, operator } = await start();
  const id = newUser();
  const document = policyOf(91);
  await operator.putPolicy(document);
  await operator.createAccount(id);
  expect(await operator.rejection("PATCH", `/accounts/${id}`, { tier: "gold" })).toBe("422 /tier");
  const gold = {
    limits: [{ name: "day", kind: "bucket" as const, tokens: 1, per: "day" as const, burst: 99 }],
  };
  await operator.putPolicy({ ...document, tiers: { ...document.tiers, gold } });
  expect(await operator.do("changedAccount", "PATCH", `/accounts/${id}`, { tier: "gold" })).toMatchObject({
    tier: "gold",
  });
  const { key } = await operator.issueKey(id);
  const response = await edge.request("/identify", { headers: { "X-API-Key": key } });
  expect(response.headers.get("RateLimit-Policy")).toMatch(/^"day";q=99/);
});

describe("a policy that begins billing", () => {
  const BILLED = { ...policyOf(5), billing: { currency: "USD" } };
  const RETRY_MS = 300_000;

  it("opens a period for every account, page by page, until all have answered; one that ends it ends them", async () => {
    const { operator } = await start();
    await operator.putPolicy(policyOf(5));
    const users = Array.from({ length: 30 }, (_, i) => new UserObject(0, `user:swept-${i}`));
    for (const [i] of users.entries()) await operator.createAccount(`swept-${i}`);
    const open = async (): Promise<number> => {
      const rows = await Promise.all(users.map((user) => user.query("SELECT period_ms FROM billing")));
      return rows.filter(([row]) => (row?.["period_ms"] ?? null) !== null).length;
    };
    const registry = registryOf(env.POLICY_REGISTRY);
    const ring = (): Promise<boolean> => runDurableObjectAlarm(registry);
    await users[3]?.failNextWrite("INSERT OR REPLACE INTO periods");
    await operator.putPolicy(BILLED);
    await ring();
    expect(await open()).toBe(24);
    await ring();
    expect(await open()).toBe(29);
    later(RETRY_MS);
    await ring();
    await ring();
    expect(await open()).toBe(30);
    await operator.putPolicy(policyOf(5));
    await ring();
    await ring();
    expect(await open()).toBe(0);
  });
});

describe("a purge of cached responses", () => {
  const routes = [{ match: "/a" }, { match: "/b", methods: ["GET" as const] }, { match: "/b" }];
  const policy: PolicyDocument = { ...policyOf(5), routes };

  it("applies at once in the isolate that made it, and elsewhere with the next read of KV", async () => {
    const { edge, operator } = await start();
    const other = await startEdge({ policy: null });
    const revision = await operator.putPolicy(policy);
    expect(await revisionAt(other)).toBe(revision);
    later(2_000);
    const purge = { routes: ["/a"], reason: "corrected" };
    const { generation, published } = await operator.do("purge", "POST", "/cache/purge", purge);
    expect(published).toBe(true);
    const generations = (at: Edge) =>
      routes.map((_, i) => at.services.policies.cacheGeneration(idsOf[i] ?? ""));
    const idsOf = ["/a", "GET /b", "/b"];
    const before = generations(other);
    expect(generations(edge)[0]).toBe(generation);
    expect(generations(other)).toEqual(before);
    later(25_000);
    expect(await revisionAt(other)).toBe(revision);
    expect(generations(other)).toEqual(generations(edge));
    later(2_000);
    const all = await operator.do("purge", "POST", "/cache/purge", { all: true });
    expect(all.generation).toBe(generation + 1);
    expect(generations(edge)).toEqual([all.generation, all.generation, all.generation]);
  });

  it("names routes of the policy in force, by id or by a match of one route, even if this isolate lags", async () => {
    const { operator } = await start();
    const lagging = new Operator(await startEdge({ policy: null }));
    await lagging.send("GET", "/policy");
    await operator.putPolicy(policy);
    const refusal = (body: unknown) => lagging.rejection("POST", "/cache/purge", body);
    expect(await refusal({ routes: ["/a", "/nope", "GET /b", "POST /b"] })).toBe("422 /routes/1 /routes/3");
    expect(await refusal({ routes: [] })).toBe("422 /routes");
    expect(await refusal({})).toBe("422 ");
    expect(await refusal({ routes: ["/a"], all: true })).toBe("422 ");
    expect(await refusal({ all: false })).toBe("422 /all");
    expect(
      (await lagging.do("purge", "POST", "/cache/purge", { routes: ["GET /b", "/b"] })).generation,
    ).toBeGreaterThan(0);
  });

  it("is listed with its author, time and reason, newest first", async () => {
    const { operator } = await start();
    await operator.putPolicy(policy);
    await operator.do("purge", "POST", "/cache/purge", {
      routes: ["/a", "/a", "GET /b"],
      reason: "corrected",
    });
    later(1_000);
    const { generation } = await operator.do("purge", "POST", "/cache/purge", { all: true });
    const { purges } = await operator.get("purges", "/cache/purges");
    const by = { actor: "admin-token", moreRoutes: 0 };
    expect(purges.slice(0, 2)).toEqual([
      { ...by, generation, reason: "", routes: null, createdAt: new Date().toISOString() },
      {
        ...by,
        generation: generation - 1,
        reason: "corrected",
        routes: ["/a", "GET /b"],
        createdAt: new Date(Date.now() - 1_000).toISOString(),
      },
    ]);
  });

  it("is 503 while the registry does not answer, and changes nothing", async () => {
    const { edge, operator } = await start();
    await operator.putPolicy(policy);
    const before = edge.services.policies.cacheGeneration("/a");
    vi.spyOn(console, "error").mockReturnValue();
    wrap(env.POLICY_REGISTRY, "getByName", () => ({
      revisions: () => Promise.reject(new Error("out of order")),
    }));
    expect((await operator.send("POST", "/cache/purge", { all: true })).status).toBe(503);
    expect(edge.services.policies.cacheGeneration("/a")).toBe(before);
  });
});
