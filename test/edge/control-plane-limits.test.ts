/**
 * What operators do to one account's limits, as its user's next request sees it: tier, overrides, grants, reset, block. What was used
 * stays used.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { type Customer, newCustomer, start, type Started } from "../fixtures/control-start.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

async function startWith(tier?: string): Promise<Started & { customer: Customer; path: string }> {
  const started = await start();
  const customer = await newCustomer(started, tier);
  return { ...started, customer, path: `/accounts/${customer.id}` };
}

describe("another tier", () => {
  it("admits a denied user with the next request, and denies them again if it is lowered", async () => {
    const { operator, customer, path } = await startWith();
    expect(await customer.call(6)).toEqual([200, 200, 200, 200, 200, 429]);
    await operator.do("changedAccount", "PATCH", path, { tier: "pro" });
    expect(await customer.call(2)).toEqual([200, 200]);
    expect(await customer.left()).toEqual({ day: 43, month: 193 });
    await operator.do("changedAccount", "PATCH", path, { tier: "free" });
    expect(await customer.call(1)).toEqual([429]);
    // Seven were used: not even the sixth and seventh token of a higher limit are lent.
    await operator.do("changedAccount", "PATCH", path, { limits: { day: { burst: 7 } } });
    expect(await customer.call(1)).toEqual([429]);
    await operator.do("changedAccount", "PATCH", path, { limits: { day: { burst: 8 } } });
    expect(await customer.call(2)).toEqual([200, 429]);
  });

  it("applies in every isolate, not only where it was changed", async () => {
    const { edge, operator, customer, path } = await startWith();
    const other = await startEdge({ policy: null });
    const at = async (where: typeof edge) =>
      (await where.request("/identify", { headers: customer.headers })).status;
    for (let i = 0; i < 3; i++) expect([await at(edge), await at(other)]).toContain(200);
    expect([await at(edge), await at(other)]).toEqual([429, 429]);
    await operator.do("changedAccount", "PATCH", path, { tier: "pro" });
    // An isolate that has not heard of the change may repeat a denial for a second.
    later(1_000);
    expect([await at(edge), await at(other)]).toEqual([200, 200]);
  });
});

describe("the status that an operator sees", () => {
  it("equals the user's own status, after spending, a grant and a block", async () => {
    const { edge, operator, customer, path } = await startWith();
    const reported = async (): Promise<unknown> =>
      (await edge.request("/api/v1/rate-limit/status", { headers: customer.headers })).json();
    const seen = async (): Promise<unknown> => (await operator.send("GET", `${path}/status`)).json();
    await customer.call(2);
    expect(await seen()).toEqual(await reported());
    expect(await seen()).toMatchObject({ user: customer.id, limits: [{ name: "day", remaining: 3 }, {}] });
    await operator.do("grant", "POST", `${path}/grants`, { limit: "day", amount: 4, until: inMs(HOUR_MS) });
    expect(await seen()).toMatchObject({ limits: [{ limit: 9, remaining: 7 }, {}] });
    await operator.do("changedAccount", "PATCH", path, { status: "blocked" });
    expect(await seen()).toMatchObject({ tier: "free", status: "blocked" });
  });

  it("takes no slot", async () => {
    const { operator, path } = await startWith("slots");
    const response = await operator.send("GET", `${path}/status`);
    const parallel = { name: "parallel", limit: 2, remaining: 2, resetMs: 0 };
    expect(await response.json()).toMatchObject({ limits: [{}, parallel] });
  });

  it("is available for a user without an account, by the default tier, and 404 for an invalid id", async () => {
    const { operator } = await startWith();
    const odd = encodeURIComponent("who/?#%");
    const response = await operator.send("GET", `/accounts/${odd}/status`);
    expect(await response.json()).toMatchObject({
      user: "who/?#%",
      tier: "free",
      usage: { month: { requests: 0 } },
    });
    expect(await operator.rejection("GET", `/accounts/${"x".repeat(201)}/status`)).toBe("404");
  });
});

describe("a block", () => {
  it("rejects the next request of every key through every API, and costs nothing; unblocking admits the next one", async () => {
    const { edge, operator, customer, path } = await startWith();
    const { key } = await operator.issueKey(customer.id, { scopes: ["check"] });
    const check = () =>
      edge.request("/api/v1/rate-limit/check", {
        method: "POST",
        headers: { "X-API-Key": key },
        body: JSON.stringify({ user: "somebody" }),
      });
    expect(await customer.call()).toEqual([200]);
    expect((await check()).status).toBe(200);
    await operator.do("changedAccount", "PATCH", path, { status: "blocked" });
    const response = await edge.request("/identify", { headers: customer.headers });
    expect(await problemCode(response)).toBe("403 blocked");
    expect(await problemCode(await check())).toBe("403 blocked");
    await operator.do("changedAccount", "PATCH", path, { status: "active" });
    expect(await customer.left()).toEqual({ day: 4, month: 19 });
    expect(await customer.call()).toEqual([200]);
  });
});

describe("overrides", () => {
  it("apply to the next request, are shown, replace earlier ones, and null restores the tier's", async () => {
    const { operator, customer, path } = await startWith();
    const patch = (limits: unknown) => operator.do("changedAccount", "PATCH", path, { limits });
    expect(await patch({ day: { burst: 2 }, month: { amount: 9, per: "day" } })).toMatchObject({
      limits: { day: { burst: 2 }, month: { amount: 9, per: "day" } },
    });
    expect(await customer.left()).toEqual({ day: 2, month: 9 });
    expect(await patch({ day: { tokens: 3, per: "hour", burst: 4.5 } })).toMatchObject({
      limits: { day: { tokens: 3, per: "hour", burst: 4.5 } },
    });
    expect(await customer.left()).toEqual({ day: 4.5, month: 20 });
    expect((await patch(null)).limits).toEqual({});
    expect(await customer.left()).toEqual({ day: 5, month: 20 });
    await patch({ day: { burst: 9 } });
    expect((await patch({})).limits).toEqual({});
  });

  it.each<[what: string, limits: unknown, rejection: string]>([
    ["a limit that the tier has not", { hour: { tokens: 1 } }, "422 /limits/hour"],
    ["a limit of another tier", { parallel: { max: 9 } }, "422 /limits/parallel"],
    ["a number of another kind", { day: { amount: 1 } }, "422 /limits/day/amount"],
    ["a period of another kind", { day: { per: "month" } }, "422 /limits/day/per"],
    ["several faults", { day: { max: 1 }, gone: {} }, "422 /limits/day/max /limits/gone"],
    ["an unknown field", { day: { brust: 1 } }, "422 /limits/day/brust"],
    ["0", { day: { burst: 0 } }, "422 /limits/day/burst"],
    ["a negative number", { month: { amount: -1 } }, "422 /limits/month/amount"],
    ["a number too fine to be counted", { day: { burst: 1.0001 } }, "422 /limits/day/burst"],
    ["a number beyond all bounds", { day: { burst: 1e15 } }, "422 /limits/day/burst"],
    ["a number as text", { day: { burst: "9" } }, "422 /limits/day/burst"],
    ["a name in capitals", { Day: {} }, "422 /limits/Day"],
    ["a name that objects inherit", { __proto__x: {} }, "422 /limits/__proto__x"],
    ["a number for a limit", { day: 9 }, "422 /limits/day"],
    ["a list", [], "422 /limits"],
  ])("of %s are rejected with their place, and change nothing", async (_what, limits, rejection) => {
    const { operator, customer, path } = await startWith();
    expect(await operator.rejection("PATCH", path, { limits })).toBe(rejection);
    expect(await customer.left()).toEqual({ day: 5, month: 20 });
    expect(await operator.get("account", path)).toMatchObject({ limits: {}, version: 1 });
  });

  it("are checked against the tier of the same change", async () => {
    const { operator, customer, path } = await startWith();
    const limits = { parallel: { max: 9 } };
    expect(await operator.rejection("PATCH", path, { limits })).toBe("422 /limits/parallel");
    await operator.do("changedAccount", "PATCH", path, { tier: "slots", limits });
    expect(await customer.holds()).toEqual({ day: 50, parallel: 9 });
  });

  it("with a burst too large for the tier's rate are rejected, because it could not be counted exactly", async () => {
    const { operator, path } = await startWith("odd");
    expect(await operator.rejection("PATCH", path, { limits: { day: { burst: 1e9 } } })).toBe(
      "422 /limits/day",
    );
  });
});

describe("a grant", () => {
  it("admits a denied user with the next request, is shown, and ends at its time", async () => {
    const { operator, customer, path } = await startWith();
    await customer.call(5);
    expect(await customer.call()).toEqual([429]);
    const until = inMs(HOUR_MS);
    const grant = await operator.do("grant", "POST", `${path}/grants`, { limit: "day", amount: 2.5, until });
    expect(grant).toMatchObject({ limit: "day", amount: 2.5, until, createdAt: inMs(0) });
    expect((await operator.get("account", path)).grants).toEqual([grant]);
    expect(await customer.call(3)).toEqual([200, 200, 429]);
    later(HOUR_MS);
    expect((await operator.get("account", path)).grants).toEqual([]);
    expect(await customer.left()).toMatchObject({ day: 0 });
  });

  it("of a quota admits a user whose month is used up, in this month only", async () => {
    const { operator, customer, path } = await startWith();
    await operator.do("changedAccount", "PATCH", path, { limits: { day: { burst: 500 } } });
    expect((await customer.call(21)).filter((status) => status === 200)).toHaveLength(20);
    await operator.do("grant", "POST", `${path}/grants`, {
      limit: "month",
      amount: 2,
      until: inMs(40 * 24 * HOUR_MS),
    });
    expect(await customer.call(3)).toEqual([200, 200, 429]);
    later(31 * 24 * HOUR_MS);
    expect(await customer.left()).toMatchObject({ month: 22 });
  });

  it.each<[what: string, change: object, rejection: string]>([
    ["of the past", { until: "2020-01-01T00:00:00Z" }, "422 /until"],
    ["until now", { until: "now" }, "422 /until"],
    ["for longer than a year", { until: "2101-12-31T00:00:00Z" }, "422 /until"],
    ["until a time of another zone", { until: "2100-12-01T00:00:00+02:00" }, "422 /until"],
    ["until a date", { until: "2100-12-01" }, "422 /until"],
    ["until a day that is none", { until: "2101-02-30T00:00:00Z" }, "422 /until"],
    ["without an end", { until: undefined }, "422 /until"],
    ["of a limit that the tier lacks", { limit: "parallel" }, "422 /limit"],
    ["of an unknown limit", { limit: "typo" }, "422 /limit"],
    ["of a route's limit", { limit: "refresh" }, "422 /limit"],
    ["of nothing", { amount: 0 }, "422 /amount"],
    ["of less than nothing", { amount: -5 }, "422 /amount"],
    ["of too little to be counted", { amount: 0.0001 }, "422 /amount"],
    ["of an endless amount", { amount: 1e12 }, "422 /amount"],
    ["with an unknown field", { forever: true }, "422 /forever"],
  ])("%s is rejected, and changes nothing", async (_what, change, rejection) => {
    const { operator, customer, path } = await startWith();
    const body = { limit: "day", amount: 1, until: inMs(HOUR_MS), ...change };
    expect(await operator.rejection("POST", `${path}/grants`, body)).toBe(rejection);
    expect(await customer.left()).toEqual({ day: 5, month: 20 });
    expect((await operator.get("audit", `${path}/audit`)).entries).toHaveLength(2);
  });

  it("that cannot be counted exactly is rejected, and leaves those in force unchanged", async () => {
    const { operator, customer, path } = await startWith("odd");
    const grant = (amount: number) => ({ limit: "day", amount, until: inMs(HOUR_MS) });
    await operator.do("grant", "POST", `${path}/grants`, grant(10));
    expect(await operator.rejection("POST", `${path}/grants`, grant(1e9))).toBe("422 /limit");
    expect(await customer.left()).toEqual({ day: 15 });
  });

  it("of half a slot is rejected, and of two slots admits two more", async () => {
    const { operator, customer, path } = await startWith("slots");
    const grant = (amount: number) => ({ limit: "parallel", amount, until: inMs(HOUR_MS) });
    expect(await operator.rejection("POST", `${path}/grants`, grant(0.5))).toBe("422 /limit");
    await operator.do("grant", "POST", `${path}/grants`, grant(2));
    expect(await customer.holds()).toMatchObject({ parallel: 4 });
  });

  it("that is revoked ends with the next request; the trail has who, why and which", async () => {
    const { operator, customer, path } = await startWith();
    const until = inMs(HOUR_MS);
    const grant = await operator.do("grant", "POST", `${path}/grants`, { limit: "day", amount: 4, until });
    expect(await customer.call(7)).toEqual([200, 200, 200, 200, 200, 200, 200]);
    const revocation = `${path}/grants/${grant.grantId}`;
    expect(await operator.do("grant", "DELETE", `${revocation}?reason=too%20much`)).toEqual(grant);
    expect(await customer.call()).toEqual([429]);
    expect(await customer.left()).toMatchObject({ day: 0, month: 13 });
    expect((await operator.get("account", path)).grants).toEqual([]);
    const [entry] = (await operator.get("audit", `${path}/audit`)).entries;
    expect(entry).toMatchObject({
      action: "grant.revoke",
      reason: "too much",
      before: { grantId: grant.grantId, limit: "day", amount: 4, until },
      after: null,
    });
    expect(await operator.rejection("DELETE", revocation)).toBe("404");
    expect(await operator.rejection("DELETE", `${path}/grants/none`)).toBe("404");
    expect(await operator.rejection("DELETE", `${revocation}?until=now`)).toBe("400 /until");
    expect(await operator.rejection("DELETE", `/accounts/nobody/grants/${grant.grantId}`)).toBe("404");
  });

  it("beyond the fiftieth is 409, and leaves those in force unchanged", async () => {
    const { operator, customer, path } = await startWith();
    const grant = { limit: "day", amount: 1, until: inMs(HOUR_MS) };
    for (let i = 0; i < 50; i++) await operator.do("grant", "POST", `${path}/grants`, grant);
    expect(await problemCode(await operator.send("POST", `${path}/grants`, grant))).toBe("409 conflict");
    expect(await customer.left()).toMatchObject({ day: 55 });
  });
});

describe("another tier", () => {
  it("keeps the account's overrides and grants, and says which still apply; null removes the overrides", async () => {
    const { operator, customer, path } = await startWith();
    const limits = { day: { burst: 9 }, month: { amount: 200 } };
    await operator.do("changedAccount", "PATCH", path, { limits });
    await operator.do("grant", "POST", `${path}/grants`, { limit: "month", amount: 3, until: inMs(HOUR_MS) });
    // 200 equals the tier's own number: it changes nothing.
    expect(await operator.do("changedAccount", "PATCH", path, { tier: "pro" })).toMatchObject({
      overridesKept: ["day"],
      grantsKept: ["month"],
      orphaned: { tier: false, limits: [], grants: [] },
    });
    expect(await customer.holds()).toEqual({ day: 9, month: 203 });
    expect(await operator.do("changedAccount", "PATCH", path, { tier: "slots" })).toMatchObject({
      overridesKept: ["day"],
      grantsKept: [],
      orphaned: { tier: false, limits: ["month"], grants: ["month"] },
    });
    expect(await operator.get("account", path)).toMatchObject({ orphaned: { limits: ["month"] } });
    expect(await operator.do("changedAccount", "PATCH", path, { limits: null })).toMatchObject({
      overridesKept: [],
      orphaned: { limits: [], grants: ["month"] },
    });
    expect(await customer.holds()).toEqual({ day: 50, parallel: 2 });
  });

  it("with overrides in the same change keeps no others, and other changes list none", async () => {
    const { operator, path } = await startWith();
    await operator.do("changedAccount", "PATCH", path, { limits: { day: { burst: 9 } } });
    const change = { tier: "pro", limits: { day: { burst: 8 } } };
    expect(await operator.do("changedAccount", "PATCH", path, change)).toMatchObject({ overridesKept: [] });
    expect(await operator.do("changedAccount", "PATCH", path, { name: "x" })).toMatchObject({
      overridesKept: [],
      grantsKept: [],
    });
    // The same tier again gets the same response.
    expect(await operator.do("changedAccount", "PATCH", path, { tier: "pro" })).toMatchObject({
      overridesKept: ["day"],
    });
  });
});

describe("a reset", () => {
  it("of one limit refills it, of all refills all, and the ledger keeps what was used", async () => {
    const { operator, customer, path } = await startWith();
    await customer.call(5);
    await operator.do("account", "POST", `${path}/reset`, { limits: ["day"] });
    expect(await customer.left()).toEqual({ day: 5, month: 15 });
    expect(await customer.call()).toEqual([200]);
    await operator.do("account", "POST", `${path}/reset`, {});
    expect(await customer.left()).toEqual({ day: 5, month: 20 });
    expect((await operator.get("usage", `${path}/usage`)).usage).toMatchObject([{ requests: 6, denied: 0 }]);
  });

  it("of a route's limit admits the next request to that route", async () => {
    const { operator, customer, path } = await startWith();
    expect(await customer.call(2, "/refresh")).toEqual([200, 429]);
    await operator.do("account", "POST", `${path}/reset`, { limits: ["refresh"] });
    expect(await customer.call(2, "/refresh")).toEqual([200, 429]);
  });

  it.each<[what: string, body: unknown, rejection: string]>([
    ["a limit that no policy has", { limits: ["day", "typo"] }, "422 /limits/1"],
    ["another tier's limit", { limits: ["day", "parallel"] }, "422 /limits/1"],
    ["two unknown limits", { limits: ["parallel", "day", "typo"] }, "422 /limits/0 /limits/2"],
    ["a name that objects inherit", { limits: ["constructor"] }, "422 /limits/0"],
    ["an empty list", { limits: [] }, "422 /limits"],
    ["more limits than there can be", { limits: Array.from({ length: 33 }, () => "day") }, "422 /limits"],
    ["an invalid name", { limits: ["a b"] }, "422 /limits/0"],
    ["an unknown field", { limit: "day" }, "422 /limit"],
  ])("of %s is rejected, and resets nothing", async (_what, body, rejection) => {
    const { operator, customer, path } = await startWith();
    await customer.call(2);
    expect(await operator.rejection("POST", `${path}/reset`, body)).toBe(rejection);
    expect(await customer.left()).toEqual({ day: 3, month: 18 });
  });

  it("of an unknown limit lists the known ones", async () => {
    const { operator, path } = await startWith();
    const problem = await problemOf(await operator.send("POST", `${path}/reset`, { limits: ["parallel"] }));
    expect(problem.errors).toEqual([
      { path: "/limits/0", message: 'unknown limit "parallel" (known: day, month, refresh)' },
    ]);
  });

  it("of a limit of the previous tier resets it for the account's return to that tier", async () => {
    const { operator, customer, path } = await startWith();
    await customer.call(3);
    await operator.do("changedAccount", "PATCH", path, { tier: "slots" });
    await operator.do("account", "POST", `${path}/reset`, { limits: ["month"] });
    await operator.do("changedAccount", "PATCH", path, { tier: "free" });
    expect(await customer.left()).toEqual({ day: 2, month: 20 });
  });

  it("of a missing account is 404, whatever limits it names", async () => {
    const { operator } = await startWith();
    expect(await operator.rejection("POST", "/accounts/nobody/reset", { limits: ["typo"] })).toBe("404");
  });
});
