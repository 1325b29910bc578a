/** An account's usage as it is billed: every admitted request once, by hour, day, month and route. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hurry, later, request, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { DecisionRequest } from "../../src/core/decision.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { userSubject } from "../../src/identity/authenticate.ts";
import type { UsageQuery } from "../../src/objects/account.ts";
import type { ObjectCall } from "../../src/objects/object-call.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { newCustomer, start } from "../fixtures/control-start.ts";
import { busyCustomer, type UsageRow } from "../fixtures/control-usage.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => {
  startClock();
  hurry();
});
afterEach(stopClock);

const usageOf = async (operator: Operator, id: string, query: string): Promise<UsageRow[]> => {
  const from = new Date(START_MS).toISOString();
  const pages = await operator.pages("usage", `/accounts/${id}/usage?from=${from}&${query}`);
  return pages.flatMap(({ usage }) => usage);
};

describe("usage", () => {
  it("equals what was admitted, by hour, day, week and month, in total and by route, with any page size", async () => {
    const started = await start();
    const { customer, tally } = await busyCustomer(started);
    const { operator } = started;
    for (const granularity of ["hour", "day", "week", "month"] as const) {
      const all = tally.rows(granularity, false);
      const byRoute = tally.rows(granularity, true);
      const query = `granularity=${granularity}`;
      expect(await usageOf(operator, customer.id, query)).toEqual(all);
      expect(await usageOf(operator, customer.id, `${query}&limit=7`)).toEqual(all);
      expect(await usageOf(operator, customer.id, `${query}&group=route`)).toEqual(byRoute);
      expect(await usageOf(operator, customer.id, `${query}&group=route&limit=3`)).toEqual(byRoute);
    }
    // The mix covers months, denials, fractions and an open hour.
    const months = tally.rows("month", false);
    expect(months.length).toBeGreaterThan(2);
    expect(months.some(({ denied }) => denied > 0)).toBe(true);
    expect(months.some(({ cost }) => cost % 1 !== 0)).toBe(true);
    const open = await operator.get("usage", `/accounts/${customer.id}/usage?granularity=hour`);
    expect(open.usage.at(-1)).toEqual(tally.rows("hour", false).at(-1));
  });

  it("contains each row exactly once, even if routes are first used between two pages", async () => {
    const started = await start();
    const { operator, edge } = started;
    const customer = await newCustomer(started, "pro");
    const use = async (path: string) => {
      expect((await edge.request(path, { headers: customer.headers })).status).toBe(200);
      await edge.backgroundDone();
    };
    const page = (query: string) =>
      operator.get("usage", `/accounts/${customer.id}/usage?granularity=day&group=route&limit=1${query}`);
    const shown = ({ usage }: { usage: UsageRow[] }) => usage.map(({ route, requests }) => [route, requests]);
    await use("/identify");
    await use("/refresh");
    const first = await page("");
    expect(shown(first)).toEqual([["/identify", 1]]);
    // Before the position and at it: the next page still starts after it.
    await use("/compare");
    await use("/identify");
    const second = await page(`&cursor=${first.cursor}`);
    expect(shown(second)).toEqual([["/refresh", 1]]);
    expect(second.cursor).toBeNull();
    // After the position, in the same period and in a later one.
    later(24 * HOUR_MS);
    await use("/compare");
    const third = await page(`&cursor=${first.cursor}`);
    expect(shown(third)).toEqual([["/refresh", 1]]);
    const last = await page(`&cursor=${third.cursor}`);
    expect(shown(last)).toEqual([["/compare", 1]]);
    expect(last.cursor).toBeNull();
    // As CSV: the link leads to the same rows.
    const csv = async (path: string) => {
      const response = await operator.send("GET", `${path}&format=csv`);
      const link = response.headers.get("Link")?.match(/cursor=([\w-]+)/)?.[1];
      return [(await response.text()).split("\r\n").slice(1, -1), link];
    };
    const path = `/accounts/${customer.id}/usage?granularity=day&group=route&limit=1&cursor=${first.cursor}`;
    const [lines, link] = await csv(path);
    expect(lines).toEqual([expect.stringMatching(/,\/refresh,1,1,0,$/)]);
    expect(link).toBe(third.cursor);
  });

  it("continues with the month it began with, even if no time is given and the month ends between two pages", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started, "pro");
    vi.setSystemTime(Date.UTC(2100, 10, 30, 21, 59, 30));
    for (let hour = 0; hour < 2; hour++) {
      await call();
      later(HOUR_MS);
    }
    const path = `/accounts/${id}/usage?granularity=hour&limit=1`;
    const first = await operator.get("usage", path);
    later(HOUR_MS);
    await call();
    const pages = await operator.pages("usage", path, first.cursor);
    expect(pages.flatMap(({ usage }) => usage).map(({ period }) => period)).toEqual([
      "2100-11-30T22:00:00Z",
      "2100-12-01T00:00:00Z",
    ]);
  });

  it("accepts only a cursor of the same rows, and rejects one from an earlier version with an explanation", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started, "pro");
    await call();
    later(HOUR_MS);
    await call();
    const path = `/accounts/${id}/usage?limit=1`;
    const { cursor } = await operator.get("usage", `${path}&granularity=hour`);
    for (const other of [
      "granularity=day",
      "granularity=month",
      "granularity=hour&group=route",
      "granularity=hour&group=key",
      "granularity=hour&group=unit,route",
    ]) {
      expect(await operator.rejection("GET", `${path}&${other}&cursor=${cursor}`), other).toBe("400 /cursor");
    }
    // The same time in another spelling would compare as another row.
    const respelt = btoa('["2026-11-21T00:00:00.000Z"]').replace(/=+$/, "");
    expect(await operator.rejection("GET", `${path}&granularity=day&cursor=${respelt}`)).toBe("400 /cursor");
    // "1000": a number of rows to skip.
    const old = await operator.send("GET", `${path}&cursor=MTAwMA`);
    expect(await old.json()).toMatchObject({
      status: 400,
      errors: [{ path: "/cursor", message: expect.stringContaining("earlier version") }],
    });
  });

  it("follows the periods of a quota with an anchor day, also in months without that day", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started, "pro");
    // A leap year: one request at each end of each period.
    for (const at of ["2108-01-31T00:00Z", "2108-02-28T23:59Z", "2108-02-29T00:00Z", "2108-03-30T23:59Z"]) {
      vi.setSystemTime(Date.parse(at));
      await call();
    }
    vi.setSystemTime(Date.parse("2108-03-31T00:00Z"));
    await call(3);
    const months = `/accounts/${id}/usage?granularity=month&anchorDay=31`;
    const { from, usage } = await operator.get("usage", months);
    expect([from, ...usage.map(({ requests }) => requests)]).toEqual(["2108-03-31T00:00:00.000Z", 3]);
    const pages = await operator.pages("usage", `${months}&from=2108-01-31&limit=1`);
    expect(pages.flatMap((page) => page.usage).map(({ period, requests }) => [period, requests])).toEqual([
      ["2108-01-31T00:00:00Z", 2],
      ["2108-02-29T00:00:00Z", 2],
      ["2108-03-31T00:00:00Z", 3],
    ]);
  });

  it("covers whole hours between from and to, and says which", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started, "pro");
    // One request in the first hour of November, two in the second, and so on.
    vi.setSystemTime(Date.UTC(2100, 10, 1));
    for (let hour = 1; hour <= 4; hour++) {
      await call(hour);
      later(HOUR_MS);
    }
    const requests = async (query: string) => {
      const { usage, from, to } = await operator.get(
        "usage",
        `/accounts/${id}/usage?granularity=hour&${query}`,
      );
      return [from.slice(5, 16), to.slice(5, 16), ...usage.map((row) => row.requests)];
    };
    const day = "2100-11-01";
    expect(await requests("")).toEqual(["11-01T00:00", "11-01T05:00", 1, 2, 3, 4]);
    expect(await requests(`from=${day}T01:00:00Z&to=${day}T03:00:00Z`)).toEqual([
      "11-01T01:00",
      "11-01T03:00",
      2,
      3,
    ]);
    expect(await requests(`from=${day}T01:59:59.999Z&to=${day}T02:00:00.001Z`)).toEqual([
      "11-01T01:00",
      "11-01T03:00",
      2,
      3,
    ]);
    expect(await requests(`from=${day}T02:00:00Z`)).toEqual(["11-01T02:00", "11-01T05:00", 3, 4]);
    expect(await requests(`from=2100-10-31&to=${day}`)).toEqual(["10-31T00:00", "11-01T00:00"]);
    // Up to the end of a month, without a start: that month.
    expect(await requests("to=2100-12-01")).toEqual(["11-01T00:00", "12-01T00:00", 1, 2, 3, 4]);
    expect(await requests(`from=0001-01-01&to=9999-12-31`)).toEqual([
      "01-01T00:00",
      "12-31T00:00",
      1,
      2,
      3,
      4,
    ]);
  });

  it.each<[query: string, rejection: string]>([
    ["from=2100-10-02&to=2100-10-02", "400 /from"],
    ["from=2100-10-03&to=2100-10-02", "400 /from"],
    ["from=2101-01-01", "400 /from"],
    ["from=yesterday", "400 /from"],
    ["from=1700000000", "400 /from"],
    ["from=2100-02-30", "400 /from"],
    ["from=2100-10-01T00:00:00", "400 /from"],
    ["from=2100-10-01T00:00:00%2B01:00", "400 /from"],
    ["to=", "400 /to"],
    ["granularity=year", "400 /granularity"],
    ["anchorDay=15", "400 /anchorDay"],
    ["granularity=hour&anchorDay=1", "400 /anchorDay"],
    ["granularity=month&anchorDay=0", "400 /anchorDay"],
    ["granularity=month&anchorDay=32", "400 /anchorDay"],
    ["group=tier", "400 /group"],
    ["group=route,route", "400 /group"],
    ["group=route,", "400 /group"],
    ["format=xml", "400 /format"],
    ["limit=1001", "400 /limit"],
    ["limit=0", "400 /limit"],
    ["cursor=AAAA", "400 /cursor"],
    ["cursor=LTE", "400 /cursor"],
    ["order=desc", "400 /order"],
  ])("rejects %s", async (query, rejection) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "asked" });
    expect(await operator.rejection("GET", `/accounts/asked/usage?${query}`)).toBe(rejection);
  });

  it("is empty for an account that has used nothing, and 404 for an unknown id", async () => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "idle" });
    expect(await operator.get("usage", "/accounts/idle/usage")).toMatchObject({
      account: "idle",
      usage: [],
      cursor: null,
    });
    expect(await operator.rejection("GET", "/accounts/ilde/usage")).toBe("404");
    expect(await operator.rejection("GET", "/accounts/ilde/usage?format=csv")).toBe("404");
  });

  it("is grouped by route, key and unit in any combination, with the same sums, page by page and as CSV", async () => {
    const started = await start();
    const { operator } = started;
    const revision = await operator.revision();
    const { id: user, keyId } = await newCustomer(started, "unlimited");
    const { keyId: second } = await operator.issueKey(user);
    const mixed: DecisionRequest["units"] = [
      ["rows", 500],
      ["tokens", 40_000],
    ];
    const costs: [string, string | null, number, DecisionRequest["units"]?][] = [
      ["/identify", null, 1_000],
      ["/identify", keyId, 2_500, mixed],
      ["/compare", second, 2_000, [["tokens", 7_000]]],
    ];
    const decisions = costs.map(([route, key, costMilli, units]) =>
      request({ revision, tier: "unlimited", route, keyId: key, costMilli, ...(units ? { units } : {}) }),
    );
    await env.USER_LIMITER.getByName(userSubject(user)).decide(decisions);
    const path = `/accounts/${user}/usage?granularity=month`;
    const [whole] = (await operator.get("usage", path)).usage;
    for (const group of ["key", "unit", "route,unit", "unit,key", "key,route,unit"]) {
      const { usage } = await operator.get("usage", `${path}&group=${group}`);
      expect(usage.reduce((sum, { requests }) => sum + requests, 0)).toBe(whole?.requests);
      const costOf = (unit: string) =>
        usage.reduce(
          (sum, row) => sum + ((row.unit ?? "requests") === unit ? row.cost : (row.units?.[unit] ?? 0)),
          0,
        );
      const sums = { requests: whole?.cost, ...whole?.units };
      for (const [unit, cost] of Object.entries(sums)) expect(costOf(unit), `${group} ${unit}`).toBe(cost);
      const pages = await operator.pages("usage", `${path}&group=${group}&limit=1`);
      expect(pages.flatMap((page) => page.usage)).toEqual(usage);
    }
    const csv = await operator.send("GET", `${path}&group=unit,route&format=csv`);
    expect(await csv.text()).toBe(
      [
        "period,route,unit,requests,cost,denied",
        "2100-10-01T00:00:00Z,/compare,requests,1,2,0",
        "2100-10-01T00:00:00Z,/compare,tokens,0,7,0",
        "2100-10-01T00:00:00Z,/identify,requests,2,3.5,0",
        "2100-10-01T00:00:00Z,/identify,rows,0,0.5,0",
        "2100-10-01T00:00:00Z,/identify,tokens,0,40,0",
        "",
      ].join("\r\n"),
    );
  });

  it("is 503 if the account's object has an earlier version, which would answer with other rows", async () => {
    const older = {
      getByName: (subject: string) => ({
        serve: (call: ObjectCall) => env.USER_LIMITER.getByName(subject).serve(call),
        usage: ({ by: _unknown, ...known }: UsageQuery) => env.USER_LIMITER.getByName(subject).usage(known),
      }),
    };
    const { operator } = await start({ variables: { USER_LIMITER: older as never } });
    const customer = await newCustomer(await start());
    await customer.call();
    const path = `/accounts/${customer.id}/usage`;
    expect((await operator.get("usage", `${path}?group=route`)).usage).toMatchObject([{ requests: 1 }]);
    expect(await operator.rejection("GET", `${path}?group=key`)).toBe("503");
    expect(await operator.rejection("GET", `${path}?group=route,unit`)).toBe("503");
  });

  it("is available for a user without an account, too: a service's checks are metered", async () => {
    const started = await start();
    const { edge, operator } = started;
    const service = await newCustomer(started);
    const { key } = await operator.issueKey(service.id, { scopes: ["check"] });
    const body = JSON.stringify({ user: "stranger", cost: 3 });
    await edge.request("/api/v1/rate-limit/check", { method: "POST", headers: { "X-API-Key": key }, body });
    expect((await operator.get("usage", "/accounts/stranger/usage")).usage).toMatchObject([
      { requests: 1, cost: 3 },
    ]);
  });
});
