/** Accounts: created, found and changed by operators. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { customerOf, start } from "../fixtures/control-start.ts";
import { ADMIN_CONTRACT } from "../../src/api/admin-contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** The ids in a list, over all of its pages. */
async function idsOf(operator: Operator, query: string): Promise<string[]> {
  const pages = await operator.pages("accounts", `/accounts${query}`);
  return pages.flatMap(({ accounts }) => accounts.map(({ id }) => id));
}

describe("a new account", () => {
  it("has the given fields, the default tier if none was named, and can be read at once", async () => {
    const { operator } = await start();
    const created = await operator.createAccount("new-1", { name: "Ünï & Co", reason: "trial" });
    const nowIso = new Date().toISOString();
    expect(created).toEqual({
      id: "new-1",
      name: "Ünï & Co",
      tier: "free",
      status: "active",
      limits: {},
      grants: [],
      orphaned: { tier: false, limits: [], grants: [] },
      inherited: null,
      version: 1,
      createdAt: nowIso,
      updatedAt: nowIso,
    });
    const { inherited: _inherited, ...read } = created;
    expect(await operator.get("account", "/accounts/new-1")).toEqual(read);
    const { limits: _limits, grants: _grants, orphaned: _orphaned, ...listed } = read;
    expect(await operator.get("accounts", "/accounts?name=NEW-1")).toEqual({
      accounts: [listed],
      cursor: null,
    });
  });

  it("is created by exactly one of many concurrent requests", async () => {
    const { operator } = await start();
    const tiers = ["free", "pro", "odd", "unlimited"];
    const answers = await Promise.all(
      tiers.map((tier) => operator.send("POST", "/accounts", { id: "raced", tier })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
    const winner = answers.findIndex(({ status }) => status === 201);
    expect(await operator.get("account", "/accounts/raced")).toMatchObject({
      tier: tiers[winner],
      version: 1,
    });
    expect((await operator.get("audit", "/accounts/raced/audit")).entries).toHaveLength(1);
  });

  it("keeps what its user used before the account existed", async () => {
    const started = await start();
    const { edge, operator } = started;
    await operator.createAccount("asker");
    const asker = await operator.issueKey("asker", { scopes: ["check"] });
    for (let i = 0; i < 4; i++) {
      const body = JSON.stringify({ user: "latecomer" });
      const headers = { "X-API-Key": asker.key };
      await edge.request("/api/v1/rate-limit/check", { method: "POST", headers, body });
    }
    expect((await operator.createAccount("latecomer")).inherited).toEqual({
      blocked: false,
      usage: true,
      limits: ["day", "month"],
      audit: false,
    });
    const latecomer = await customerOf(started, "latecomer");
    expect(await latecomer.left()).toEqual({ day: 1, month: 16 });
    expect(await latecomer.call(2)).toEqual([200, 429]);
  });
});

describe("the list of accounts", () => {
  const FLEET = [
    { id: "fleet-a%1", name: "Ann 100%", tier: "pro" },
    { id: "fleet-b_2", name: "bob_under", tier: "free" },
    { id: "fleet-c\\3", name: "Back\\Slash", tier: "pro" },
    { id: "fleet-d", name: "ann small", tier: "unlimited" },
    { id: "fleet-e", name: "", tier: "free" },
  ];
  const MAKE = async (operator: Operator): Promise<void> => {
    if ((await idsOf(operator, "?name=fleet")).length > 0) return;
    for (const { id, ...given } of FLEET) await operator.createAccount(id, given);
    await operator.do("changedAccount", "PATCH", `/accounts/${encodeURIComponent("fleet-d")}`, {
      status: "blocked",
    });
  };

  it.each<[query: string, ids: string[]]>([
    ["name=fleet", FLEET.map(({ id }) => id)],
    ["name=fleet&tier=pro", ["fleet-a%1", "fleet-c\\3"]],
    ["name=fleet&status=blocked", ["fleet-d"]],
    ["name=fleet&status=active&tier=free", ["fleet-b_2", "fleet-e"]],
    ["name=fleet&tier=keyed", []],
    ["name=ANN", ["fleet-a%1", "fleet-d"]],
    ["name=%25", ["fleet-a%1"]],
    ["name=_", ["fleet-b_2"]],
    ["name=%5C", ["fleet-c\\3"]],
    ["name=100%25%25", []],
    ["name=fleet-_", []],
    [`name=${"n".repeat(200)}`, []],
  ])("filtered by %s contains exactly these", async (query, ids) => {
    const { operator } = await start();
    await MAKE(operator);
    expect(await idsOf(operator, `?${query}`)).toEqual(ids);
    expect(await idsOf(operator, `?${query}&limit=2`)).toEqual(ids);
  });

  it("contains every account once, in order, even while others are created and deleted", async () => {
    const { operator } = await start();
    const ids = Array.from({ length: 9 }, (_, i) => `paged-${i}`);
    for (const id of ids) await operator.createAccount(id);
    const first = await operator.get("accounts", "/accounts?name=paged&limit=4");
    // After the page that was read, before it, and the account it ended with.
    await operator.createAccount("paged-7a");
    await operator.createAccount("paged-0a");
    await operator.send("DELETE", "/accounts/paged-3");
    const rest = await operator.pages("accounts", "/accounts?name=paged&limit=4", first.cursor);
    const seen = [first, ...rest].flatMap(({ accounts }) => accounts.map(({ id }) => id));
    expect(seen).toEqual([...ids.slice(0, 8), "paged-7a", "paged-8"]);
  });

  it.each<[query: string, rejection: string]>([
    ["cursor=", "400 /cursor"],
    ["cursor=a", "400 /cursor"],
    ["cursor=%00", "400 /cursor"],
    ["cursor=_-8", "400 /cursor"],
    ["cursor=;DROP%20TABLE", "400 /cursor"],
    [`cursor=${"A".repeat(401)}`, "400 /cursor"],
    ["limit=0", "400 /limit"],
    ["limit=101", "400 /limit"],
    ["limit=1.5", "400 /limit"],
    ["limit=-1", "400 /limit"],
    ["status=frozen", "400 /status"],
    ["tier=PRO", "400 /tier"],
    ["name=", "400 /name"],
    [`name=${"n".repeat(201)}`, "400 /name"],
    ["sort=name", "400 /sort"],
  ])("rejects %s", async (query, rejection) => {
    const { operator } = await start();
    expect(await operator.rejection("GET", `/accounts?${query}`)).toBe(rejection);
  });

  it("has pages of fifty by default", async () => {
    const { operator } = await start();
    const missing = 51 - (await idsOf(operator, "")).length;
    for (let i = 0; i < missing; i++) await operator.createAccount(`more-${i}`);
    const page = await operator.get("accounts", "/accounts");
    expect(page.accounts).toHaveLength(50);
    expect(page.cursor).not.toBeNull();
  });
});

describe("a change to an account", () => {
  it("changes the given fields and nothing else, and increases the version", async () => {
    const { operator } = await start();
    const created = await operator.createAccount("changed", { name: "Before" });
    later(1_000);
    const patch = (body: object) => operator.do("changedAccount", "PATCH", "/accounts/changed", body);
    const named = await patch({ name: "After" });
    const { inherited: _inherited, ...read } = created;
    const kept = { overridesKept: [], grantsKept: [], pendingTier: null };
    expect(named).toEqual({
      ...read,
      ...kept,
      name: "After",
      version: 2,
      updatedAt: new Date().toISOString(),
    });
    expect(await patch({ tier: "pro", status: "blocked" })).toMatchObject({
      name: "After",
      tier: "pro",
      status: "blocked",
      version: 3,
    });
    expect(await patch({ name: "" })).toMatchObject({ name: "", tier: "pro", version: 4 });
    expect((await operator.get("accounts", "/accounts?name=changed")).accounts).toMatchObject([
      { id: "changed", name: "", tier: "pro", status: "blocked", version: 4 },
    ]);
  });

  it.each<[what: string, body: unknown, rejection: string]>([
    ["an empty object", {}, "422 "],
    ["only a reason", { reason: "why not" }, "422 "],
    ["an unknown field", { name: "x", plan: "pro" }, "422 /plan"],
    ["its version", { version: 9 }, "422 /version "],
    ["an unknown tier", { tier: "gold" }, "422 /tier"],
    ["a tier with an invalid name", { tier: "Free!" }, "422 /tier"],
    ["an unknown status", { status: "deleted" }, "422 /status"],
    ["an array", [], "422 "],
    ["a string", '"pro"', "422 "],
    ["null", null, "422 "],
    ["text that is not JSON", "{", "400 "],
    ["an empty body", "", "400 "],
  ])("with %s is rejected, and changes nothing", async (_what, body, rejection) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "steady" });
    const before = await operator.get("account", "/accounts/steady");
    expect(await operator.rejection("PATCH", "/accounts/steady", body)).toBe(rejection);
    expect(await operator.get("account", "/accounts/steady")).toEqual(before);
  });

  it.each(["GET", "PATCH", "DELETE"])("%s is 404 if there is no account", async (method) => {
    const { operator } = await start();
    const body = method === "PATCH" ? { tier: "pro" } : undefined;
    expect(await operator.rejection(method, "/accounts/nobody", body)).toBe("404");
  });
});

describe("an account's billing", () => {
  const CENT = { model: "unit", unit: "0.01" };
  const tierOf = (amount: number, overage: object, base: string) => ({
    limits: [{ name: "month", kind: "quota", amount, per: "month", overage }],
    plan: { base },
  });
  const POLICY = {
    schema: 1,
    anonymousTier: "free",
    defaultTier: "free",
    tiers: {
      free: tierOf(20, { mode: "stop" }, "0"),
      pro: tierOf(200, { mode: "payg", price: CENT, spendCap: "5" }, "31"),
    },
    routes: [{ match: "/identify" }],
    billing: { currency: "USD" },
  };

  it("is not there without billing in the policy, and begins for an account that was there before", async () => {
    const { operator } = await start();
    await operator.createAccount("billed-0");
    const calls = [
      ["GET", "billing"],
      ["PATCH", "billing", { budget: "1" }],
      ["POST", "tier", { tier: "pro" }],
      ["POST", "tier/preview", { tier: "pro" }],
      ["GET", "credits"],
      ["POST", "credits", { kind: "paid", amount: "1", source: "s" }],
      ["DELETE", "credits/none"],
    ] as const;
    for (const [method, path, body] of calls) {
      expect(await operator.rejection(method, `/accounts/billed-0/${path}`, body)).toBe("409");
      expect(await operator.rejection(method, `/accounts/nobody/${path}`, body)).toBe("404");
    }
    await operator.putPolicy(POLICY);
    const billing = await operator.get("billing", "/accounts/billed-0/billing");
    expect(billing).toMatchObject({ tier: "free", currency: "USD", accrued: { total: "0.00" } });
  });

  it("is changed once for each Idempotency-Key, and a preview shows what a change of tier then does", async () => {
    const { operator } = await start();
    await operator.putPolicy(POLICY);
    await operator.createAccount("billed-1");
    const path = "/accounts/billed-1";
    const before = await operator.send("POST", `${path}/tier/preview`, { tier: "pro" });
    const preview: unknown = await before.json();
    const once = { "Idempotency-Key": "one" };
    const changed = await operator.send("POST", `${path}/tier`, { tier: "pro" }, once);
    expect(changed.status).toBe(200);
    later(3_600_000);
    await operator.send("POST", `${path}/tier`, { tier: "pro" }, once);
    const billing = await operator.get("billing", `${path}/billing`);
    expect(billing.segments.map(({ tier }) => tier)).toEqual(["pro"]);
    expect(preview).toMatchObject({ at: "now", after: billing.accrued });
    const patched = await operator.do("changedAccount", "PATCH", path, { tier: "free" });
    expect(patched).toMatchObject({ tier: "pro", pendingTier: "free" });
    const cancelled = await operator.send("POST", `${path}/tier`, { tier: "pro", at: "period_end" });
    expect(await cancelled.json()).toMatchObject({ at: "period_end", billing: { pendingTier: null } });
    const { entries } = await operator.get("audit", `${path}/audit`);
    expect(entries.map(({ action }) => action)).toEqual([
      "account.change",
      "account.change",
      "account.change",
      "account.create",
    ]);
  });

  it("charges by request for a route that costs no tokens, which asks no limiter without a price", async () => {
    const started = await start();
    const { operator } = started;
    const prices = [{ route: "/free", of: "count", price: CENT }];
    const priced = { limits: [], mode: "strict", plan: { prices } };
    const routes = [
      { match: "/free", cost: 0 },
      { match: "/gratis", cost: 0 },
    ];
    await operator.putPolicy({ ...POLICY, tiers: { ...POLICY.tiers, priced }, routes });
    await operator.createAccount("by-request", { tier: "priced" });
    const customer = await customerOf(started, "by-request");
    expect([await customer.call(3, "/free"), await customer.call(2, "/gratis")]).toEqual([
      [200, 200, 200],
      [200, 200],
    ]);
    expect((await operator.get("billing", "/accounts/by-request/billing")).accrued.total).toBe("0.03");
    const { usage } = await operator.get("usage", "/accounts/by-request/usage?group=route");
    expect(usage.map(({ route, requests }) => [route, requests])).toEqual([["/free", 3]]);
  });

  it("has a customer, a budget and credits, and rejects what cannot be", async () => {
    const { operator } = await start();
    await operator.putPolicy(POLICY);
    await operator.createAccount("billed-2", { tier: "pro" });
    const path = "/accounts/billed-2";
    const customer = { name: "Ünï GmbH", country: "DE" };
    const change = { customer, budget: "2.50", anchorDay: 31 };
    const billing = await operator.do("billing", "PATCH", `${path}/billing`, change);
    expect(billing).toMatchObject({ ...change, allowance: { amount: expect.any(Number), stop: "budget" } });
    const credit = { kind: "paid", amount: "5", source: "payment:1" };
    const given = await operator.do("credit", "POST", `${path}/credits`, credit);
    const again = await operator.send("POST", `${path}/credits`, credit);
    expect([again.status, await again.json()]).toEqual([200, given]);
    expect((await operator.get("credits", `${path}/credits`)).credits).toEqual([given]);
    const removed = await operator.send("DELETE", `${path}/credits/${given.id}?reason=mistake`);
    const due = billing.accrued.total;
    expect(await removed.json()).toMatchObject({ removed: (5 - Math.min(5, Number(due))).toFixed(2) });
    const rejected = [
      ["PATCH", "billing", {}, "422 "],
      ["PATCH", "billing", { budget: "-1" }, "422 /budget"],
      ["PATCH", "billing", { anchorDay: 32 }, "422 /anchorDay"],
      ["PATCH", "billing", { customer: { country: "de" } }, "422 /customer/country"],
      ["POST", "tier", { tier: "none" }, "422 /tier"],
      ["POST", "tier/preview", { tier: "pro", at: "soon" }, "422 /at"],
      ["POST", "credits", { ...credit, amount: "0.001", source: "2" }, "422 /amount"],
      ["POST", "credits", { ...credit, amount: "6" }, "409"],
      ["POST", "credits", { ...credit, source: "2", currency: "EUR" }, "409"],
      ["POST", "credits", { ...credit, source: "2", effective: "2000-01-01T00:00:00Z" }, "409"],
      ["POST", "reset", {}, "409"],
    ] as const;
    for (const [method, end, body, expected] of rejected) {
      expect(await operator.rejection(method, `${path}/${end}`, body)).toBe(expected);
    }
  });

  describe("stops requests", () => {
    // The period has 17.5 of 31 days left. Strict, since the clock stands still: no lease would end.
    const strict = { mode: "strict" } as const;
    const CAPPED = {
      ...POLICY,
      tiers: {
        free: POLICY.tiers.free,
        pro: { ...tierOf(31, { mode: "payg", price: CENT }, "31"), ...strict },
        ppu: { ...tierOf(31, { mode: "prepaid", price: CENT }, "0"), ...strict },
      },
      routes: [{ match: "/identify" }, { match: "/half", cost: 0.5 }],
    };
    const PERIOD_END_MS = Date.UTC(2100, 10, 1);

    async function capped(id: string, tier: string) {
      const started = await start();
      await started.operator.putPolicy(CAPPED);
      await started.operator.createAccount(id, { tier });
      const customer = await customerOf(started, id);
      const send = (path: string) => started.edge.request(path, { headers: customer.headers });
      return { ...started, customer, send, path: `/accounts/${id}` };
    }

    it("when the customer's own budget is used exactly, until the period ends or the budget is raised", async () => {
      const { operator, customer, send, path } = await capped("budgeted", "pro");
      const set = (budget: string) => operator.do("billing", "PATCH", `${path}/billing`, { budget });
      expect((await set("0.10")).allowance).toMatchObject({ included: 17.5, amount: 27.5, stop: "budget" });
      expect(new Set(await customer.call(27))).toEqual(new Set([200]));
      const last = await send("/half");
      expect(last.headers.get("X-Quota-Overage")).toBe('"month";included=17;over=10;cap=10');
      expect(last.headers.get("RateLimit")).toMatch(/^"month";r=0;t=\d+$/);
      const denied = await send("/half");
      const retryAfter = Number(denied.headers.get("Retry-After"));
      expect(retryAfter).toBe((PERIOD_END_MS - Date.now()) / 1_000);
      expect(await problemOf(denied)).toMatchObject({
        status: 429,
        type: expect.stringContaining("quota-exceeded"),
        code: "budget_reached",
        "violated-policies": ["month"],
      });
      const billing = await set("0.15");
      expect(billing.accrued.lines.map(({ kind, amount }) => [kind, amount])).toEqual([
        ["base", "17.50"],
        ["overage", "0.10"],
      ]);
      expect(await customer.call(6)).toEqual([200, 200, 200, 200, 200, 429]);
      await operator.send("PATCH", `${path}/billing`, { budget: null });
      expect(await customer.call(2)).toEqual([200, 200]);
    });

    it("when prepaid credits are used up: 402, without Retry-After, until more are bought", async () => {
      const { operator, customer, send, path } = await capped("prepaid", "ppu");
      expect((await customer.call(18)).slice(-2)).toEqual([200, 402]);
      expect((await send("/half")).status).toBe(200);
      const denied = await send("/half");
      expect(denied.headers.has("Retry-After")).toBe(false);
      expect(await problemOf(denied)).toMatchObject({ status: 402, code: "credits_exhausted" });
      const credit = { kind: "paid", amount: "0.02", source: "payment:1" };
      await operator.do("credit", "POST", `${path}/credits`, credit);
      expect(await customer.call(3)).toEqual([200, 200, 402]);
    });

    it("of live keys only: test keys are not billed, and have the whole amount of their own", async () => {
      const started = await capped("tester", "pro");
      const { operator, customer, path } = started;
      await operator.do("billing", "PATCH", `${path}/billing`, { budget: "0" });
      const tester = await customerOf(started, "tester", { mode: "test" });
      expect(new Set(await tester.call(31))).toEqual(new Set([200]));
      expect(await tester.call(1)).toEqual([429]);
      expect((await customer.call(18)).slice(-2)).toEqual([200, 429]);
      expect((await operator.get("billing", `${path}/billing`)).accrued.total).toBe("17.50");
      const requests = async (mode: string) =>
        (await operator.get("usage", `${path}/usage?${mode}`)).usage.map((row) => row.requests);
      expect([await requests("mode=live"), await requests("mode=test"), await requests("")]).toEqual([
        [17],
        [31],
        [48],
      ]);
      // A successor has the key's mode and what is left of the quota.
      const rotation = `${path}/keys/${tester.keyId}/rotate`;
      expect(await operator.rejection("POST", rotation, { mode: "live" })).toBe("422 /mode");
      const rotated = await operator.do("newKey", "POST", rotation, {});
      expect(rotated).toMatchObject({ mode: "test", key: expect.stringMatching(/^el_test_/) });
      const headers = { "X-API-Key": rotated.key };
      expect((await started.edge.request("/identify", { headers })).status).toBe(429);
    });
  });

  it("ends in an invoice that is adjusted, numbered, corrected and paid, and fixes the currency", async () => {
    const { operator } = await start();
    const policy = { ...POLICY, billing: { currency: "USD", series: "API" } };
    await operator.putPolicy(policy);
    await operator.createAccount("billed-3", { tier: "pro" });
    later(24 * 3_600_000);
    await operator.send("DELETE", "/accounts/billed-3");
    const path = "/accounts/billed-3/invoices";
    expect(await operator.rejection("GET", "/accounts/nobody/invoices")).toBe("404");
    expect(await operator.rejection("GET", `${path}/none`)).toBe("404");
    const { invoices, cursor } = await operator.get("invoices", path);
    expect([invoices.map(({ status, number }) => [status, number]), cursor]).toEqual([
      [["draft", null]],
      null,
    ]);
    const id = `${path}/${invoices[0]?.id}`;
    const [base] = (await operator.get("invoice", id)).document.lines;
    expect(base?.minor).toBe("100");
    const faults: [path: string, body: object, rejection: string][] = [
      ["adjustments", { lines: [] }, "422 /lines"],
      ["adjustments", { lines: [{ description: "", amount: "1" }] }, "422 /lines/0/description"],
      ["adjustments", { lines: [{ description: "x", amount: "0" }] }, "422 /lines/0/amount"],
      ["adjustments", { lines: [{ description: "x", amount: "-9" }] }, "422 /lines"],
      ["adjustments", { lines: [{ description: "x", amount: "9" }], currency: "EUR" }, "409"],
      ["credit-notes", { lines: [{ line: 0, amount: "1" }], reason: "x" }, "409"],
      ["credit-notes", { lines: [{ line: 0, amount: "1" }] }, "422 /reason"],
      ["mark-paid", {}, "409"],
    ];
    for (const [action, body, rejection] of faults) {
      expect([action, await operator.rejection("POST", `${id}/${action}`, body)]).toEqual([
        action,
        rejection,
      ]);
    }
    const once = { "Idempotency-Key": "setup" };
    const setup = { lines: [{ description: "setup", amount: "9.00" }] };
    for (let i = 0; i < 2; i++) {
      expect((await operator.send("POST", `${id}/adjustments`, setup, once)).status).toBe(200);
    }
    const issued = await operator.do("invoice", "POST", `${id}/finalize`, {});
    expect(issued).toMatchObject({ number: "API-000001", status: "issued", total: "10.00", open: "10.00" });
    const again = await operator.send("POST", `${id}/adjustments`, setup);
    expect(await problemOf(again)).toMatchObject({ status: 409, code: "invoice_issued" });
    const credit = { lines: [{ line: 1, amount: "9.00" }], reason: "no setup" };
    const note = await operator.send("POST", `${id}/credit-notes`, credit, { "Idempotency-Key": "note" });
    expect([note.status, await note.json()]).toMatchObject([201, { number: "API-CN-000001", total: "9.00" }]);
    await operator.send("POST", `${id}/credit-notes`, credit, { "Idempotency-Key": "note" });
    const excess = await operator.send("POST", `${id}/credit-notes`, credit);
    expect(await problemOf(excess)).toMatchObject({ status: 422, code: "exceeds_uncredited" });
    expect(await operator.do("invoice", "POST", `${id}/mark-paid`, {})).toMatchObject({ open: "0.00" });
    expect(await operator.rejection("POST", `${id}/void`, {})).toBe("409");

    const { documents } = await operator.get("documents", "/billing/invoices?status=paid");
    expect(documents).toMatchObject([{ number: "API-000001", account: "billed-3", open: "0.00" }]);
    const notes = await operator.get("documents", "/billing/invoices?kind=credit_note&limit=1");
    expect(notes).toMatchObject({ series: "API-CN", documents: [{ number: "API-CN-000001" }] });
    expect(await operator.rejection("GET", "/billing/invoices?status=unknown")).toBe("400 /status");
    expect(await operator.rejection("GET", "/billing/invoices?from=x&to=y")).toBe("400 /from /to");
    const numbersOf = async (filter: string): Promise<string[]> =>
      (await operator.get("documents", `/billing/invoices?${filter}`)).documents.map(({ number }) => number);
    const began = documents[0]?.period.start ?? "";
    expect(await numbersOf(`account=billed-3&from=${began}`)).toEqual(["API-000001"]);
    expect(await numbersOf("account=billed-4")).toEqual([]);
    expect(await numbersOf(`to=${began}`)).toEqual([]);
    const invoiced = (query: string) => operator.get("invoiced", `/billing/reports/invoiced?${query}`);
    const whole = { documents: 2, amount: "1.00", creditNotes: "9.00" };
    const month = {
      by: "month",
      currency: "USD",
      rows: [{ key: began.slice(0, 7), ...whole }],
      total: whole,
    };
    expect(await invoiced("")).toEqual({
      ...month,
      others: null,
      unknown: 0,
      outstanding: { documents: 0, open: "0.00", pastDue: "0.00" },
    });
    expect((await invoiced("by=route")).rows).toEqual([
      { key: "(base)", documents: 1, amount: "1.00", creditNotes: "0.00" },
      { key: "(adjustment)", documents: 2, amount: "0.00", creditNotes: "9.00" },
    ]);
    expect(await invoiced("by=route&limit=1&kind=invoice")).toMatchObject({
      rows: [{ key: "(adjustment)", amount: "9.00" }],
      others: { documents: 1, amount: "1.00", creditNotes: "0.00" },
      total: { documents: 1, amount: "10.00" },
    });
    expect(await invoiced("by=tier&kind=credit_note")).toMatchObject({ total: { amount: "-9.00" } });
    expect((await invoiced(`to=${began}`)).rows).toEqual([]);
    expect(await operator.rejection("GET", "/billing/reports/invoiced?from=2100-02-01&to=2100-01-01")).toBe(
      "400 /from",
    );
    expect(await operator.rejection("GET", "/billing/reports/invoiced?by=key")).toBe("400 /by");
    const rebuilt = await operator.do("rebuiltRegister", "POST", "/billing/register/rebuild");
    expect(rebuilt.cursor).toBeNull();
    expect(rebuilt.series.find(({ series }) => series === "API")).toMatchObject({ documents: 1, missing: 0 });
    expect((await operator.get("documents", "/billing/invoices?status=paid")).documents).toEqual(documents);

    const euro = { ...POLICY, billing: { currency: "EUR" } };
    const valid = await operator.send("POST", "/policy/validate", { document: euro });
    expect(await valid.json()).toMatchObject({ valid: false, errors: [{ path: "/billing/currency" }] });
    const put = await operator.send("PUT", "/policy", { document: euro, force: true }, { "If-Match": "*" });
    expect(await problemOf(put)).toMatchObject({ errors: [{ path: "/document/billing/currency" }] });
  });

  it("and account take an Idempotency-Key for one call, at every change: with another body it is 422, and nothing is changed", async () => {
    const { operator } = await start();
    const refresh = {
      match: "/refresh",
      limits: [{ name: "refresh", kind: "bucket", tokens: 1, per: "day" }],
    };
    const routes = [...POLICY.routes, refresh];
    await operator.putPolicy({ ...POLICY, routes, billing: { currency: "USD", series: "API" } });
    const tested = new Set<string>();
    const changes = async (user: string): Promise<number> =>
      (await operator.get("audit", `/accounts/${user}/audit?limit=100`)).entries.length;
    /** Sends a call, another one with its key, and it again. @returns the first response's body. */
    const once = async (
      operation: string,
      method: string,
      path: string,
      [body, other]: readonly [asked: object, other: object],
      repeated?: number,
    ): Promise<Readonly<Record<string, unknown>>> => {
      tested.add(operation);
      const [, , user = ""] = path.split("/");
      const key = { "Idempotency-Key": operation };
      const send = (asked: object): Promise<Response> =>
        method === "DELETE"
          ? operator.send(method, `${path}?${new URLSearchParams(Object.entries(asked))}`, undefined, key)
          : operator.send(method, path, asked, key);
      const first = await send(body);
      const text = await first.text();
      expect([operation, first.status, text]).toEqual([operation, expect.toBeOneOf([200, 201, 204]), text]);
      const made = await changes(user);
      expect([operation, await problemCode(await send(other))]).toEqual([
        operation,
        "422 idempotency_mismatch",
      ]);
      // The order of fields does not matter.
      const again = await send(Object.fromEntries(Object.entries(body).toReversed()));
      expect([operation, again.status]).toEqual([operation, repeated ?? first.status]);
      expect([operation, await changes(user)]).toEqual([operation, made]);
      return text === "" ? {} : JSON.parse(text);
    };
    for (const user of ["once-1", "once-2"]) await operator.createAccount(user, { tier: "pro" });
    const path = "/accounts/once-1";
    const why = [{ reason: "a" }, { reason: "b" }] as const;
    await once("changeAccount", "PATCH", path, [
      { name: "a", reason: "" },
      { name: "b", reason: "" },
    ]);
    await once("changeBilling", "PATCH", `${path}/billing`, [{ budget: "1" }, { budget: "2" }]);
    await once("changeTier", "POST", `${path}/tier`, [{ tier: "free" }, { tier: "pro" }]);
    const paid = { kind: "paid", source: "s" };
    const credit = await once("addCredit", "POST", `${path}/credits`, [
      { ...paid, amount: "1" },
      { ...paid, amount: "2" },
    ]);
    await once("removeCredit", "DELETE", `${path}/credits/${credit["id"]}`, why);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const grant = await once("grantExtra", "POST", `${path}/grants`, [
      { limit: "month", amount: 1, until },
      { limit: "month", amount: 2, until },
    ]);
    await once("revokeGrant", "DELETE", `${path}/grants/${grant["grantId"]}`, why);
    await once("resetAccount", "POST", `${path}/reset`, [
      { limits: ["refresh"], reason: "a" },
      { limits: ["refresh"] },
    ]);
    // A key is shown once.
    const key = await once("createKey", "POST", `${path}/keys`, [{ name: "a" }, { name: "b" }], 409);
    const rotation = [{ graceSeconds: 0 }, { graceSeconds: 1 }] as const;
    const rotated = await once("rotateKey", "POST", `${path}/keys/${key["keyId"]}/rotate`, rotation, 409);
    await once("revokeKey", "DELETE", `${path}/keys/${rotated["keyId"]}`, why);
    later(24 * 3_600_000);
    await once("deleteAccount", "DELETE", "/accounts/once-2", why);
    await operator.send("DELETE", path);
    const invoiceOf = async (user: string): Promise<string> => {
      const { invoices } = await operator.get("invoices", `/accounts/${user}/invoices`);
      return `/accounts/${user}/invoices/${invoices[0]?.id}`;
    };
    const invoice = await invoiceOf("once-2");
    const line = (amount: string) => ({ lines: [{ description: "setup", amount }] });
    await once("adjustInvoice", "POST", `${invoice}/adjustments`, [line("1"), line("2")]);
    await once("finalizeInvoice", "POST", `${invoice}/finalize`, why);
    const note = (amount: string) => ({ lines: [{ line: 0, amount }], reason: "x" });
    await once("createCreditNote", "POST", `${invoice}/credit-notes`, [note("0.01"), note("0.02")]);
    await once("markInvoicePaid", "POST", `${invoice}/mark-paid`, why);
    await operator.send("POST", `${await invoiceOf("once-1")}/adjustments`, line("1"));
    await once("voidInvoice", "POST", `${await invoiceOf("once-1")}/void`, [{}, { uncollectible: true }]);
    // It needs Stripe: test/history/stripe.test.ts repeats it.
    tested.add("sendInvoiceToStripe");
    const endpoints = Object.entries<Endpoint>(ADMIN_CONTRACT);
    // Those of webhooks: test/history/webhook-desk.test.ts.
    const idempotent = endpoints.flatMap(([operation, { idempotent: isOne, path: at }]) =>
      isOne && !at.includes("/webhooks") ? operation : [],
    );
    expect([...tested].toSorted()).toEqual(idempotent.toSorted());
  });
});
